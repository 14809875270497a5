/*
 * DNS and NetBIOS lead to different hosts.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_dns_differs = {
    .id = "NETBIOS.DNS_DIFFERS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .require = {{.any = {MR_FACT_NETBIOS_RESOLVED}},
                {.any = {MR_FACT_NAME_RESOLVED},
                 .where = {MR_WHERE(FAMILY, EQ, 4), MR_WHERE(SOURCE, EQ, MR_SOURCE_DNS)},
                 .differs = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED}, .same = MR_F(ADDRESS)}},
    .summary = "DNS and NetBIOS lead to different hosts",
    .cause = "DNS answers {1.address}, NetBIOS answers {address} for {name}. Another host owns "
             "the NetBIOS name, or one of the two records is old; a program reaches one or the "
             "other, depending on how it resolves names.",
    .reference = "MS-NBTE 3.1",
    .remedies = {{.text = "Ask both addresses who they are.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {name} --netbios --status"}},
};
