/*
 * The last router gets no answer from the host on the host's own network.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_host_unreachable = {
    .id = "TCP.HOST_UNREACHABLE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_UNREACHABLE},
                 .where = {MR_WHERE(ICMP, IN, MR_BIT(MR_ICMP_HOST) | MR_BIT(MR_ICMP_UNKNOWN))}}},
    .forbid = {{.any = {MR_FACT_HOST_UP}, .same = MR_F(ADDRESS)}},
    .explains = {"TCP.HOST_SILENT"},
    .summary = "the network says the host cannot be reached",
    .cause = "{sender|A router} reports {address} as unreachable: on its own network the host does "
             "not answer. It is down, has another address now, or a firewall there pretends so.",
    .reference = "RFC 792, RFC 1812 5.2.7.1",
    .remedies = {{.text = "See at the host's console that it runs and has this address.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all",
                  .verify = "msrpc diagnose {host} --phase 1,2"}},
};
