/*
 * This machine has no address of its own of that family to speak from.
 */
#include "rules.h"

const mr_rule mr_rule_local_no_source = {
    .id = "LOCAL.NO_SOURCE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCAL_NO_SOURCE}}},
    .forbid = {{.any = {MR_FACT_HOST_UP}}},
    .summary = "this machine has no address to speak from",
    .cause = "This machine has no usable source address for {address}: it has none of that address "
             "family, or the one asked for is not its own.",
    .reference = "connect(2), EADDRNOTAVAIL; RFC 6724 5",
    .remedies = {{.text = "Look at the addresses of this machine.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ip address show",
                  .verify = "msrpc diagnose {host}"}},
};
