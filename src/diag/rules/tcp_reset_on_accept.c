/*
 * The connection is accepted and reset before anything was sent.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_reset_on_accept = {
    .id = "TCP.RESET_ON_ACCEPT",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_RESET}, .where = {MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .summary = "the connection is accepted, then reset",
    .cause = "{#port:Port|Ports} {port} of {address} {#port:accepts|accept} the connection and "
             "{#port:resets|reset} it before a byte was sent: a device that answers for the host "
             "(load balancer without a healthy member, SYN proxy, address filter), or a service "
             "whose queue is full.",
    .reference = "RFC 9293 3.5.2",
    .remedies = {{.text = "Look at the load balancer or firewall before {address}: its members, "
                          "its allow list, its connection limit.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"}},
    .next = {.command = "msrpc diagnose {address} --phase 2,3",
             .branches = {{"works from the host's own network", "a device between resets"},
                          {"the same there", "the host itself resets: look at its event log"}}},
};
