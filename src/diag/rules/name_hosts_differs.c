/*
 * The hosts file and DNS disagree; the address of the hosts file answers.
 */
#include "rules.h"

const mr_rule mr_rule_name_hosts_differs = {
    .id = "NAME.HOSTS_DIFFERS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NAME_HOSTS_DIFFERS}}},
    .forbid = {{.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .summary = "the hosts file and DNS disagree",
    .cause = "The hosts file of this machine says {name} is {address}, DNS says {other}. This "
             "machine uses the former; others may reach another host.",
    .reference = "hosts(5)",
    .remedies = {{.text = "Show the entry; take it out unless it is there on purpose.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "grep -n {address} /etc/hosts",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
