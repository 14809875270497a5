/*
 * The external name that was asked for does not resolve.
 */
#include "rules.h"

const mr_rule mr_rule_dns_external_fails = {
    .id = "DNS.EXTERNAL_FAILS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_DNS_EXTERNAL_FAILS}}},
    .explains = {"DNS.FORWARDER_FAILS"},
    .summary = "the external name does not resolve",
    .cause = "Through DNS server {server}, {name} does not resolve.",
    .reference = "RFC 1034 5.3.3",
    .remedies = {{.text = "See its forwarders or root hints, and whether it may send to port 53 "
                          "outside.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerForwarder",
                  .verify = "msrpc name {name} --dns-server {server}"}},
};
