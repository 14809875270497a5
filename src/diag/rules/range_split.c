/*
 * Several ranges: the registry has them all, netsh one.
 */
#include "rules.h"

const mr_rule mr_rule_range_split = {
    .id = "RANGE.SPLIT",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_RANGE_SPLIT}}},
    .summary = "netsh holds one range, the list has several",
    .cause = "The list has {count} ranges. RPC servers take ports from all of them; netsh, "
             "which is for every socket of the host, holds one: the widest, {other}.",
    .reference = "KB154596, KB929851",
};
