/*
 * A name server of the zone does not answer.
 */
#include "rules.h"

const mr_rule mr_rule_dns_server_down = {
    .id = "DNS.SERVER_DOWN",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_DNS_SERVER_DOWN}}},
    .summary = "a name server of the domain does not answer",
    .cause = "The NS records of {domain} name {name} ({server}), and nothing there answers DNS. "
             "Clients and domain controllers that use it resolve nothing, and delegations that "
             "lead to it are dead ends.",
    .reference = "RFC 1034 4.2.2, RFC 1912 2.8",
    .remedies = {{.text = "Look whether the DNS service runs, and whether a firewall lets UDP "
                          "and TCP port {server.port|53} through.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe query DNS",
                  .verify = "msrpc name --health {host}"},
                 {.text = "If the host no longer serves the zone, remove its NS record.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerResourceRecord -ZoneName {domain} -RRType NS"}},
    .next = {.command = "msrpc port {server.host} --ports {server.port|53},135 --protocol tcp",
             .branches = {{"{server.port|53} NOT LISTENING",
                           "the host is up, its DNS service is not"},
                          {"{server.port|53} FILTERED, 135 LISTENING",
                           "a firewall drops DNS"},
                          {"nothing LISTENING",
                           "the host is down or gone"}}},
};
