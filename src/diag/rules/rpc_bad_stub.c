/*
 * The server could not unmarshal the arguments of the call.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_bad_stub = {
    .id = "RPC.BAD_STUB",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1783,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT}, .where = {MR_WHERE(STATUS, EQ, 0x6f7)}}},
    .summary = "the server could not read the arguments",
    .cause = "{interface} on port {port} of {address} received the call and could not read its "
             "arguments: client and server were built from different definitions of the "
             "interface, or data was altered on the way. The way to the service works.",
    .reference = "C706 14, appendix E; MS-RPCE 3.3.3.5",
    .remedies = {{.text = "Bring client and server to versions that know each other.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "winver",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
