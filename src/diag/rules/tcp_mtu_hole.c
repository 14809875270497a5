/*
 * Only segments that fill packets are sent again and never acknowledged, while smaller ones were:
 * the way does not carry them, and the ICMP message that says so does not arrive.
 */
#include "rules.h"

bool mr_test_tcp_mtu_hole(const mr_fact *fact) {
    return fact->count < fact->bytes;
}

const mr_rule mr_rule_tcp_mtu_hole = {
    .id = "TCP.MTU_HOLE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TCP_STUCK},
                 .where = {MR_WHERE(BYTES, GE, 1000), MR_WHERE(TRIES, GE, 3)}}},
    .forbid = {{.any = {MR_FACT_EPM_SILENT, MR_FACT_RPC_SILENT, MR_FACT_SMB_SILENT},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_tcp_mtu_hole,
    .explains = {"TCP.PACKET_TOO_BIG"},
    .summary = "packets of full size get lost",
    .cause = "On the connection to port {port} of {address} segments of {bytes} octets that "
             "{sender|one side} sent, and {tries} times again, were never acknowledged; the "
             "largest that was had {count}. A narrow link on the way drops packets of full size "
             "and its ICMP message is filtered (PMTU black hole).",
    .reference = "RFC 2923 2.1, RFC 4821",
    .remedies = {{.text = "Let ICMP \"fragmentation needed\" and \"packet too big\" pass on every "
                          "firewall of the way.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host}"},
                 {.text = "Or clamp the MSS on the router before the narrow link.",
                  CLAMP_THE_MSS,
                  .verify = "msrpc diagnose {host}"}},
    .next = PING_WITH_FULL_PACKETS("not the size: look at what the device inspects"),
};
