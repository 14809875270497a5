/*
 * An RPC server answers that does not know the mapper's interface.
 */
#include "rules.h"

const mr_rule mr_rule_epm_not_mapper = {
    .id = "EPM.NOT_MAPPER",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1717,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_CONTEXT_REJECTED}}},
    .forbid = {{.any = {MR_FACT_EPM_BOUND}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_EPM_ADMITTED}}},
    .summary = "an RPC server, but not an endpoint mapper",
    .cause = "What listens on port {port} of {address} speaks RPC but rejects the endpoint "
             "mapper's interface (result {result}, reason {reason}): another RPC server, or a "
             "proxy, has the port.",
    .reference = "C706 12.6.3.1, appendix O",
    .remedies = {{.text = "See at the host which program owns the port; it should be RpcEptMapper.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp",
                  .verify = "msrpc map {host}"}},
};
