/*
 * The lookup goes on for ever: a mapper that hands out the same page again, or one that means harm.
 */
#include "rules.h"

const mr_rule mr_rule_epm_endless = {
    .id = "EPM.ENDLESS",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_ENDLESS}}},
    .summary = "the endpoint mapper's list has no end",
    .cause = "The endpoint mapper of {address} had listed {count} endpoints, far more than any "
             "host has, and went on. It hands out the same entries again, or is not to be trusted.",
    .reference = "C706 appendix O",
    .remedies = {{.text = "Ask for one interface instead of the whole list.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose {host} --interface samr",
                  .verify = "msrpc map {host}"},
                 {.text = "See at the host which program owns the mapper's port; it should be "
                          "RpcEptMapper.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp",
                  .verify = "msrpc map {host}"}},
};
