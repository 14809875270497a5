/*
 * An SRV record leads to a host that is no domain controller of the domain.
 */
#include "rules.h"

const mr_rule mr_rule_locator_other_domain = {
    .id = "LOCATOR.OTHER_DOMAIN",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCATOR_OTHER_DOMAIN}}},
    .summary = "an SRV record leads to a host of another domain",
    .cause = "The SRV records of {domain} name {name} ({address}). What answers there does not "
             "serve {domain}: the record is stale, or the address now belongs to another host.",
    .reference = "MS-ADTS 6.3.3.2",
    .remedies = {{.text = "Remove the records of {name} that no longer hold, or correct its "
                          "address.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {name}",
                  .verify = "msrpc name --health {domain}"}},
};
