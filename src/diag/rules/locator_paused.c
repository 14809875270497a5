/*
 * A domain controller answers that Netlogon is paused; clients go on to the next.
 */
#include "rules.h"

const mr_rule mr_rule_locator_paused = {
    .id = "LOCATOR.PAUSED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCATOR_PAUSED}}},
    .summary = "Netlogon is paused on a domain controller",
    .cause = "{name} ({address}) answers the locator, but says that its Netlogon service is "
             "paused. Clients take another. SYSVOL that is not ready, or an administrator, "
             "pauses it.",
    .reference = "MS-ADTS 6.3.1.3, 6.3.1.9",
    .remedies = {{.text = "On the domain controller, look at the state of Netlogon and of "
                          "SYSVOL.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe query netlogon",
                  .verify = "msrpc port {address} --ports 389 --protocol udp"}},
};
