/*
 * Whoever connected had the address already: from a cache, a file or as it stands. Only worth a
 * word where the address does not serve, because then a stale one may be the cause.
 */
#include "rules.h"

const mr_rule mr_rule_name_not_observed = {
    .id = "NAME.NOT_OBSERVED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NAME_NOT_OBSERVED}},
                {.any = {MR_FACT_HOST_DOWN, MR_FACT_TCP_REFUSED, MR_FACT_EPM_NOT_REGISTERED,
                         MR_FACT_RPC_CONTEXT_REJECTED},
                 .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED}, .same = MR_F(ADDRESS)}},
    .summary = "how the address was found is not in the capture",
    .cause = "{from|The client} went to {address} without a look-up in this capture: the address "
             "comes from a cache, from hosts or lmhosts, or was typed, or look-ups were not "
             "captured. Whether it is the right one cannot be said.",
    .reference = "RFC 1034 5.3.3",
    .remedies = {{.text = "To see the look-up, empty the caches of the client and capture again.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /flushdns & nbtstat -R"}},
};
