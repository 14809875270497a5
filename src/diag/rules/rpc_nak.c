/*
 * The bind is rejected for a reason that no other rule knows; reason 0 says nothing by itself.
 */
#include "rules.h"

#define KNOWN_REASONS (MR_BIT(1) | MR_BIT(2) | MR_BIT(4) | MR_BIT(8) | MR_BIT(9))

bool mr_test_rpc_nak(const mr_fact *fact) {
    return fact->reason >= 32 || !(KNOWN_REASONS >> fact->reason & 1);
}

const mr_rule mr_rule_rpc_nak = {
    .id = "RPC.NAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_NAK}}},
    .forbid = {{.any = {MR_FACT_RPC_ADMITTED},
                .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .test = mr_test_rpc_nak,
    .summary = "the server rejects the bind",
    .cause = "{interface} on port {port} of {address} rejects the bind (reason {reason}). Windows "
             "gives reason 0 when security or a policy of the server objects.",
    .reference = "C706 12.6.3.1; MS-RPCE 2.2.2.5, 2.2.2.9",
    .remedies = {{.text = "Let the server send extended error information, then try again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                             "/v ExtErrorInformation /t REG_DWORD /d 1 /f",
                  .risk = "Errors sent to clients then name components of the server.",
                  .undo = "reg delete \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                          "/v ExtErrorInformation /f",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
