/*
 * Both ends got a reset that the other did not send: something between ended the connection for
 * both.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_forged_both_ways = {
    .id = "TCP.FORGED_BOTH_WAYS",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_FORGED}, .where = {MR_WHERE(PROOF, EQ, MR_PROOF_BOTH)}}},
    .explains = {"TCP.FORGED_RESET", "TCP.SUSPECT_RESET", "TCP.RESET_ON_ACCEPT",
                 "EPM.RESET_ON_BIND", "EPM.MULTI_CONTEXT", "EPM.LOST", "RPC.RESET_ON_BIND",
                 "RPC.RESET_IN_CALL", "TCP.IDLE_TIMEOUT"},
    .summary = "a device between resets both ends",
    .cause = "In both captures the connection to {#port:port|ports} {port} of {address} ends in a "
             "reset from the other side, and neither side sent one. A device between the two "
             "places ended it for both: a firewall, an intrusion prevention system, a WAN "
             "optimiser, or a table of connections that was emptied.",
    .reference = "RFC 9293 3.5.2",
    .remedies = {{.text = "Look in the logs of the devices between {from|the client} and {address} "
                          "for this connection, and exempt it.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host}"}},
};
