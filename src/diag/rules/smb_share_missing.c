/*
 * There is no such share, or not under the name that the client uses for the server.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_share_missing = {
    .id = "SMB.SHARE_MISSING",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 67,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(SHARE),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, EQ, MR_STEP_TREE),
                           MR_WHERE(NTSTATUS, EQ, SMB_BAD_NETWORK_NAME)}}},
    .summary = "the share does not exist",
    .cause = "{address} has no share {share|of that name} ({ntstatus}). For IPC$ that means that "
             "the Server service is not up or answers only to other names: a DNS alias of which "
             "the server does not know.",
    .reference = "MS-SMB2 3.3.5.7; KB281308",
    .remedies = {{.text = "List the shares of the server.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbShare"},
                 {.text = "Where the client uses an alias, make it known to the server.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netdom computername %COMPUTERNAME% /enumerate"}},
};
