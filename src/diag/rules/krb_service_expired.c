/*
 * Not the user is refused but the account that the service runs as.
 */
#include "rules.h"

const mr_rule mr_rule_krb_service_expired = {
    .id = "KRB.SERVICE_EXPIRED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1331,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR},
                 .where = {MR_WHERE(KRB, IN, MR_BIT(2) | MR_BIT(19) | MR_BIT(22))}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the service's account is disabled or expired",
    .cause = "The KDC {address} gives no ticket for {spn|the service}: the account that it runs "
             "as is disabled, revoked or expired ({krb}).",
    .reference = "RFC 4120 7.5.9",
    .remedies = {{.text = "Find that account.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {spn}"},
                 {.text = "List what is disabled or expired.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Search-ADAccount -AccountDisabled; Search-ADAccount "
                             "-AccountExpired"}},
};
