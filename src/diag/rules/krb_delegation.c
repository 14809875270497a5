/*
 * The option asked for, mostly delegation, is not granted. Windows tries such requests on its own
 * account, so this alone is no failure.
 */
#include "rules.h"

const mr_rule mr_rule_krb_delegation = {
    .id = "KRB.DELEGATION",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 13)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)}},
    .summary = "delegation to this service is not granted",
    .cause = "The KDC {address} refuses an option of the request for {spn|the service} ({krb}). "
             "Where a service acts for its users and fails there, it is not allowed to delegate "
             "to that service; Windows also asks so just to see.",
    .reference = "RFC 4120 7.5.9; MS-SFU 3.2.5.2",
    .remedies = {{.text = "See what accounts may delegate to.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADObject -LDAPFilter '(msDS-AllowedToDelegateTo=*)' "
                             "-Properties msDS-AllowedToDelegateTo"}},
};
