/*
 * The DNS server will not serve this client: REFUSED or NOTAUTH.
 */
#include "rules.h"

const mr_rule mr_rule_name_refused = {
    .id = "NAME.REFUSED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_RCODE},
                 .where = {MR_WHERE(RCODE, IN, MR_BIT(5) | MR_BIT(9))}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_NODATA}},
               {.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}},
               {.any = {MR_FACT_NAME_RCODE},
                .where = {MR_WHERE(RCODE, EQ, 2)},
                .same = MR_F(SERVER)}},
    .summary = "the DNS server refuses to answer this client",
    .cause = "The DNS server {server|of this machine} refuses the query for {name} ({rcode}): "
             "it does not hold the zone and does no recursion for {from|this address}.",
    .reference = "RFC 1035 4.1.1, RFC 2136 2.2",
    .remedies = {{.text = "Allow recursion for this network on the DNS server, or let this machine "
                          "ask another.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerRecursion",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
