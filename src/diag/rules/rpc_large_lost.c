/*
 * A large message is never acknowledged: the path drops packets of full size and says nothing.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_large_lost = {
    .id = "RPC.LARGE_LOST",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_TCP_UNREACHABLE},
             .where = {MR_WHERE(ICMP, EQ, MR_ICMP_FRAG)},
             .same = MR_F(ADDRESS)},
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_SILENT},
                 .where = {MR_WHERE(ACKED, EQ, MR_ACKED_NO), MR_WHERE(BYTES, GE, 1200)}}},
    .explains = {"TCP.PACKET_TOO_BIG"},
    .summary = "large packets get lost on the way",
    .cause = "A message of {bytes} bytes to port {port} of {address} ({interface}) is never "
             "acknowledged, while the handshake passes. The path does not carry packets of full "
             "size and the message that would say so is dropped (PMTU black hole), or a device "
             "objects to the content.",
    .reference = "RFC 2923 2.1, RFC 4821",
    .remedies = {{.text = "Measure the path's MTU.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "tracepath -n {address}"},
                 {.text = "Let ICMP \"fragmentation needed\" and \"packet too big\" pass, or clamp "
                          "the MSS at the tunnel.",
                  CLAMP_THE_MSS,
                  .verify = "msrpc ping {host} --interface {interface}"}},
    .next = PING_WITH_FULL_PACKETS("not the size: a device objects to the content"),
};
