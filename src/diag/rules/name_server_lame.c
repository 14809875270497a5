/*
 * One DNS server answers without answering the question, while another knows.
 */
#include "rules.h"

const mr_rule mr_rule_name_server_lame = {
    .id = "NAME.SERVER_LAME",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_LAME, MR_FACT_NAME_MALFORMED}},
                {.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}, .differs = MR_F(SERVER)}},
    .summary = "one DNS server does not answer the question",
    .cause = "DNS {#server:server|servers} {server} {#server:gives|give} no answer for {name} that "
             "a client can use: a referral elsewhere, or something that was not asked; {1.server} "
             "{#1.server:knows|know} it. A client that asks only the first fails.",
    .reference = "RFC 1912 2.8, RFC 1034 4.3.1",
    .remedies = {{.text = "Take it out of the list of DNS servers, or let it hold the zone or "
                          "recurse for clients.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4",
                  .verify = "msrpc name {name}"}},
};
