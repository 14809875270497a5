/*
 * A lame delegation: the server that should hold the zone refers elsewhere.
 */
#include "rules.h"

const mr_rule mr_rule_name_lame = {
    .id = "NAME.LAME",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_LAME}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_NODATA}},
               {.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}}},
    .summary = "the DNS server does not hold the zone and does not recurse",
    .cause = "DNS server {server} neither knows {name} nor asks others for it: it only refers "
             "elsewhere. Clients give up there.",
    .reference = "RFC 1912 2.8, RFC 1034 4.3.1",
    .remedies = {{.text = "Let clients ask a recursive server, or one that holds the zone; repair "
                          "the delegation that points to {server}.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerRecursion",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
