/*
 * A DNS server recurses, and gets nowhere.
 */
#include "rules.h"

const mr_rule mr_rule_dns_forwarder_fails = {
    .id = "DNS.FORWARDER_FAILS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_DNS_FORWARDER_FAILS}}},
    .summary = "recursion leads nowhere",
    .cause = "DNS server {server} offers recursion, and a question for the root of DNS came to "
             "nothing through it: its forwarders do not answer, or it reaches no root server. In "
             "a network without the Internet that is as it must be.",
    .reference = "RFC 1034 5.3.3",
    .remedies = {{.text = "See its forwarders, and ask each of them.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerForwarder",
                  .verify = "msrpc name --health {host}"}},
};
