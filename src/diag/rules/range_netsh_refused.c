/*
 * A dynamic port range that netsh does not take.
 */
#include "rules.h"

const mr_rule mr_rule_range_netsh_refused = {
    .id = "RANGE.NETSH_REFUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 87,
    .per = MR_F(PORT) | MR_F(COUNT),
    .require = {{.any = {MR_FACT_RANGE_NETSH_REFUSED}}},
    .summary = "netsh refuses this range",
    .cause = "start={port} num={count}: {other}. netsh takes at least 255 ports, from 1025 to "
             "65535, and leaves the old range in place when it refuses.",
    .reference = "KB929851",
    .remedies = {{.text = "Say how many ports there are behind start, not the last one; this is "
                          "what stands there now.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh int ipv4 show dynamicport tcp"}},
};
