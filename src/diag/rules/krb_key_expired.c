/*
 * The password was right once and must be changed first.
 */
#include "rules.h"

const mr_rule mr_rule_krb_key_expired = {
    .id = "KRB.KEY_EXPIRED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1330,
    .win32_status = true,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 23)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(USER)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "RPC.FIRST_CALL_DENIED", "SMB.ACCOUNT"},
    .summary = "the password has expired",
    .cause = "The KDC {address} gives {user|the account} no ticket before its password is "
             "changed ({krb}).",
    .reference = "RFC 4120 7.5.9; RFC 3244",
    .remedies = {{.text = "Change the password: Ctrl+Alt+Del on Windows, kpasswd elsewhere.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "kpasswd"},
                 {.text = "List the accounts whose password has expired; a service account among "
                          "them stops its service.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -PasswordExpired"}},
};
