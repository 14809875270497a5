/*
 * The server lacks the operation: another version of it, or one that was hardened away.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_operation = {
    .id = "RPC.OPERATION",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1745,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT}, .where = {MR_WHERE(STATUS, EQ, 0x1c010002)}}},
    .summary = "the server does not have the operation",
    .cause = "{interface} on port {port} of {address} answers, but does not have operation "
             "{opnum|that was called}: an older or newer version, or an update removed it. The way "
             "to the service works.",
    .reference = "C706 appendix E",
    .remedies = {{.text = "Bring client and server to versions that know each other.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "winver",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
