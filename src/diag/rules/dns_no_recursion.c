/*
 * A DNS server resolves its own zones only.
 */
#include "rules.h"

const mr_rule mr_rule_dns_no_recursion = {
    .id = "DNS.NO_RECURSION",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_DNS_NO_RECURSION}}},
    .summary = "a DNS server does not recurse",
    .cause = "DNS server {server} says that it does no recursion: a client that asks it only "
             "resolves names of its own zones.",
    .reference = "RFC 1034 4.3.1",
    .remedies = {{.text = "If clients should resolve other names through it, see its recursion "
                          "and forwarders.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerForwarder"}},
};
