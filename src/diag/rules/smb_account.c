/*
 * The credentials may be right; the account may not log on in its state.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_account(const mr_fact *fact) {
    return smb_is_account(fact->ntstatus);
}

const mr_rule mr_rule_smb_account = {
    .id = "SMB.ACCOUNT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1331,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION)}}},
    .test = mr_test_smb_account,
    .summary = "the account is disabled, locked or expired",
    .cause = "{address} refuses {user|the account} with {ntstatus}: disabled (0xC0000072), "
             "locked out (0xC0000234), expired (0xC0000193), or its password has expired or must "
             "be changed first (0xC0000071, 0xC0000224).",
    .reference = "MS-ERREF 2.3.1; MS-SAMR 3.1.1.8.5",
    .remedies = {{.text = "List the accounts that are locked, disabled or expired.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -LockedOut; Search-ADAccount -AccountDisabled; "
                             "Search-ADAccount -AccountExpired; Search-ADAccount "
                             "-PasswordExpired"},
                 {.text = "Before unlocking it, find who locks it: the controller with the PDC "
                          "role logs each lockout with the calling computer.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4740} "
                             "-MaxEvents 10"}},
};
