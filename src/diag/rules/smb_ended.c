/*
 * The server breaks off in the middle of SMB, and no other rule knows why.
 */
#include "rules.h"

bool mr_test_smb_ended(const mr_fact *fact) {
    return fact->step != MR_STEP_NEGOTIATE || fact->dialect != 1;
}

const mr_rule mr_rule_smb_ended = {
    .id = "SMB.ENDED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 64,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(STEP),
    .require = {{.any = {MR_FACT_SMB_ENDED}}},
    .test = mr_test_smb_ended,
    .explains = {"RPC.CLOSED_ON_BIND", "RPC.RESET_ON_BIND", "RPC.CLOSED_IN_CALL",
                 "RPC.RESET_IN_CALL"},
    .summary = "the server ends the SMB connection",
    .cause = "{address} ends the connection to port {port} where an answer to the step "
             "\"{step}\" of SMB was due. The Server service, the service behind the pipe or a "
             "device on the way broke it off.",
    .reference = "MS-SMB2 3.3.7.1",
    .remedies = {{.text = "Look for the reason in the server's SMB log.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -LogName Microsoft-Windows-SMBServer/Operational "
                             "-MaxEvents 20"},
                 {.text = "Look whether a firewall inspects SMB and ends it.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc port {host} --ports 445"}},
    .next = {.command = "msrpc port {host} --ports 445,135",
             .branches = {{"445 is closed on accept",
                            "the server or a load balancer turns every client away"},
                          {"445 stays open",
                            "this client or this request is refused"}}},
};
