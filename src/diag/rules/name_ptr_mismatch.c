/*
 * The reverse record names another host. Common and harmless to RPC; Kerberos clients that
 * canonicalise names care.
 */
#include "rules.h"

const mr_rule mr_rule_name_ptr_mismatch = {
    .id = "NAME.PTR_MISMATCH",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_PTR_MISMATCH}}},
    .forbid = {{.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .summary = "the reverse record names another host",
    .cause = "{address} is what {name} resolves to, but its reverse record says {other}.",
    .reference = "RFC 1912 2.1",
};
