/*
 * Ports that other software is used to.
 */
#include "rules.h"

const mr_rule mr_rule_range_low = {
    .id = "RANGE.LOW",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_RANGE_SET}, .where = {MR_WHERE(PORT, LT, 5000)}}},
    .summary = "the range begins below 5000",
    .cause = "The range begins at {port}. Below 5000 stand services with ports of their own, "
             "and Windows before Vista took its outgoing ports from there: an RPC server may "
             "take the port that another service wants.",
    .reference = "KB154596, KB929851",
    .remedies = {{.text = "Take ports above 5000.", .run_on = MR_PLACE_SERVER}},
};
