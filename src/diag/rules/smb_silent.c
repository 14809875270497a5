/*
 * SMB waits for an answer that never comes.
 */
#include "rules.h"

const mr_rule mr_rule_smb_silent = {
    .id = "SMB.SILENT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 121,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(STEP),
    .require = {{.any = {MR_FACT_SMB_SILENT}}},
    .explains = {"RPC.SILENT", "RPC.HUNG"},
    .summary = "the server does not answer over SMB",
    .cause = "{address} leaves the step \"{step}\" of SMB on port {port} without an answer "
             "(acknowledged by TCP: {acked}). The Server service or the service behind the pipe "
             "hangs, waits for its domain controller, or the message was lost on the way.",
    .reference = "MS-SMB2 3.2.5.1",
    .remedies = {{.text = "At the server, see whether its domain controller answers it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /sc_query:%USERDNSDOMAIN%"},
                 {.text = "Look for stuck requests in the server's SMB log.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -LogName Microsoft-Windows-SMBServer/Operational "
                             "-MaxEvents 20",
                  .verify = "msrpc port {host} --ports 445"}},
};
