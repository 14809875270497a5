/*
 * The proof of the password does not fit. A second attempt that is granted was a typing error.
 */
#include "rules.h"

const mr_rule mr_rule_krb_preauth_failed = {
    .id = "KRB.PREAUTH_FAILED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1326,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 24)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(USER)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "RPC.FIRST_CALL_DENIED"},
    .summary = "the password is wrong",
    .cause = "The KDC {address} could not read the proof that {user|the client} sent {other|to it} "
             "({krb}): the password is wrong or was changed and is still stored somewhere "
             "(service, task, mapped drive, keytab); for a computer, its machine password differs "
             "from the domain's.",
    .reference = "RFC 4120 7.5.9, 5.2.7.2",
    .remedies = {{.text = "Type the password again, and see that the account is the one that is "
                          "meant: its name, and its domain or realm. Every wrong attempt counts "
                          "towards a lockout.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See when the account's password was changed, and how often a wrong one "
                          "came.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADUser -Identity {user.name|ACCOUNT} "
                             "-Properties PasswordLastSet,BadPwdCount,LockedOut"},
                 {.text = "See where the wrong password comes from.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4771} "
                             "-MaxEvents 10"},
                 {.text = "On a Windows client, look for stored credentials that are old.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "cmdkey /list"},
                 {.text = "For a computer's account, test its secure channel.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Verbose"}},
};
