/*
 * Nobody is logged on, and no other rule says why: a failure is one, whatever its number.
 */
#include "rules.h"

const mr_rule mr_rule_auth_failed = {
    .id = "AUTH.FAILED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .last = true,
    .win32 = 1825,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_AUTH_FAILED}}},
    .explains = {"KRB.REFUSED", "KRB.DELEGATION"},
    .summary = "the logon fails",
    .cause = "{user|The account} is not logged on: {other}. Why is not known.",
    .reference = "RFC 4120 7.5.9; MS-RPCE 3.3.1.5.2",
    .remedies = {{.text = "See what the number means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain krb:{krb}"},
                 {.text = "Read in the log of {address|the server} why the logon failed.",
                  .run_on = MR_PLACE_SERVER},
                 {.text = "Ask for one mechanism alone: kerberos or ntlm.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --auth kerberos"}},
};
