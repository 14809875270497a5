/*
 * The address has no reverse record: worth a line, no more.
 */
#include "rules.h"

const mr_rule mr_rule_name_ptr_none = {
    .id = "NAME.PTR_NONE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_PTR_NONE}}},
    .summary = "the address has no reverse record",
    .cause = "{address} has no reverse record (PTR). RPC does not need one.",
    .reference = "RFC 1912 2.1",
};
