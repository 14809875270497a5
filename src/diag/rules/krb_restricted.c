/*
 * The KDC says that the account may not log on at this hour, from here, or like this.
 */
#include "rules.h"

bool mr_test_krb_restricted(const mr_fact *fact) {
    return fact->ntstatus == 0xc000006e || fact->ntstatus == 0xc000006f ||
           fact->ntstatus == 0xc0000070 || fact->ntstatus == 0xc000015b;
}

const mr_rule mr_rule_krb_restricted = {
    .id = "KRB.RESTRICTED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1327,
    .win32_status = true,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .test = mr_test_krb_restricted,
    .explains = {"KRB.CLIENT_REVOKED", "KRB.POLICY", FINDINGS_OF_A_REFUSED_LOGON, "SMB.ACCOUNT",
                 "SMB.LOGON_RESTRICTED", "RPC.FIRST_CALL_DENIED"},
    .summary = "the account may not log on now or from here",
    .cause = "The KDC {address} refuses {user|the account} with {krb}, {ntstatus}: its logon hours "
             "(0xC000006F), its workstations (0xC0000070) or another restriction forbid it. The "
             "account itself is in order.",
    .reference = "RFC 4120 7.5.9; MS-KILE 2.2.2, 3.3.5.6.1",
    .remedies = {{.text = "See to which computers and hours the account is restricted.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADUser -Identity {user.name|ACCOUNT} "
                             "-Properties LogonWorkstations,LogonHours"},
                 {.text = "Log on where and when the account may.",
                  .run_on = MR_PLACE_CLIENT}},
};
