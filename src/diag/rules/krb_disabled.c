/*
 * The KDC says that the account is disabled.
 */
#include "rules.h"

const mr_rule mr_rule_krb_disabled = {
    .id = "KRB.DISABLED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1331,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(NTSTATUS, EQ, 0xc0000072)}}},
    .explains = {"KRB.CLIENT_REVOKED", "KRB.POLICY", FINDINGS_OF_A_REFUSED_LOGON, "SMB.ACCOUNT",
                 "SMB.LOGON_RESTRICTED", "RPC.FIRST_CALL_DENIED"},
    .summary = "the account is disabled",
    .cause = "The KDC {address} refuses {user|the account} with {krb}, {ntstatus}: "
             "somebody turned the account off.",
    .reference = "RFC 4120 7.5.9; MS-KILE 2.2.2, 3.3.5.6.1",
    .remedies = {{.text = "If it is to be used again, enable it.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Enable-ADAccount -Identity {user.name|ACCOUNT}",
                  .risk = "It was disabled for a reason; ask who did it.",
                  .undo = "Disable-ADAccount -Identity {user.name|ACCOUNT}",
                  .verify = "msrpc diagnose {host}"},
                 {.text = "List the accounts that are disabled.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -AccountDisabled"}},
};
