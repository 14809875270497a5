/*
 * The reverse record of an address names a host that lives elsewhere.
 */
#include "rules.h"

const mr_rule mr_rule_name_forward_mismatch = {
    .id = "NAME.FORWARD_MISMATCH",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_FORWARD_DIFFERS}}},
    .summary = "the name of the address does not lead back to it",
    .cause = "The reverse record of {address} says {name}, but {name} leads to {other}. One of the "
             "two records is out of date.",
    .reference = "RFC 1912 2.1",
    .remedies = {{.text = "Correct or remove the reverse record of an address that the host has no "
                          "more.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {address}",
                  .verify = "msrpc name {address}"}},
};
