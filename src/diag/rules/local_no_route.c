/*
 * This machine has no route to the address: nothing left it.
 */
#include "rules.h"

const mr_rule mr_rule_local_no_route = {
    .id = "LOCAL.NO_ROUTE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCAL_NO_ROUTE}}},
    .forbid = {{.any = {MR_FACT_HOST_UP}}},
    .summary = "this machine has no route to the host",
    .cause = "The routing table of this machine has no way to {address}; nothing was sent. A "
             "default gateway or a VPN is missing.",
    .reference = "connect(2), ENETUNREACH",
    .remedies = {{.text = "Ask the kernel for the route, then set the gateway or connect the VPN.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ip route get {address}",
                  .verify = "msrpc diagnose {host}"}},
};
