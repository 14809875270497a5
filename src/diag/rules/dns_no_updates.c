/*
 * A server that holds the zone takes no updates at all.
 */
#include "rules.h"

const mr_rule mr_rule_dns_no_updates = {
    .id = "DNS.NO_UPDATES",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_DNS_NO_UPDATES}}},
    .summary = "a DNS server takes no updates",
    .cause = "The DNS server {server} holds {domain} and answers an update with {rcode}: it "
             "takes none. Domain controllers that use it cannot register their records there.",
    .reference = "RFC 2136 2.2",
    .remedies = {{.text = "Let domain controllers use a DNS server that takes updates, or keep "
                          "their records there by hand.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerZone | Select-Object ZoneName,DynamicUpdate",
                  .verify = "msrpc name --health {host}"}},
};
