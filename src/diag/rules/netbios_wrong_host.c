/*
 * The host at the address that a name leads to does not have the name.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wrong_host = {
    .id = "NETBIOS.WRONG_HOST",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME) | MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NETBIOS_NOT_OWNER}}},
    .summary = "the address belongs to a host of another name",
    .cause = "{name}<{suffix}> leads to {address}, but the host there calls itself {other} and "
             "does not have that name: the record outlived its owner, and the address went to "
             "somebody else.",
    .reference = "RFC 1001 15.4",
    .remedies = {{.text = "Delete the record where it was found (WINS console: Active "
                          "Registrations), then let the true owner register again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -RR",
                  .verify = "msrpc name {name} --netbios --status"}},
};
