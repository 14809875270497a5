/*
 * Nothing at all comes back from the address. A host that is switched off and a firewall that
 * drops everything look the same from here, so both are named.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_host_silent = {
    .id = "TCP.HOST_SILENT",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_TCP_SILENT}, .same = MR_F(ADDRESS), .at_least = 2},
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_HOST_DOWN}},
                {.any = {MR_FACT_TCP_SILENT}, .same = MR_F(ADDRESS)}},
    .summary = "nothing answers at the address",
    .cause = "{address} answers on none of the TCP ports tried ({1.port}). The host is down, or a "
             "firewall drops everything from {from|this address}; from here the two look alike."
             "{#name: Or the DNS record is stale, and the host has another address by now.|}",
    .reference = "RFC 9293 3.10.7; KB2102154",
    .remedies = {{.text = "See at the host's console that it runs and has this address.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all"},
                 {.text = "Compare what every DNS server says about the name; a stale record is "
                          "replaced by \"ipconfig /registerdns\" on the host.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {name}"},
                 {.text = "On the firewall, look for dropped packets from {from|this address} to "
                          "{address}, and allow TCP 135 and the RPC ports, 49152-65535.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host} --phase 1,2"}},
    .next = {.command = "msrpc port {address} --ports 22,53,80,88,135,139,389,443,445,3389,5985",
             .branches = {{"any port answers", "the host is up: a firewall drops the RPC ports"},
                          {"all FILTERED", "run it again from the host's own network: an answer "
                                           "there means a firewall between, silence that the host "
                                           "is down"}}},
};
