/*
 * WINS names another address than the host that answers for the name on the link.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wins_stale = {
    .id = "NETBIOS.WINS_STALE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(NAME) | MR_F(SERVER),
    .require = {{.any = {MR_FACT_NETBIOS_STALE}}},
    .summary = "WINS names another address than the owner's",
    .cause = "On the link {address} answers for {name}<{suffix}>, but WINS server {server} says "
             "{other}. The record is a leftover (a host that moved, a static entry), or another "
             "host took the name on this link.",
    .reference = "RFC 1001 15.2.2",
    .remedies = {{.text = "On the host that should own the name, register it again; a static "
                          "entry must be deleted in the WINS console first.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -RR",
                  .verify = "msrpc name {name} --netbios --wins {server}"}},
    .next = {.command = "msrpc name {other} --status",
             .branches = {{"it lists the name", "both hosts claim it: rename one"},
                          {"silence or other names", "the record in WINS is a leftover"}}},
};
