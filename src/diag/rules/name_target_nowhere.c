/*
 * A record (SRV, NS) names a host that has no address.
 */
#include "rules.h"

const mr_rule mr_rule_name_target_nowhere = {
    .id = "NAME.TARGET_NOWHERE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(OTHER),
    .require = {{.any = {MR_FACT_NAME_TARGET_NOWHERE}}},
    .summary = "a record names a host without address",
    .cause = "The {record|service} record of {name} names the host {other}, which has no address. "
             "Clients that choose it lose time or fail.",
    .reference = "RFC 2782",
    .remedies = {{.text = "If the host is gone, clean up after it: a removed domain controller "
                          "leaves such records behind.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ntdsutil \"metadata cleanup\"",
                  .verify = "msrpc name {name}"},
                 {.text = "If it lives, let it register its addresses again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc name {other}"}},
};
