/*
 * The KDC itself has a problem.
 */
#include "rules.h"

bool mr_test_krb_kdc_failed(const mr_fact *fact) {
    return fact->krb == 29 || fact->krb == 60;
}

const mr_rule mr_rule_krb_kdc_failed = {
    .id = "KRB.KDC_FAILED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1311,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(KRB),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(ADDRESS) | MR_F(EXCHANGE) | MR_F(USER)},
               {.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)}},
    .test = mr_test_krb_kdc_failed,
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the KDC failed",
    .cause = "The KDC {address} answers {krb} ({ntstatus|without a status of its own}): it "
             "cannot serve at this time. It is starting or stopping, its database is locked, or "
             "it cannot reach the domain it refers to.",
    .reference = "RFC 4120 7.5.9; MS-KILE 2.2.2",
    .remedies = {{.text = "Look at the health of the controller.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "dcdiag /test:services /test:advertising"},
                 {.text = "See whether another controller serves.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsgetdc:%USERDNSDOMAIN% /force /kdc"}},
};
