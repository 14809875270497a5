/*
 * The service does not answer and nothing tells whether the host received what was sent.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_silent = {
    .id = "RPC.SILENT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1818,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_SILENT}, .where = {MR_WHERE(ACKED, EQ, MR_ACKED_UNKNOWN)}}},
    .forbid = {{.any = {MR_FACT_RPC_CALLED},
                .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .summary = "no answer from the service",
    .cause = "Port {port} of {address} ({interface}) opens and then says nothing. The service "
             "hangs, or a device on the way drops the data; what TCP acknowledged is not known "
             "here.",
    .reference = "C706 12.6.4",
    .remedies = {{.text = "At the host, find the process behind the port and what it waits for.",
                  WHO_HAS_THE_PORT,
                  .verify = "msrpc ping {host} --interface {interface}"}},
    .next = {.command = "msrpc diagnose {host} --interface {interface}",
             .branches = {{"RPC.HUNG", "the host got the data: its service hangs"},
                          {"RPC.SWALLOWED", "the host never got it: a device on the way"}}},
};
