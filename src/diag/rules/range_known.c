/*
 * Services with a port of their own inside the wanted range.
 */
#include "rules.h"

const mr_rule mr_rule_range_known = {
    .id = "RANGE.KNOWN",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .require = {{.any = {MR_FACT_RANGE_KNOWN}}},
    .summary = "services with ports of their own lie inside the range",
    .cause = "Inside the range {#port:lies|lie} {other}. Where such a service runs on the same "
             "host, whoever starts first has the port; the firewall rule opens {#port:it|them} "
             "too.",
    .reference = "KB832017",
    .remedies = {{.text = "See what listens there before the range is set, or leave "
                          "{#port:it|them} out of the range.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -ano"}},
};
