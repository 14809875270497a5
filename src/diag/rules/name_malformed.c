/*
 * What the DNS server sends is no answer to the question: broken, or about another name.
 */
#include "rules.h"

const mr_rule mr_rule_name_malformed = {
    .id = "NAME.MALFORMED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_MALFORMED}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_RCODE,
                        MR_FACT_NAME_LAME}}},
    .summary = "the DNS server's answer cannot be used",
    .cause = "DNS {#server:server|servers} {server} {#server:answers|answer} the question for "
             "{name}, but with a message that is broken or that is about other names. Clients "
             "drop it, and wait as if nothing had come. Something on the way may answer in the "
             "server's place.",
    .reference = "RFC 1035 4.1, RFC 1034 4.3.2, RFC 5452 3",
    .remedies = {{.text = "Let this machine ask another DNS server, and see whether a firewall "
                          "or proxy on the way rewrites DNS.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4",
                  .verify = "msrpc name {name}"}},
};
