/*
 * The server cannot ask a domain controller. The RPC that fails is its own, not the client's.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_no_logon_server(const mr_fact *fact) {
    return smb_is_no_dc(fact->ntstatus);
}

const mr_rule mr_rule_smb_no_logon_server = {
    .id = "SMB.NO_LOGON_SERVER",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1311,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION)}}},
    .test = mr_test_smb_no_logon_server,
    .summary = "the server reaches no domain controller",
    .cause = "{address} cannot check the logon of {user|the client}: it finds no domain "
             "controller, or Netlogon does not run ({ntstatus}). What fails is between that "
             "server and its controllers.",
    .reference = "MS-NRPC 3.1.4.10; MS-ERREF 2.3.1",
    .remedies = {{.text = "At the server, let it look for a controller anew.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /sc_query:%USERDNSDOMAIN%"},
                 {.text = "At the server, see that Netlogon runs.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service -Name Netlogon"},
                 {.text = "Diagnose the way from that server to its controllers; a capture taken "
                          "there shows it.",
                  .run_on = MR_PLACE_SERVER}},
};
