/*
 * The service has no key for the ticket at all, or only an older one.
 */
#include "rules.h"

bool mr_test_krb_no_key(const mr_fact *fact) {
    return fact->krb == 35 || fact->krb == 44 || fact->krb == 45;
}

const mr_rule mr_rule_krb_no_key = {
    .id = "KRB.NO_KEY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1396,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .test = mr_test_krb_no_key,
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the service lacks the key for the ticket",
    .cause = "{address} has no key for the ticket for {spn|the service} ({krb}): its keytab does "
             "not hold the name or is older than the account's password, or its machine password "
             "was changed behind its back.",
    .reference = "RFC 4120 7.5.9",
    .remedies = {{.text = "See which names and key versions the keytab holds.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_SH,
                  .command = "klist -k -e"},
                 {.text = "On Windows, test the secure channel of the server.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Verbose"}},
};
