/*
 * The zone takes updates of strangers.
 */
#include "rules.h"

const mr_rule mr_rule_dns_insecure_updates = {
    .id = "DNS.INSECURE_UPDATES",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_DNS_INSECURE_UPDATES}}},
    .summary = "the zone takes updates of strangers",
    .cause = "DNS server {server} took an update of {domain} without credentials (one that "
             "changes nothing). Anybody in the network can redirect the names of the domain to a "
             "machine of his own.",
    .reference = "RFC 2136 3.3, RFC 3007; MS-DNSP 2.2.6.1.1",
    .remedies = {{.text = "Allow secure updates only. Clients outside the domain then register "
                          "no more by themselves.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Set-DnsServerPrimaryZone -Name {domain} -DynamicUpdate Secure",
                  .risk = "Hosts without an account in the domain (printers, appliances) no "
                          "longer register.",
                  .undo = "Set-DnsServerPrimaryZone -Name {domain} -DynamicUpdate "
                          "NonsecureAndSecure",
                  .verify = "msrpc name --health {host}"}},
};
