/*
 * A DNS server answers over UDP and not over TCP: long answers get lost.
 */
#include "rules.h"

const mr_rule mr_rule_dns_no_tcp = {
    .id = "DNS.NO_TCP",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_DNS_NO_TCP}}},
    .summary = "DNS over TCP is blocked",
    .cause = "DNS server {server} answers over UDP; TCP port {server.port|53} does not "
             "open. Answers that do not fit a datagram (a domain with many controllers) cannot be "
             "had, and secure updates fail.",
    .reference = "RFC 7766 5",
    .remedies = {{.text = "On the firewall, allow TCP port {server.port|53} beside UDP.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {server.host} --ports {server.port|53}"}},
};
