/*
 * An SRV record leads to a host that has no address.
 */
#include "rules.h"

const mr_rule mr_rule_locator_no_address = {
    .id = "LOCATOR.NO_ADDRESS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_NO_ADDRESS}}},
    .summary = "an SRV record names a host without an address",
    .cause = "The SRV records of {domain} name {name}, for which there is neither an A nor an "
             "AAAA record. Clients that pick it find nobody and go on to the next.",
    .reference = "RFC 2782, MS-ADTS 6.3.6",
    .remedies = {{.text = "On the domain controller, register its address again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc name --dsgetdc {domain}"},
                 {.text = "If it no longer exists, remove what is left of it: its metadata and "
                          "its records.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ntdsutil \"metadata cleanup\"",
                  .risk = "The wrong server removed is a domain controller lost.",
                  .undo = "Promote it again."}},
};
