/*
 * TCP acknowledged the request, the service never answers it.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_hung = {
    .id = "RPC.HUNG",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1818,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_SILENT}, .where = {MR_WHERE(ACKED, EQ, MR_ACKED_YES)}}},
    .sure = {.any = {MR_FACT_RPC_BOUND}, .same = MR_F(ADDRESS) | MR_F(PORT)},
    .forbid = {{.any = {MR_FACT_RPC_CALLED},
                .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .summary = "the service does not answer",
    .cause = "{interface} on port {port} of {address} took the request and gives no "
             "answer: its process hangs, has no free thread, or waits for another host in turn.",
    .reference = "C706 12.6.4",
    .remedies = {{.text = "At the host, find the process behind the port and what it waits for.",
                  WHO_HAS_THE_PORT},
                 {.text = "Restart the service.",
                  RESTART_THE_SERVICE,
                  .verify = "msrpc ping {host} --interface {interface}"}},
    .next = {.command = "msrpc ping {host} --interface {interface} --count 3",
             .branches = {{"answers now", "it was a passing overload"},
                          {"silent again", "the service hangs: look at its process"}}},
};
