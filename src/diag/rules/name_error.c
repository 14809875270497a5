/*
 * The DNS server answers with an error that has no finding of its own (FORMERR, NOTIMP ...).
 */
#include "rules.h"

const mr_rule mr_rule_name_error = {
    .id = "NAME.ERROR",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME) | MR_F(RCODE),
    .require = {{.any = {MR_FACT_NAME_RCODE},
                 .where = {MR_WHERE(RCODE, IN, ~(MR_BIT(0) | MR_BIT(2) | MR_BIT(3) | MR_BIT(5) |
                                                 MR_BIT(9)))}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_NODATA}},
               {.any = {MR_FACT_NAME_RCODE},
                .where = {MR_WHERE(RCODE, IN, MR_BIT(2) | MR_BIT(3) | MR_BIT(5) | MR_BIT(9))}}},
    .summary = "the DNS server answers with an error",
    .cause = "The DNS server {server|of this machine} answers the question for {name} with "
             "{rcode}: it does not understand it, or will not.",
    .reference = "RFC 1035 4.1.1, RFC 6895 2.3",
    .remedies = {{.text = "Let this machine ask another DNS server.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4"}},
};
