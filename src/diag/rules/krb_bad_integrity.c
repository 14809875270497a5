/*
 * A message fails its check: wrong key or changed on the way.
 */
#include "rules.h"

bool mr_test_krb_bad_integrity(const mr_fact *fact) {
    return fact->krb == 31 || fact->krb == 36;
}

const mr_rule mr_rule_krb_bad_integrity = {
    .id = "KRB.BAD_INTEGRITY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(KRB),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .test = mr_test_krb_bad_integrity,
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "a Kerberos message fails its integrity check",
    .cause = "{address} could not verify what {user|the client} sent ({krb}): it was made with "
             "another key (a password just changed and not replicated), ticket and client do not "
             "belong together, or a device on the way changes the data.",
    .reference = "RFC 4120 3.2.3, 7.5.9",
    .remedies = {{.text = "Drop the old tickets and try again.",
                  PURGE_TICKETS, .verify = "msrpc diagnose {host} --auth kerberos"},
                 {.text = "See whether the controllers replicate.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "repadmin /replsummary"}},
};
