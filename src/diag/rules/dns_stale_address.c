/*
 * A host's name has an address where nothing of it answers, while another of its addresses does.
 */
#include "rules.h"

const mr_rule mr_rule_dns_stale_address = {
    .id = "DNS.STALE_ADDRESS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(NAME) | MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_DNS_DEAD_ADDRESS}}},
    .summary = "an address record leads nowhere",
    .cause = "{server} gives {address} for {name}, where nothing that was asked answers (LDAP, "
             "the locator's ping, DNS), while another address of it does. Clients that pick it "
             "wait, and some give up. The record is stale, or that interface is not meant for "
             "clients.",
    .reference = "RFC 1912 2.1; MS-ADTS 6.3.6",
    .remedies = {{.text = "Compare with the addresses of the host; remove the record that is "
                          "none of them.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all",
                  .verify = "msrpc name --health {host}"},
                 {.text = "If the interface is real and not for clients, stop its registration "
                          "in DNS.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClient | Select-Object "
                             "InterfaceAlias,RegisterThisConnectionsAddress"}},
    .next = {.command = "msrpc port {address} --ports 135,389,445",
             .branches = {{"nothing LISTENING",
                           "nobody is there: a stale record"},
                          {"something LISTENING",
                           "another host has the address, or a firewall keeps LDAP from us"}}},
};
