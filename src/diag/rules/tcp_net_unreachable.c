/*
 * A router has no route to the host's network.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_net_unreachable = {
    .id = "TCP.NET_UNREACHABLE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_UNREACHABLE}, .where = {MR_WHERE(ICMP, EQ, MR_ICMP_NET)}}},
    .forbid = {{.any = {MR_FACT_HOST_UP}, .same = MR_F(ADDRESS)}},
    .explains = {"TCP.HOST_SILENT"},
    .summary = "a router has no route to the host",
    .cause = "{sender|A router on the way} has no route to the network of {address}: a route, a "
             "VPN or a link is missing there.",
    .reference = "RFC 792, RFC 1812 5.2.7.1",
    .remedies = {{.text = "Follow the path; the last router that answers is the one to repair.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_SH,
                  .command = "tracepath -n {address}",
                  .verify = "msrpc diagnose {host} --phase 1,2"}},
};
