/*
 * The KDC says that the account is locked out: too many wrong passwords.
 */
#include "rules.h"

const mr_rule mr_rule_krb_locked = {
    .id = "KRB.LOCKED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1909,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(NTSTATUS, EQ, 0xc0000234)}}},
    .explains = {"KRB.CLIENT_REVOKED", "KRB.POLICY", FINDINGS_OF_A_REFUSED_LOGON, "SMB.ACCOUNT",
                 "SMB.LOGON_RESTRICTED", "RPC.FIRST_CALL_DENIED"},
    .summary = "the account is locked out",
    .cause = "The KDC {address} refuses {user|the account} with {krb}, {ntstatus}: too many wrong "
             "passwords were tried. It may be somebody else who tries them: a service, a task or a "
             "telephone that still has the old one.",
    .reference = "RFC 4120 7.5.9; MS-KILE 2.2.2, 3.3.5.6.1; MS-SAMR 3.1.1.6",
    .remedies = {{.text = "Before unlocking it, find who locks it: the controller with the PDC "
                          "role logs each lockout with the calling computer.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4740} "
                             "-MaxEvents 10"},
                 {.text = "Do not try again meanwhile: a further wrong password keeps it locked.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "List the accounts that are locked out.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -LockedOut"}},
};
