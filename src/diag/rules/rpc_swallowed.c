/*
 * What was sent is never acknowledged although it is small: a device drops it.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_swallowed = {
    .id = "RPC.SWALLOWED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_SILENT},
                 .where = {MR_WHERE(ACKED, EQ, MR_ACKED_NO), MR_WHERE(BYTES, LT, 1200)}}},
    .forbid = {{.any = {MR_FACT_RPC_CALLED},
                .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .summary = "a device swallows RPC on the service's port",
    .cause = "Port {port} of {address} ({interface}) opens, but what is sent then is never "
             "acknowledged: a device on the way drops the RPC data, or answers handshakes in the "
             "host's name.",
    .reference = "RFC 9293 3.8.1",
    .remedies = {{.text = "Look in the firewall's log for RPC (DCERPC, MSRPC) inspection between "
                          "{from|the client} and {address}, and exempt it.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
