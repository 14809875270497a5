/*
 * This machine has no DNS server to ask, so that no name but those of its hosts file resolves.
 */
#include "rules.h"

const mr_rule mr_rule_name_no_server = {
    .id = "NAME.NO_SERVER",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .require = {{.any = {MR_FACT_NAME_NO_SERVER}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}}},
    .explains = {"NAME.SINGLE_LABEL"},
    .summary = "this machine has no DNS server",
    .cause = "No DNS server is configured on this machine, and no hosts file entry has the name.",
    .reference = "resolv.conf(5)",
    .remedies = {{.text = "Set a DNS server that knows the domain, here or in DHCP; until then "
                          "name one on the command line.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "cat /etc/resolv.conf",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
