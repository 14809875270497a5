/*
 * Kerberos answers with an error that no other rule knows. Errors that are steps of a dialogue are
 * left out.
 */
#include "rules.h"

/* Codes of other rules, and steps: preauthentication required or gone stale, answer too big, more
 * data wanted, a mechanism that the KDC does not have. */
static const uint8_t known[] = {0,  1,  2,  6,  7,  8,  12, 13, 14, 16, 18, 19, 21, 22, 23, 24,
                                25, 27, 29, 31, 32, 33, 34, 35, 36, 37, 38, 41, 44, 45, 48, 52,
                                60, 62, 63, 64, 65, 66, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77,
                                78, 79, 80, 81, 90, 91, 93};

bool mr_test_krb_refused(const mr_fact *fact) {
    for (size_t i = 0; i < MR_COUNT(known); i++) {
        if (known[i] == fact->krb)
            return false;
    }
    return true;
}

const mr_rule mr_rule_krb_refused = {
    .id = "KRB.REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(ADDRESS) | MR_F(KRB),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)},
               {.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(USER)}},
    .test = mr_test_krb_refused,
    .summary = "Kerberos refuses",
    .cause = "{address} answers a {exchange} request with {krb}.",
    .reference = "RFC 4120 7.5.9",
    .remedies = {{.text = "See what the number means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain krb:{krb}"}},
};
