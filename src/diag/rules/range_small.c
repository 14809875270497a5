/*
 * Fewer ports than the services of a Windows server want.
 */
#include "rules.h"

const mr_rule mr_rule_range_small = {
    .id = "RANGE.SMALL",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_RANGE_SET}, .where = {MR_WHERE(COUNT, LT, 100)}}},
    .summary = "fewer than 100 ports",
    .cause = "The number of ports is {count}. Many services of Windows itself take a port or "
             "more each, and at least 100 are advised; when none is free a service fails to "
             "start or answers nobody.",
    .reference = "KB154596",
    .remedies = {{.text = "Take 255 ports or more, which is also the least that netsh takes.",
                  .run_on = MR_PLACE_SERVER}},
};
