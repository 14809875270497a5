/*
 * A host may not have the NetBIOS name that it registers: somebody else has it.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_name_taken = {
    .id = "NETBIOS.NAME_TAKEN",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_DUP_NAME,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NETBIOS_NAME_TAKEN}}},
    .summary = "the NetBIOS name belongs to another host",
    .cause = "{address|A host} registered {name}<{suffix}> and was refused by "
             "{server|{sender|its owner}}: the name is active elsewhere or in conflict. The host "
             "goes on without it, and clients that use it reach the other one.",
    .reference = "RFC 1002 4.2.6, 4.2.8; RFC 1001 15.2",
    .remedies = {{.text = "On the host, see which of its names are marked as in conflict.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -n",
                  .verify = "msrpc name {name} --netbios"},
                 {.text = "Rename one of the two, or delete the stale registration in WINS, then "
                          "register again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -RR"}},
};
