/*
 * Two captures: the host answers on an open connection, and its data does not come back.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_data_lost_back = {
    .id = "TCP.DATA_LOST_BACK",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TCP_LOST_BACK},
                 .where = {MR_WHERE(BYTES, GE, 1), MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .explains = {FINDINGS_OF_SWALLOWED_DATA, "EPM.HUNG", "RPC.HUNG"},
    .summary = "the host's data is lost on the way back",
    .cause = "{address} sent {bytes} octets on the connection to its port {port}, as the capture "
             "nearer to it shows, and however often they were repeated they did not reach the "
             "client. A device between the two places drops them: by their size where they fill "
             "packets (a narrow link without ICMP), else by what they say.",
    .reference = "RFC 2923 2.1, RFC 4821",
    .remedies = {{.text = "Let ICMP \"fragmentation needed\" and \"packet too big\" pass towards "
                          "{address}, or clamp the MSS at the narrow link.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host}"},
                 {.text = "Look in the log of the firewall between for RPC (DCERPC, MSRPC) "
                          "inspection, and exempt this traffic.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE}},
};
