/*
 * The server does not know the session any more: it restarted, cleared it, or its ticket ran out.
 * Not told where the client sets it up anew.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_session_gone(const mr_fact *fact) {
    return smb_is_gone(fact->ntstatus);
}

const mr_rule mr_rule_smb_session_gone = {
    .id = "SMB.SESSION_GONE",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 59,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}}},
    .test = mr_test_smb_session_gone,
    .explains = {"RPC.CLOSED_IN_CALL", "RPC.SILENT", "RPC.HUNG"},
    .summary = "the server ended the SMB session",
    .cause = "{address} answers {ntstatus} and the client does not set up the session anew: the "
             "server or its Server service restarted, an administrator closed the session, or "
             "the ticket expired and was not renewed.",
    .reference = "MS-SMB2 3.2.5.1.6, 3.3.5.2.9",
    .remedies = {{.text = "See when the Server service and the host started last.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-CimInstance Win32_OperatingSystem | Select-Object "
                             "LastBootUpTime"},
                 {.text = "Connect anew; a client that does not by itself needs an update.",
                  .run_on = MR_PLACE_CLIENT}},
};
