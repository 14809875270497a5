/*
 * A host already uses more RPC ports than the wanted range has.
 */
#include "rules.h"

const mr_rule mr_rule_range_crowded = {
    .id = "RANGE.CROWDED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RANGE_CROWDED}}},
    .summary = "the range has no room for what the host already runs",
    .cause = "The RPC ports in use on {address} number {count}, those of the range {wanted}. "
             "Services that start last would find none.",
    .reference = "KB154596",
    .remedies = {{.text = "Take a wider range, with room for services to come.",
                  .run_on = MR_PLACE_SERVER,
                  .verify = "msrpc range --of {address}"}},
};
