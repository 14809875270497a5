/*
 * Any other status by which a controller refuses a secure channel.
 */
#include "rules.h"

#define STATUS_ACCESS_DENIED 0xc0000022u
#define STATUS_NO_TRUST_SAM_ACCOUNT 0xc000018bu
#define STATUS_DOWNGRADE_DETECTED 0xc0000388u

bool mr_test_netlogon_refused(const mr_fact *fact) {
    return fact->ntstatus != STATUS_ACCESS_DENIED &&
           fact->ntstatus != STATUS_NO_TRUST_SAM_ACCOUNT &&
           fact->ntstatus != STATUS_DOWNGRADE_DETECTED;
}

const mr_rule mr_rule_netlogon_refused = {
    .id = "NETLOGON.REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(USER),
    .require = {{.any = {MR_FACT_NETLOGON_REFUSED}}},
    .test = mr_test_netlogon_refused,
    .summary = "the controller refuses the secure channel",
    .cause = "The controller {address} refuses the machine account {user} a secure channel: "
             "{ntstatus}.",
    .reference = "MS-NRPC 3.5.4.4.2; MS-ERREF 2.3.1",
    .remedies = {{.text = "See what the status means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {ntstatus}"},
                 {.text = "See what the controller logs (5722, 5723, 5805).",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='System';"
                             "ProviderName='NETLOGON'} -MaxEvents 20"}},
};
