/*
 * A zone names a server that does not hold it.
 */
#include "rules.h"

const mr_rule mr_rule_dns_lame_delegation = {
    .id = "DNS.LAME_DELEGATION",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(DOMAIN) | MR_F(SERVER),
    .require = {{.any = {MR_FACT_DNS_LAME}}},
    .summary = "a delegation leads to a server without the zone",
    .cause = "The NS records of {domain} name {name} ({server}), which answers DNS and does not "
             "hold that zone. Resolvers that are sent there get nothing, or go in circles.",
    .reference = "RFC 1912 2.8, RFC 1034 4.2.2",
    .remedies = {{.text = "Correct or remove that NS record, in the zone and in the delegation "
                          "to it.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerResourceRecord -ZoneName {domain} -RRType NS",
                  .verify = "msrpc name --health {host}"}},
    .next = {.command = "msrpc name {domain} --type SOA --dns-server {server}",
             .branches = {{"REFUSED or no authority",
                           "the zone is not on that server"},
                          {"an answer with authority",
                           "the zone has come meanwhile"}}},
};
