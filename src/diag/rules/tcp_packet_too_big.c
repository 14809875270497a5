/*
 * A router says that packets of this size do not fit: the path has a smaller MTU.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_packet_too_big = {
    .id = "TCP.PACKET_TOO_BIG",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_UNREACHABLE}, .where = {MR_WHERE(ICMP, EQ, MR_ICMP_FRAG)}}},
    .summary = "the path carries only smaller packets",
    .cause = "{sender|A router} on the way to {address} refuses packets of full size (MTU "
             "{mtu|not told}). It works while these messages arrive; where a firewall drops them, "
             "large RPC messages, such as binds with a Kerberos ticket, vanish.",
    .reference = "RFC 1191, RFC 8201, RFC 2923 2.1",
    .remedies = {{.text = "Let ICMP \"fragmentation needed\" and \"packet too big\" pass, or clamp "
                          "the MSS at the tunnel.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_SH,
                  .command = "tracepath -n {address}",
                  .verify = "msrpc diagnose {host}"}},
};
