/*
 * One address, two machines: the mapper's answer comes from one, the endpoint it named is looked
 * for at the other.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_no_affinity = {
    .id = "TCP.NO_AFFINITY",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_OTHER_HOST}},
                {.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)},
                {.any = {MR_FACT_TCP_REFUSED, MR_FACT_TCP_RESET, MR_FACT_TCP_CLOSED,
                         MR_FACT_RPC_CONTEXT_REJECTED, MR_FACT_RPC_FAULT},
                 .same = MR_F(ADDRESS)}},
    .explains = {"TCP.DYNAMIC_REFUSED", "TCP.RANGE_REFUSED", "RPC.UNKNOWN_INTERFACE",
                 "TCP.RESET_ON_ACCEPT", "TCP.CLOSED_ON_ACCEPT"},
    .summary = "mapper and endpoint are on different machines",
    .cause = "The endpoint mapper at {address} named {#1.port:port|ports} {1.port}, but what "
             "answers on {#port:port|ports} {port} of the same address is another machine: "
             "{other}. A load balancer spreads the connections of one client.",
    .reference = "C706 appendix O; KB832017",
    .remedies = {{.text = "On the load balancer, keep a client's connections to 135 and to the "
                          "dynamic ports on the same member (persistence by source address).",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc map {host} --probe"},
                 {.text = "Or use the name of one member instead of the shared one.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose {host}"}},
};
