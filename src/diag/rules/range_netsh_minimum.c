/*
 * Windows takes a range for RPC servers that netsh does not take for all sockets.
 */
#include "rules.h"

const mr_rule mr_rule_range_netsh_minimum = {
    .id = "RANGE.NETSH_MINIMUM",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(PORT),
    .require = {{.any = {MR_FACT_RANGE_NETSH_MINIMUM}}},
    .summary = "netsh takes no range under 255 ports",
    .cause = "A range of {count} from {port} on may stand in the registry for RPC servers, but "
             "netsh refuses fewer than 255. With the netsh lines the other sockets of the host "
             "get {other}, more than the firewall rule opens.",
    .reference = "KB929851, KB154596",
    .remedies = {{.text = "Take 255 ports or more; or leave the netsh lines out, so that only RPC "
                          "servers are bound to the range.",
                  .run_on = MR_PLACE_SERVER}},
};
