/*
 * The server has reached a number of connections beyond which it takes none.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_too_many = {
    .id = "SMB.TOO_MANY",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 71,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(NTSTATUS, EQ, SMB_NOT_ACCEPTED)}}},
    .summary = "the server takes no more connections",
    .cause = "{address} refuses with {ntstatus}: as many users are connected as it, its licence "
             "or the share allows. Client editions of Windows allow 20.",
    .reference = "MS-ERREF 2.3.1; MS-SMB2 3.3.5.7",
    .remedies = {{.text = "See who is connected.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbSession | Group-Object ClientComputerName -NoElement | "
                             "Sort-Object Count -Descending"},
                 {.text = "See the limits.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "net config server"}},
};
