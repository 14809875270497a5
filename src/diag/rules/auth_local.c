/*
 * The logon fails on this machine: no tickets, no keys, a file that cannot be read.
 */
#include "rules.h"

const mr_rule mr_rule_auth_local = {
    .id = "AUTH.LOCAL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1312,
    .require = {{.any = {MR_FACT_AUTH_LOCAL}}},
    .summary = "the logon fails on this machine",
    .cause = "The logon {user|as asked} fails here, before any server judged it: {other}.",
    .reference = "RFC 4120 3.1, 3.3",
    .remedies = {{.text = "See which tickets there are, and until when.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "klist -e"},
                 {.text = "Where a key table is the proof, see which principals are in it, and "
                          "name one of them.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "klist -k -e FILE"},
                 {.text = "For Kerberos name the server by its full DNS name, and get a ticket or "
                          "give a password, a hash or a key table.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "kinit"}},
};
