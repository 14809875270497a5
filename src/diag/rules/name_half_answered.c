/*
 * The DNS server answered that there is no record of one type and stayed silent about the other:
 * it lives, and the question stays open.
 */
#include "rules.h"

const mr_rule mr_rule_name_half_answered = {
    .id = "NAME.HALF_ANSWERED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .require = {{.any = {MR_FACT_NAME_TIMEOUT}},
                {.any = {MR_FACT_NAME_NODATA}, .same = MR_F(SERVER)}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_RCODE, MR_FACT_NAME_LAME,
                        MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_NODATA}, .differs = MR_F(SERVER)}},
    .summary = "the DNS server answered only half of the question",
    .cause = "DNS server {server} answered about one record type of the name (A or AAAA) and not "
             "about the other. It lives; packets get lost on the way, or a device drops that type "
             "of question.",
    .reference = "RFC 4074 4.1",
    .remedies = {{.text = "Ask again; when it stays so, find what loses or drops DNS packets.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_SH,
                  .command = "mtr -n -c 100 --report {server.host}",
                  .verify = "msrpc diagnose {host} --phase 1"}},
    .next = {.command = "msrpc diagnose {host} --phase 1",
             .branches = {{"the name has an address now", "it was a passing loss"},
                          {"the same again", "a device or the server drops one record type"}}},
};
