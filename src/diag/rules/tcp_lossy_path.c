/*
 * It works, but TCP had to send again: the path loses packets.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_lossy_path = {
    .id = "TCP.LOSSY_PATH",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_RETRANSMITS, MR_FACT_TCP_LOSSY_FLOWS}, .at_least = 2}},
    .explains = {"RPC.SWALLOWED", "RPC.HUNG", "TCP.DYNAMIC_FILTERED", "EPM.LOOKUP_CUT"},
    .summary = "the path loses packets",
    .cause = "TCP had to repeat segments on several connections to {address} ({#port:port|ports} "
             "{port}). RPC still works, slowly; under load calls may fail.",
    .reference = "RFC 6298",
    .remedies = {{.text = "Find the hop that loses packets.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_SH,
                  .command = "mtr -n -c 100 --report {address}",
                  .verify = "msrpc ping {host} --count 20"}},
};
