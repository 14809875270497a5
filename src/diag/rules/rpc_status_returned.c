/*
 * RPC works; the operation itself reports a failure in its result, seen in clear.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_status_returned = {
    .id = "RPC.STATUS_RETURNED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32_status = true,
    .per = MR_F(INTERFACE) | MR_F(ADDRESS) | MR_F(STATUS),
    .require = {{.any = {MR_FACT_RPC_RETURNED}}},
    .summary = "the call succeeds and returns an error",
    .cause = "{interface} on {address} carries out operation {opnum|that was called} and returns "
             "{status}: RPC works, the application is refused or fails.",
    .reference = "MS-ERREF 2",
    .remedies = {{.text = "See what the number means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {status}"}},
};
