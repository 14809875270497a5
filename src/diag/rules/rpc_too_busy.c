/*
 * The server has no room: a local limit in the bind_ack, congestion in the bind_nak, or the fault
 * that says it outright.
 */
#include "rules.h"

#define NCA_SERVER_TOO_BUSY 0x1c010014u

bool mr_test_rpc_too_busy(const mr_fact *fact) {
    if (fact->kind == MR_FACT_RPC_FAULT)
        return fact->status == NCA_SERVER_TOO_BUSY;
    if (fact->kind == MR_FACT_RPC_NAK)
        return fact->reason == 1 || fact->reason == 2;
    return fact->result == 2 && fact->reason == 3;
}

const mr_rule mr_rule_rpc_too_busy = {
    .id = "RPC.TOO_BUSY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_TOO_BUSY,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CONTEXT_REJECTED, MR_FACT_RPC_NAK, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_too_busy,
    .summary = "the service is too busy",
    .cause = "The service behind {interface} on port {port} of {address} turns callers away: it "
             "has reached a limit of connections, contexts or threads.",
    .reference = "C706 12.6.3.1, appendix E; KB176734",
    .remedies = {{.text = "See who holds connections to it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-NetTCPConnection -LocalPort {port} | Group-Object RemoteAddress "
                             "-NoElement | Sort-Object Count -Descending",
                  .verify = "msrpc ping {host} --interface {interface} --count 10"},
                 {.text = "Restart the service to drop them.",
                  RESTART_THE_SERVICE,
                  .verify = "msrpc ping {host} --interface {interface} --count 10"}},
};
