/*
 * The name is an alias (CNAME) that leads back to itself.
 */
#include "rules.h"

const mr_rule mr_rule_name_alias_loop = {
    .id = "NAME.ALIAS_LOOP",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_HOST_NOT_FOUND,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_ALIAS_LOOP}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}}},
    .explains = {"NAME.NXDOMAIN", "NAME.NODATA", "NAME.NO_RECORD"},
    .summary = "the alias leads back to itself",
    .cause = "{name} is an alias (CNAME) of {other}, and following the aliases from there leads "
             "round in a circle: no host is at the end.",
    .reference = "RFC 1034 3.6.2, 5.2.2",
    .remedies = {{.text = "Point one alias of the circle to the host's own name, or remove it.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {name} -Type CNAME",
                  .verify = "msrpc name {name}"}},
};
