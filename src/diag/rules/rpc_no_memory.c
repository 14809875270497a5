/*
 * The server has no memory for the call or for its results.
 */
#include "rules.h"

bool mr_test_rpc_no_memory(const mr_fact *fact) {
    return fact->status == 0x1c00001b || fact->status == 0x1c000019 || fact->status == 0x1c010013;
}

const mr_rule mr_rule_rpc_no_memory = {
    .id = "RPC.NO_MEMORY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1130,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_no_memory,
    .summary = "the server lacks memory for the call",
    .cause = "{interface} on port {port} of {address} answers {status}: the service has no "
             "memory for the call, or its results do not fit into an answer.",
    .reference = "C706 appendix E",
    .remedies = {{.text = "See which process has grown.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Process | Sort-Object PrivateMemorySize64 -Descending | "
                             "Select-Object -First 10 Name, Id, PrivateMemorySize64, HandleCount",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
