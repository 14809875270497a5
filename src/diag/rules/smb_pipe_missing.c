/*
 * Nobody has made the pipe: its service does not run, or offers no pipe any more.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_pipe_missing = {
    .id = "SMB.PIPE_MISSING",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 2,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(PIPE),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, EQ, MR_STEP_OPEN),
                           MR_WHERE(NTSTATUS, EQ, SMB_NAME_NOT_FOUND)}}},
    .forbid = {{.any = {MR_FACT_SMB_OPENED}, .same = MR_F(ADDRESS) | MR_F(PIPE)}},
    .summary = "nothing serves the named pipe",
    .cause = "{address} has no pipe {pipe|of that name} ({ntstatus}): the service behind it does "
             "not run, or it no longer serves pipes. Printing of Windows 11 22H2 and later "
             "listens on TCP only.",
    .reference = "MS-SMB2 3.3.5.9; MS-RPCE 2.1.1.2",
    .remedies = {{.text = "See which services are stopped that should run.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service | Where-Object {{$_.StartType -eq 'Automatic' -and "
                             "$_.Status -ne 'Running'}"},
                 {.text = "See over which protocols the host offers its interfaces.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host}",
                  .verify = "msrpc map {host}"},
                 {.text = "Where it is the print spooler, see what its policy for RPC "
                          "connections says.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows "
                             "NT\\Printers\\RPC\""}},
};
