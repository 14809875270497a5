/*
 * Two accounts claim the service name, so that the KDC gives a ticket for neither.
 */
#include "rules.h"

const mr_rule mr_rule_krb_not_unique = {
    .id = "KRB.NOT_UNIQUE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1396,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 8)}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "two accounts have the same service name (SPN)",
    .cause = "The KDC {address} finds {spn|the service name} on more than one account and gives "
             "no ticket ({krb}).",
    .reference = "RFC 4120 7.5.9; MS-KILE 3.3.5.7",
    .remedies = {{.text = "List the names that are registered twice.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -X -F"},
                 {.text = "Take it off the account that the service does not run as.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -D {spn} ACCOUNT",
                  .risk = "On the wrong account it ends Kerberos for the service.",
                  .undo = "setspn -S {spn} ACCOUNT",
                  .verify = "msrpc diagnose {host} --auth kerberos"}},
};
