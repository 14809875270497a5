/*
 * The lookup ended with an error and nothing could be learnt from it.
 */
#include "rules.h"

const mr_rule mr_rule_epm_lookup_failed = {
    .id = "EPM.LOOKUP_FAILED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1752,
    .win32_status = true,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_LOOKUP_FAILED},
                 .where = {MR_WHERE(COUNT, EQ, 0), MR_WHERE(STATUS, NE, 5)}}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED, MR_FACT_EPM_LISTED}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_EPM_ADMITTED}}},
    .summary = "the endpoint mapper cannot do the lookup",
    .cause = "The endpoint mapper of {address} ends the lookup with status {status} before it has "
             "listed anything.",
    .reference = "C706 appendix O",
    .remedies = {{.text = "See what the number means, then look at the host's RPC services.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {status}",
                  .verify = "msrpc map {host}"}},
};
