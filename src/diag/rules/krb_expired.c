/*
 * The KDC says that the end date of the account has passed. The password is another matter.
 */
#include "rules.h"

const mr_rule mr_rule_krb_expired = {
    .id = "KRB.EXPIRED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1793,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(NTSTATUS, EQ, 0xc0000193)}}},
    .explains = {"KRB.CLIENT_REVOKED", "KRB.POLICY", FINDINGS_OF_A_REFUSED_LOGON, "SMB.ACCOUNT",
                 "SMB.LOGON_RESTRICTED", "RPC.FIRST_CALL_DENIED"},
    .summary = "the account has expired",
    .cause = "The KDC {address} refuses {user|the account} with {krb}, {ntstatus}: its "
             "end date has passed. Another password changes nothing.",
    .reference = "RFC 4120 7.5.9; MS-KILE 2.2.2, 3.3.5.6.1",
    .remedies = {{.text = "List the accounts whose end date has passed.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -AccountExpired"},
                 {.text = "If it is to be used on, take the date away.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Clear-ADAccountExpiration -Identity (Read-Host)",
                  .risk = "The account then has no end any more.",
                  .undo = "Set-ADAccountExpiration -Identity (Read-Host)",
                  .verify = "msrpc diagnose {host}"}},
};
