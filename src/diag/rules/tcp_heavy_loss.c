/*
 * The endpoint mapper was not heard, but nor was much else at the first try: several connections to
 * the host got through only because TCP repeated itself. Nobody need be filtering.
 */
#include "rules.h"

bool mr_test_tcp_heavy_loss(const mr_fact *fact) {
    return fact->kind == MR_FACT_EPM_SILENT || fact->role == MR_ROLE_MAPPER;
}

const mr_rule mr_rule_tcp_heavy_loss = {
    .id = "TCP.HEAVY_LOSS",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_SILENT, MR_FACT_TCP_SILENT}},
                {.any = {MR_FACT_TCP_LOSSY}, .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)}},
    .test = mr_test_tcp_heavy_loss,
    .explains = {"TCP.LOSSY_PATH", "TCP.MAPPER_FILTERED", "EPM.SWALLOWED", "EPM.HUNG",
                 "EPM.SILENT", "EPM.LARGE_LOST", "EPM.LOOKUP_CUT"},
    .summary = "the path is too lossy for RPC",
    .cause = "TCP had to repeat segments on several connections to {address}, and what was sent to "
             "port {0.port} got no answer within the timeout: packets vanish between "
             "{from|this machine} and the host. A firewall or a service that hangs cannot be told "
             "from that before the path is mended.",
    .reference = "RFC 6298",
    .remedies = {{.text = "Find the hop that loses packets.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_SH,
                  .command = "mtr -n -c 100 --report {address}",
                  .verify = "msrpc diagnose {host}"}},
    .next = {.command = "msrpc diagnose {host} --timeout 20 --retries 6",
             .branches = {{"it passes", "nothing is filtered: the path loses packets"},
                          {"the mapper alone stays silent", "a firewall or the service, too"}}},
};
