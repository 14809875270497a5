/*
 * Two captures: the SYN left here and never came by there.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_lost_there = {
    .id = "TCP.LOST_THERE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_LOST_THERE},
                 .where = {MR_WHERE(BYTES, EQ, 0), MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {FINDINGS_OF_A_SILENT_PORT, "NAME.ADDRESS_DEAD", "TCP.IPV6_BROKEN"},
    .summary = "the connection request is lost on the way",
    .cause = "The SYN to {#port:port|ports} {port} of {address} was sent {tries} times and is "
             "not in the capture nearer to the host: it is dropped between the two places, by a "
             "filter, a missing route or a tunnel. The host never heard of it.",
    .reference = "RFC 9293 3.5",
    .remedies = {{.text = "On the firewalls and routers between the two places, allow TCP {port} "
                          "from {from|the client} to {address}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "See up to which hop the way to that port leads.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "traceroute -n -T -p {port} {address}"}},
};
