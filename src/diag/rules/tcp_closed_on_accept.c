/*
 * The connection is accepted and closed in good order before anything was sent.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_closed_on_accept = {
    .id = "TCP.CLOSED_ON_ACCEPT",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_CLOSED}, .where = {MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .summary = "the connection is accepted, then closed",
    .cause = "{#port:Port|Ports} {port} of {address} {#port:accepts|accept} the connection and "
             "{#port:closes|close} it at once. A program accepted and hung up: an address filter "
             "or a limit of the service, or a proxy that reaches no server behind it.",
    .reference = "RFC 9293 3.6",
    .remedies = {{.text = "See at the host which program owns the port, and read its log.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp",
                  .verify = "msrpc port {address} --ports {port}"}},
};
