/*
 * The KDC knows the account and it may not log on: disabled, locked, expired, or not at this hour.
 */
#include "rules.h"

const mr_rule mr_rule_krb_client_revoked = {
    .id = "KRB.CLIENT_REVOKED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1331,
    .win32_status = true,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR},
                 .where = {MR_WHERE(KRB, IN, MR_BIT(1) | MR_BIT(18) | MR_BIT(21))}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "RPC.FIRST_CALL_DENIED", "SMB.ACCOUNT",
                 "SMB.LOGON_RESTRICTED"},
    .summary = "the account is disabled, locked or expired",
    .cause = "The KDC {address} refuses {user|the account} with {krb} ({ntstatus|no more is "
             "said}): the account is disabled, locked out, expired, or may not log on at this "
             "hour or from this computer. Samba's KDC says why, but for an account that is locked "
             "out.",
    .reference = "RFC 4120 7.5.9; MS-KILE 3.3.5.6.1, 2.2.2",
    .remedies = {{.text = "List the accounts that are locked, disabled or expired.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -LockedOut; Search-ADAccount -AccountDisabled; "
                             "Search-ADAccount -AccountExpired"},
                 {.text = "Before unlocking it, find who locks it.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4740} "
                             "-MaxEvents 10"}},
};
