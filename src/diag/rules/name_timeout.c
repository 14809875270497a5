/*
 * No DNS server gave an answer that settles the question.
 */
#include "rules.h"

const mr_rule mr_rule_name_timeout = {
    .id = "NAME.TIMEOUT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .require = {{.any = {MR_FACT_NAME_TIMEOUT}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_RCODE,
                        MR_FACT_NAME_LAME, MR_FACT_NAME_NODATA, MR_FACT_NAME_PTR_NONE}}},
    .summary = "no DNS server answers",
    .cause = "DNS {#server:server|servers} {server} did not answer {from|this machine} in time. "
             "Either the {#server:server is|servers are} down, or UDP port {server.port|53} is "
             "blocked on the way.",
    .reference = "RFC 1035 4.2.1",
    .remedies = {{.text = "On the firewall, allow UDP and TCP port {server.port|53} to "
                          "{server.host}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host} --phase 1"},
                 {.text = "Look whether the DNS service runs.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe query DNS"}},
    .next = {.command = "msrpc port {server.host} --ports {server.port|53} --protocol tcp",
             .branches = {{"LISTENING", "the server runs: UDP to it is blocked on the way"},
                          {"NOT LISTENING", "the host is up, its DNS service is not"},
                          {"FILTERED", "the server is down or a firewall drops DNS to it"}}},
};
