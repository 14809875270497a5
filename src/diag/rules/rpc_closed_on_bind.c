/*
 * The service closes in good order when the bind arrives.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_closed_on_bind = {
    .id = "RPC.CLOSED_ON_BIND",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CLOSED},
                 .where = {MR_WHERE(WHEN, IN, MR_BIT(MR_WHEN_UNKNOWN) | MR_BIT(MR_WHEN_CONNECT) |
                                                  MR_BIT(MR_WHEN_AFTER_BIND))}}},
    .summary = "the service hangs up on bind",
    .cause = "Port {port} of {address} opens and is closed in good order when {interface} is "
             "bound. The program there does not speak RPC with this client: another one has the "
             "port, or the service is shutting down.",
    .reference = "C706 12.6.4.3",
    .remedies = {{.text = "See at the host which program owns the port.",
                  WHO_HAS_THE_PORT,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
