/*
 * Two captures: segments are not the same at both. Normal of many devices, and worth knowing where
 * something else is wrong.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_altered = {
    .id = "TCP.ALTERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_ALTERED}}},
    .summary = "a device between changes segments",
    .cause = "Between the two captures a device changes what goes to and from {#port:port|ports} "
             "{port} of {address}: {other}. Clamping the MSS is good practice; a device that "
             "removes options or rewrites sequence numbers takes part in the connection and may "
             "break it.",
    .reference = "RFC 9293 3.2, RFC 3360",
};
