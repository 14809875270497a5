/*
 * Two captures: the host answered the SYN, and the answer did not come back.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_lost_back = {
    .id = "TCP.LOST_BACK",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_LOST_BACK},
                 .where = {MR_WHERE(BYTES, EQ, 0), MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {FINDINGS_OF_A_SILENT_PORT, "NAME.ADDRESS_DEAD", "TCP.IPV6_BROKEN"},
    .summary = "the host's answer is lost on the way back",
    .cause = "{address} answered the SYN to {#port:port|ports} {port} {tries} times, as the "
             "capture nearer to it shows, and no answer reached the client. The way back is "
             "broken: it leads through a firewall that has not seen the SYN (asymmetric "
             "routing), or the host has no route to {from|the client}.",
    .reference = "RFC 9293 3.5",
    .remedies = {{.text = "See on the host which way it takes to the client.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Find-NetRoute -RemoteIPAddress {from}",
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "Let both directions pass the same firewall.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_NONE}},
};
