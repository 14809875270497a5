/*
 * The name is an alias (CNAME) of a name that is not there.
 */
#include "rules.h"

const mr_rule mr_rule_name_alias_dangling = {
    .id = "NAME.ALIAS_DANGLING",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_HOST_NOT_FOUND,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_ALIAS_DANGLING}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}}},
    .explains = {"NAME.NXDOMAIN", "NAME.NODATA", "NAME.NO_RECORD"},
    .summary = "the alias leads to a name without address",
    .cause = "{name} is an alias (CNAME) of {other}, and {other} has no address. The host was "
             "renamed or removed, and the alias stayed.",
    .reference = "RFC 1034 3.6.2",
    .remedies = {{.text = "Point the alias to the host's present name, or remove it.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {name} -Type CNAME",
                  .verify = "msrpc name {name}"},
                 {.text = "If the host is there under that name, let it register again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc name {other}"}},
};
