/*
 * The logon fails on this machine: a library it needs is not installed.
 */
#include "rules.h"

const mr_rule mr_rule_auth_missing = {
    .id = "AUTH.MISSING",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 126,
    .require = {{.any = {MR_FACT_AUTH_MISSING}}},
    .summary = "a library that logons need is not installed",
    .cause = "The logon {user|as asked} cannot be made on this machine: {other}. Nothing was sent "
             "for it, and nothing is known of the account or the server's view of it.",
    .reference = "dlopen(3)",
    .remedies = {{.text = "Install the package.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "apt-get install libssl3 libgssapi-krb5-2",
                  .verify = "msrpc diagnose {host} --only AUTH.LOGON"}},
};
