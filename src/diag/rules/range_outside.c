/*
 * RPC endpoints that lie outside the range that a firewall is to open.
 */
#include "rules.h"

const mr_rule mr_rule_range_outside = {
    .id = "RANGE.OUTSIDE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RANGE_OUTSIDE}}},
    .summary = "RPC ports in use lie outside the range",
    .cause = "On {address} {#port:port|ports} {port} ({interface}) {#port:lies|lie} outside "
             "{other}. A firewall that opens {other} alone blocks {#port:it|them}. Either the "
             "setting waits for a restart, or the service has a port of its own.",
    .reference = "KB154596, KB832017",
    .remedies = {{.text = "Restart {address} if the range was set since it started, and compare "
                          "again; else open {port} as well.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "See what the host was told; without that key it uses the range of "
                          "netsh.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SOFTWARE\\Microsoft\\Rpc\\Internet"}},
};
