/*
 * The answer came after the client had stopped waiting, and no other server was faster.
 */
#include "rules.h"

const mr_rule mr_rule_name_late = {
    .id = "NAME.LATE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_LATE}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED}, .same = MR_F(NAME)},
               {.any = {MR_FACT_NAME_ANSWERED}, .same = MR_F(NAME)}},
    .explains = {"NAME.TIMEOUT"},
    .summary = "the DNS answer comes too late",
    .cause = "DNS server {server} answered for {name} after {ms} ms. The client had given up: it "
             "refused the answer with ICMP port unreachable.",
    .reference = "RFC 1035 4.2.1, RFC 1122 4.1.3.1",
    .remedies = {{.text = "Look at the DNS server's forwarders: one that is dead delays every "
                          "answer. Remove it, or shorten its timeout.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerForwarder",
                  .verify = "msrpc name {name}"}},
    .next = {.command = "msrpc name {name}",
             .branches = {{"fast", "the answer is in the cache now: the way to the zone is slow"},
                          {"slow again", "the server or the line to it is slow"}}},
};
