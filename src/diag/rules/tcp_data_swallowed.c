/*
 * Small segments are sent again and again and never acknowledged: not their size, but what they say
 * or where they go. For conversations whose protocol was not understood; of RPC and SMB the
 * findings of the mapper and the service speak.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_data_swallowed = {
    .id = "TCP.DATA_SWALLOWED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TCP_STUCK},
                 .where = {MR_WHERE(BYTES, LT, 1000), MR_WHERE(TRIES, GE, 3)}}},
    .forbid = {{.any = {MR_FACT_EPM_SILENT, MR_FACT_RPC_SILENT, MR_FACT_SMB_SILENT},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "what is sent is never acknowledged",
    .cause = "The connection to port {port} of {address} opened; {bytes} octets that {sender|one "
             "side} sent, and {tries} times again, were never acknowledged. They are too few to "
             "blame the size of packets: a device drops them for what they say, or forgot the "
             "connection, or the other side is gone.",
    .reference = "RFC 9293 3.8.1",
    .remedies = {{.text = "Look in the logs of the firewalls on the way to {address} for dropped "
                          "packets and inspection of this port, and exempt it.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"}},
};
