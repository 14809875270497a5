/*
 * The host's TCP acknowledged what was sent, the mapper never answered it: the service hangs.
 */
#include "rules.h"

const mr_rule mr_rule_epm_hung = {
    .id = "EPM.HUNG",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_SILENT}, .where = {MR_WHERE(ACKED, EQ, MR_ACKED_YES)}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)}},
    .summary = "the endpoint mapper does not answer",
    .cause = "{address} accepted the connection on port {port} and acknowledged every byte, but no "
             "answer to it came. The RPC service hangs or is starved; less often a device between "
             "acknowledges in the host's name and holds the data.",
    .reference = "C706 12.6.4; C706 appendix O",
    .remedies = {{.text = "At the host, look at the load of the process that holds the RPC "
                          "services.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "tasklist /svc /fi \"imagename eq svchost.exe\""},
                 {.text = "The RPC service cannot be restarted alone; restart the host.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "shutdown /r /t 300 /c \"endpoint mapper hangs\"",
                  .risk = "Restarts the host after five minutes.",
                  .undo = "shutdown /a",
                  .verify = "msrpc map {host}"}},
    .next = {.command = "msrpc map {host}",
             .branches = {{"from a machine beside the server it lists endpoints",
                           "the mapper is alive: a device on the way holds the data"},
                          {"it hangs there too", "the RPC service of the host hangs"}}},
};
