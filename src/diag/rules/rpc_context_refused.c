/*
 * The interface is refused in the bind_ack for a reason that no other rule knows.
 */
#include "rules.h"

bool mr_test_rpc_context_refused(const mr_fact *fact) {
    return fact->result != 2 || fact->reason < 1 || fact->reason > 3;
}

const mr_rule mr_rule_rpc_context_refused = {
    .id = "RPC.CONTEXT_REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CONTEXT_REJECTED}}},
    .forbid = {{.any = {MR_FACT_RPC_BOUND, MR_FACT_RPC_ADMITTED},
                .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .test = mr_test_rpc_context_refused,
    .summary = "the server refuses the interface to this client",
    .cause = "Port {port} of {address} answers the bind but refuses {interface} (result {result}, "
             "reason {reason}).",
    .reference = "C706 12.6.3.1",
    .remedies = {{.text = "See whether the interface answers at the endpoint that the mapper "
                          "names.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host} --interface {interface} --probe",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
