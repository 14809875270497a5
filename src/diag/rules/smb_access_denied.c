/*
 * Session or tree is refused to whoever this is: rights, an anonymous session, or encryption that
 * is demanded.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_access_denied = {
    .id = "SMB.ACCESS_DENIED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, IN, MR_BIT(MR_STEP_SESSION) | MR_BIT(MR_STEP_TREE)),
                           MR_WHERE(NTSTATUS, EQ, SMB_ACCESS_DENIED)}}},
    .forbid = {{.any = {MR_FACT_SMB_TREE}, .same = MR_F(ADDRESS) | MR_F(SHARE)}},
    .summary = "the server does not let this user in",
    .cause = "{address} refuses {user|the user} access to {share|its pipes and shares} "
             "({ntstatus}). An anonymous or guest session is forbidden by policy, the account "
             "is denied logon over the network, the share demands encryption, or the name that "
             "the client used for the server is not accepted (SPN validation).",
    .reference = "MS-SMB2 3.3.5.5.3, 3.3.5.7",
    .remedies = {{.text = "See what is demanded of sessions.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbServerConfiguration | Select-Object EncryptData, "
                             "RejectUnencryptedAccess, RequireSecuritySignature"},
                 {.text = "See what is left to anonymous sessions.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "RestrictAnonymous"},
                 {.text = "See whether service names are validated (1 or 2), which forbids "
                          "aliases.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
                             "LanmanServer\\Parameters /v SmbServerNameHardeningLevel"}},
    .next = {.command = "net use \\\\{address}\\IPC$",
             .branches = {{"error 5 with an account that works elsewhere",
                            "a policy or right of the server"},
                          {"works",
                            "it was the anonymous or guest session"}}},
};
