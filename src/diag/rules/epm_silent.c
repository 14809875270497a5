/*
 * The mapper does not answer and nothing tells whether the host received what was sent.
 */
#include "rules.h"

const mr_rule mr_rule_epm_silent = {
    .id = "EPM.SILENT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_SILENT}, .where = {MR_WHERE(ACKED, EQ, MR_ACKED_UNKNOWN)}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)}},
    .summary = "no answer from the endpoint mapper",
    .cause = "{address} accepts port {port} and then says nothing. The RPC service hangs, or a "
             "device on the way drops the data; what TCP acknowledged is not known here.",
    .reference = "C706 12.6.4",
    .remedies = {{.text = "At the host, see that the RPC services run.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service RpcSs,RpcEptMapper",
                  .verify = "msrpc map {host}"}},
    .next = {.command = "msrpc diagnose {host} --phase 2,3",
             .branches = {{"EPM.HUNG", "the host got the data: its service hangs"},
                          {"EPM.SWALLOWED", "the host never got it: a device on the way"}}},
};
