/*
 * Two captures: the connection stands, and what the client sends does not arrive.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_data_lost_there = {
    .id = "TCP.DATA_LOST_THERE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TCP_LOST_THERE},
                 .where = {MR_WHERE(BYTES, GE, 1), MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .explains = {FINDINGS_OF_SWALLOWED_DATA, "EPM.HUNG", "RPC.HUNG"},
    .summary = "the client's data is lost on the way",
    .cause = "The connection to port {port} of {address} stands; {bytes} octets that the client "
             "sent and repeated are not in the capture nearer to the host. A device between the "
             "two places drops them: by what they say (inspection of RPC) where they are few, by "
             "their size (a narrow link without ICMP) where they fill packets.",
    .reference = "RFC 9293 3.8.1, RFC 2923 2.1",
    .remedies = {{.text = "Look in the log of the firewall between for RPC (DCERPC, MSRPC) "
                          "inspection, and exempt this traffic.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host}"},
                 {.text = "Find the largest packet that the way carries.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "tracepath -n {address}"}},
};
