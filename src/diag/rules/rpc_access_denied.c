/*
 * An authenticated call is refused: the caller is known and may not.
 */
#include "rules.h"

/* The first answer after an auth3 judges the credentials too: RPC.FIRST_CALL_DENIED. */
bool mr_test_rpc_access_denied(const mr_fact *fact) {
    return fact->when != MR_WHEN_AFTER_AUTH3;
}

const mr_rule mr_rule_rpc_access_denied = {
    .id = "RPC.ACCESS_DENIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT},
                 .where = {MR_WHERE(STATUS, EQ, 5), MR_WHERE(AUTH, GE, 2)}}},
    .test = mr_test_rpc_access_denied,
    .summary = "the caller is not allowed to make this call",
    .cause = "{interface} on port {port} of {address} knows the caller and answers \"access "
             "denied\" (authentication level {auth}). The account lacks a right; below level 6 "
             "(privacy) it may also be the level: samr, lsarpc and DCOM activation want 5, "
             "printing, drsuapi and BackupKey 6.",
    .reference = "C706 appendix E; KB3148527, KB5004442, KB4599464",
    .remedies = {{.text = "Below level 6, call again with full protection; if that works, the "
                          "level was the reason.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --interface {interface}"},
                 {.text = "Look for RPC filters of the host that forbid the interface.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh rpc filter show filter"}},
};
