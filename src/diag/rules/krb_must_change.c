/*
 * The password was set by somebody else and must be changed at the first logon.
 */
#include "rules.h"

const mr_rule mr_rule_krb_must_change = {
    .id = "KRB.MUST_CHANGE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1907,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(NTSTATUS, EQ, 0xc0000224)}}},
    .explains = {"KRB.KEY_EXPIRED", FINDINGS_OF_A_REFUSED_LOGON, "SMB.ACCOUNT",
                 "RPC.FIRST_CALL_DENIED"},
    .summary = "the password must be changed first",
    .cause = "The KDC {address} gives {user|the account} no ticket before its password is changed "
             "({krb}, {ntstatus}): it was set by an administrator, \"user must change password at "
             "next logon\".",
    .reference = "RFC 4120 7.5.9; RFC 3244; MS-KILE 2.2.2",
    .remedies = {{.text = "Change the password: Ctrl+Alt+Del on Windows, kpasswd elsewhere.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "kpasswd"},
                 {.text = "For the account of a service, which cannot change it: take the demand "
                          "away.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Set-ADUser -Identity (Read-Host) -ChangePasswordAtLogon $false",
                  .risk = "The account keeps a password that somebody else knows.",
                  .undo = "Set-ADUser -Identity (Read-Host) -ChangePasswordAtLogon $true",
                  .verify = "msrpc diagnose {host}"}},
};
