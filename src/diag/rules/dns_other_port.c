/*
 * An SRV record names another port than the service has.
 */
#include "rules.h"

const mr_rule mr_rule_dns_other_port = {
    .id = "DNS.OTHER_PORT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(OTHER),
    .require = {{.any = {MR_FACT_DNS_OTHER_PORT}}},
    .summary = "an SRV record names the wrong port",
    .cause = "At {server} the record {name} leads to {other}, and not to port {port}, where the "
             "service listens.",
    .reference = "RFC 2782",
    .remedies = {{.text = "Remove that record; the domain controller registers the right one.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName -Type SRV {name}",
                  .verify = "msrpc name --health {host}"}},
};
