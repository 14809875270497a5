/*
 * The lookup broke off after some endpoints: the list is not whole.
 */
#include "rules.h"

const mr_rule mr_rule_epm_lookup_cut = {
    .id = "EPM.LOOKUP_CUT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_LOOKUP_FAILED}, .where = {MR_WHERE(COUNT, GE, 1)}}},
    .summary = "the endpoint mapper's list is not complete",
    .cause = "The endpoint mapper of {address} listed {count} endpoints, then ended with status "
             "{status}. What it did not list was not examined.",
    .reference = "C706 appendix O",
    .remedies = {{.text = "Ask again; where it stays, see what the number means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {status}",
                  .verify = "msrpc map {host}"}},
};
