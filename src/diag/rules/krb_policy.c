/*
 * A policy of the KDC forbids it.
 */
#include "rules.h"

const mr_rule mr_rule_krb_policy = {
    .id = "KRB.POLICY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .win32_status = true,
    .per = MR_F(USER) | MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 12)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "SMB.LOGON_RESTRICTED"},
    .summary = "a policy forbids the ticket",
    .cause = "The KDC {address} gives {user|the client} no ticket for {spn|the service} by "
             "policy ({krb}; {ntstatus|no further reason is told}): logon hours or workstations, "
             "an authentication policy or silo, a selective trust, or smart cards that are "
             "demanded.",
    .reference = "RFC 4120 7.5.9; MS-KILE 3.3.5.6.1",
    .remedies = {{.text = "See what restricts accounts.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADUser -LDAPFilter "
                             "'(|(userWorkstations=*)(msDS-AssignedAuthNPolicy=*))' -Properties "
                             "LogonWorkstations"},
                 {.text = "Read the KDC's reason.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4768,4769} "
                             "-MaxEvents 10"}},
};
