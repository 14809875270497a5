/*
 * The host has an address that this machine cannot even try (no route, no address of that family)
 * while another one works. Such an attempt fails at once and costs nothing: a remark.
 */
#include "rules.h"

const mr_rule mr_rule_local_address_unused = {
    .id = "LOCAL.ADDRESS_UNUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_LOCAL_NO_ROUTE, MR_FACT_LOCAL_NO_SOURCE}},
                {.any = {MR_FACT_HOST_UP}}},
    .forbid = {{.any = {MR_FACT_HOST_UP}, .same = MR_F(ADDRESS)}},
    .summary = "an address of the host that this machine cannot use",
    .cause = "{host} also has {address}; this machine has no route or no address for it and used "
             "{1.address}.",
    .reference = "RFC 6724 5",
};
