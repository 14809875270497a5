/*
 * A zone names a server that has no address.
 */
#include "rules.h"

const mr_rule mr_rule_dns_broken_delegation = {
    .id = "DNS.BROKEN_DELEGATION",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(DOMAIN) | MR_F(NAME),
    .require = {{.any = {MR_FACT_DNS_NS_WITHOUT_ADDRESS}}},
    .summary = "a name server of the domain has no address",
    .cause = "The NS records of {domain} name {name}, for which there is no address (glue "
             "record). Nobody can be sent there.",
    .reference = "RFC 1034 4.2.1, RFC 1912 2.3",
    .remedies = {{.text = "Give the name server its address record, or remove the NS record.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerResourceRecord -ZoneName {domain} -RRType NS",
                  .verify = "msrpc name --health {host}"}},
};
