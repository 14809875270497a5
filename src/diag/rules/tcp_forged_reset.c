/*
 * A reset that the host did not send: something on the way speaks in its name. One capture makes
 * this likely; a second one, nearer to the host, proves it.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_forged_reset = {
    .id = "TCP.FORGED_RESET",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_TCP_FORGED},
             .where = {MR_WHERE(PROOF, EQ, MR_PROOF_SECOND)},
             .same = MR_F(ADDRESS) | MR_F(PORT)},
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_FORGED},
                 .where = {MR_WHERE(PROOF, NE, MR_PROOF_TRAITS),
                           MR_WHERE(PROOF, NE, MR_PROOF_BOTH)}}},
    .explains = {"TCP.RESET_ON_ACCEPT", "TCP.MAPPER_REFUSED", "TCP.DYNAMIC_REFUSED",
                 "TCP.RANGE_REFUSED", "TCP.ENDPOINT_REFUSED", "EPM.RESET_ON_BIND",
                 "EPM.MULTI_CONTEXT", "EPM.LOST", "RPC.RESET_ON_BIND", "RPC.RESET_IN_CALL",
                 "TCP.IDLE_TIMEOUT"},
    .summary = "a device on the way forges resets",
    .cause = "Connections to {#port:port|ports} {port} of {address} end in a reset that the host "
             "did not send. An intrusion prevention system, firewall or load balancer on the way "
             "ends them in its name.",
    .reference = "RFC 9293 3.5.2, RFC 5961 3",
    .remedies = {{.text = "Look in the logs of the devices between {from|the client} and {address} "
                          "for resets they sent, and exempt this traffic.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host}"}},
};
