/*
 * The server rejects the bind and says why, in an extended error record.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_nak_told = {
    .id = "RPC.NAK_TOLD",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED_DNE,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_NAK}, .where = {MR_WHERE(LOCATION, NE, 0)}}},
    .explains = {"RPC.NAK", "RPC.AUTH_FAILED", "RPC.TOO_BUSY", "RPC.AUTH_TYPE"},
    .summary = "the server rejects the bind and says why",
    .cause = "{interface} on port {port} of {address} rejects the bind. Its extended error names "
             "status {status|0}, found at detection location {location}{#name: by a computer "
             "that calls itself |}{name|}: that is where the refusal comes from.",
    .reference = "MS-EERR 2.2.1; MS-RPCE 2.2.2.9",
    .remedies = {{.text = "See what the status means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {status}",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
