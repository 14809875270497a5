/*
 * A call is answered, late.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_slow = {
    .id = "RPC.SLOW",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_SLOW}}},
    .summary = "calls are answered late",
    .cause = "{interface} on port {port} of {address} answered after {ms} ms: the service is "
             "overloaded or waits for another host in turn. The network is not what is slow: TCP "
             "acknowledged at once.",
    .reference = "C706 12.6.4",
    .remedies = {{.text = "At the server, see which process it is and what it waits for.",
                  WHO_HAS_THE_PORT,
                  .verify = "msrpc ping {host} --interface {interface} --count 10"}},
};
