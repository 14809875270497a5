/*
 * A host lost a name to another one and says so itself.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_node_in_conflict = {
    .id = "NETBIOS.NODE_IN_CONFLICT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_DUP_NAME,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NETBIOS_NODE_CONFLICT}}},
    .summary = "a host lost its NetBIOS name to another one",
    .cause = "{address} marks {name}<{suffix}> as in conflict: when it registered the name, "
             "another host defended it. The host does not answer to the name any more (Windows "
             "logs event 4319 or 4320).",
    .reference = "RFC 1002 4.2.18; RFC 1001 15.1.3.5",
    .remedies = {{.text = "Find the other host: it answers for the name.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {name} --netbios --status"},
                 {.text = "After one of the two has another name, let this one register again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -RR",
                  .verify = "msrpc name {address} --status"}},
};
