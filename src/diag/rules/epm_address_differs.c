/*
 * The towers carry another address than the one that was asked: NAT, or a host with several.
 * Windows clients stay with the address they asked, so that this is a remark.
 */
#include "rules.h"

const mr_rule mr_rule_epm_address_differs = {
    .id = "EPM.ADDRESS_DIFFERS",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_EPM_ADDRESS_DIFFERS}}},
    .summary = "the endpoint mapper names another address",
    .cause = "Asked at {address}, the endpoint mapper names endpoints at {other}: the host has "
             "several addresses, or there is NAT between. Windows clients use the address they "
             "asked; others may follow the mapper and fail.",
    .reference = "C706 appendix I, appendix L",
};
