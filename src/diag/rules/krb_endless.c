/*
 * The KDC answers every request with another question.
 */
#include "rules.h"

const mr_rule mr_rule_krb_endless = {
    .id = "KRB.ENDLESS",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1311,
    .per = MR_F(ADDRESS) | MR_F(EXCHANGE),
    .require = {{.any = {MR_FACT_KRB_ENDLESS}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the KDC keeps asking and gives no ticket",
    .cause = "The KDC {address} has answered {tries} requests for one ticket, the last with "
             "{krb|another referral}, and there is still none: what it asks for was done each "
             "time. It does not work, or what answers is not a KDC.",
    .reference = "RFC 4120 3.1, 3.3, 7.5.9; RFC 6806 8",
    .remedies = {{.text = "See what the Kerberos service of the controller says.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable "
                             "@{{LogName='System';ProviderName='Microsoft-Windows-Kerberos-"
                             "Key-Distribution-Center'} -MaxEvents 20"},
                 {.text = "Ask another domain controller (--dc-ip).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsgetdc:%USERDNSDOMAIN% /force /kdc"}},
};
