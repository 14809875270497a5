/*
 * All instances of the pipe are taken and none became free while the client tried.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_pipe_busy(const mr_fact *fact) {
    return smb_is_busy(fact->ntstatus);
}

const mr_rule mr_rule_smb_pipe_busy = {
    .id = "SMB.PIPE_BUSY",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 231,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(PIPE),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_OPEN)}}},
    .forbid = {{.any = {MR_FACT_SMB_OPENED}, .same = MR_F(ADDRESS) | MR_F(PIPE)}},
    .test = mr_test_smb_pipe_busy,
    .summary = "every instance of the named pipe is taken",
    .cause = "{address} has no free instance of the pipe {pipe|that is asked for} ({ntstatus}): "
             "its service has more clients than it can serve, or does not take up those that "
             "wait.",
    .reference = "MS-ERREF 2.3.1; MS-SMB2 3.3.5.9",
    .remedies = {{.text = "See who holds the pipe open.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbOpenFile | Group-Object ClientComputerName, Path -NoElement "
                             "| Sort-Object Count -Descending"},
                 {.text = "Restart the service behind the pipe if it does not recover; first "
                          "save what it has to tell (memory dump).",
                  .run_on = MR_PLACE_SERVER}},
};
