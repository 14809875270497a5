/*
 * DNS answers, and has no SRV record of any domain controller.
 */
#include "rules.h"

const mr_rule mr_rule_locator_no_srv = {
    .id = "LOCATOR.NO_SRV",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_NO_SUCH_DOMAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_NO_SRV}}},
    .forbid = {{.any = {MR_FACT_LOCATOR_FOUND}}},
    .explains = {"LOCATOR.NO_SITE_DC"},
    .summary = "no domain controller is registered in DNS",
    .cause = "The DNS server {server|of this machine} has no SRV record {name}. A client looks for "
             "that record first; without it no domain controller is found, whether one runs or "
             "not. Either {domain} is not the domain's DNS name, or this DNS server does not "
             "hold or reach its zone, or the domain controllers did not register.",
    .reference = "MS-ADTS 6.3.2.3, RFC 2782; KB247811",
    .remedies = {{.text = "Let this machine ask a DNS server that holds the domain's zone, which "
                          "is usually a domain controller.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4",
                  .verify = "msrpc name --dsgetdc {domain}"},
                 {.text = "On a domain controller, register its records again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns",
                  .verify = "msrpc name --health {domain}"}},
    .next = {.command = "msrpc name {name} --dns-server ADDRESS-OF-A-DC",
             .branches = {{"it has the record",
                           "the DNS server that was asked does not hold the zone, or an old copy"},
                          {"NXDOMAIN there too",
                           "the records are not registered, or the name of the domain is wrong"}}},
};
