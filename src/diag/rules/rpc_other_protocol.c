/*
 * Something answers at the endpoint that does not speak RPC: the registration is stale and another
 * program has the port.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_other_protocol = {
    .id = "RPC.OTHER_PROTOCOL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_PROTOCOL_ERROR,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_PROTOCOL}}},
    .explains = {"RPC.CLOSED_ON_BIND", "RPC.RESET_ON_BIND"},
    .summary = "the endpoint does not speak RPC",
    .cause = "Port {port} of {address} should offer {interface} and answers the bind with "
             "{what|something}, which is not RPC. The registration is stale and another program "
             "has the port, or data is altered on the way.",
    .reference = "C706 12.6.3",
    .remedies = {{.text = "See at the host which program owns the port.",
                  WHO_HAS_THE_PORT},
                 {.text = "Ask the endpoint mapper for the present port.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host} --interface {interface} --probe",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
