/*
 * The hosts file overrides DNS with an address where nothing answers.
 */
#include "rules.h"

const mr_rule mr_rule_name_hosts_stale = {
    .id = "NAME.HOSTS_STALE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NAME_HOSTS_DIFFERS}},
                {.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .explains = {FINDINGS_OF_A_DEAD_ADDRESS},
    .summary = "the hosts file points to an address where nothing answers",
    .cause = "The hosts file of this machine says {name} is {address}, where nothing answers; DNS "
             "says {other}. The entry in the hosts file wins and is probably out of date.",
    .reference = "hosts(5)",
    .remedies = {{.text = "Show the entry, then take it out if DNS is right.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "grep -n {address} /etc/hosts",
                  .verify = "msrpc diagnose {host} --target-ip {other}"},
                 {.text = "On Windows the file is",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "notepad %SystemRoot%\\System32\\drivers\\etc\\hosts"}},
    .next = {.command = "msrpc diagnose {host} --target-ip {other}",
             .branches = {{"healthy", "DNS is right: take the entry out of the hosts file"},
                          {"the same error", "the host itself is down or filtered"}}},
};
