/*
 * The client gave up a call that ran too long for it.
 */
#include "rules.h"

bool mr_test_rpc_cancelled(const mr_fact *fact) {
    return fact->kind == MR_FACT_RPC_CANCELLED || fact->status == 0x1c00000d;
}

const mr_rule mr_rule_rpc_cancelled = {
    .id = "RPC.CANCELLED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1818,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CANCELLED, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_cancelled,
    .explains = {"RPC.CLOSED_IN_CALL", "RPC.HUNG"},
    .summary = "the client cancelled a call that took too long",
    .cause = "The client cancelled a call of {interface} on port {port} of {address}{#ms: after "
             "|}{ms|}{#ms: ms|}: a person or a time limit ended the wait. Who is slow is the "
             "server, or what it waits for in turn.",
    .reference = "C706 12.6.4.2, 12.6.4.8, appendix E",
    .remedies = {{.text = "At the server, find the process behind the port and what it waits "
                          "for.",
                  WHO_HAS_THE_PORT,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
