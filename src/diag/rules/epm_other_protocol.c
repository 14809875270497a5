/*
 * Something answers on the mapper's port that does not speak RPC.
 */
#include "rules.h"

const mr_rule mr_rule_epm_other_protocol = {
    .id = "EPM.OTHER_PROTOCOL",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_PROTOCOL_ERROR,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_PROTOCOL}}},
    .forbid = {{.any = {MR_FACT_EPM_BOUND}, .same = MR_F(ADDRESS)}},
    .explains = {"EPM.CLOSED_ON_BIND", "EPM.RESET_ON_BIND"},
    .summary = "the endpoint mapper's port does not speak RPC",
    .cause = "Port {port} of {address} answers the bind with {what|something}, which is not RPC: "
             "another service has the port, a proxy answers for the host, or data is altered on "
             "the way.",
    .reference = "C706 12.6.3",
    .remedies = {{.text = "See at the host which program owns the port; it should be RpcEptMapper.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp",
                  .verify = "msrpc map {host}"}},
};
