/*
 * The clocks differ by more than Kerberos allows. A client that corrects itself by the time in the
 * error and is granted a ticket has no failure.
 */
#include "rules.h"

const mr_rule mr_rule_krb_skew = {
    .id = "KRB.SKEW",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1398,
    .per = MR_F(EXCHANGE),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 37)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(ADDRESS) | MR_F(EXCHANGE)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "SMB.TIME_DIFFERENCE", "SMB.ACCESS_DENIED",
                 "KRB.PREAUTH_FAILED", "CLOCK.DIFFERS"},
    .summary = "clocks differ by more than Kerberos allows",
    .cause = "{address} refuses with {krb}: the client's clock and its own differ by "
             "{seconds|more than 300 s} (the client is {clock|off}). Kerberos allows five "
             "minutes.",
    .reference = "RFC 4120 3.2.3, 7.5.9",
    .remedies = {{.text = "Measure the difference against the domain controller.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /stripchart /computer:{address} /samples:3 /dataonly"},
                 {.text = "Let Windows set the clock from the domain.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /resync /rediscover"},
                 {.text = "See whom this computer takes its time from: a domain member from its "
                          "domain, not from the virtual machine's host.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /query /source"}},
};
