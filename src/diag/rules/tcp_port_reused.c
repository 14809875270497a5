/*
 * A SYN on ports of an older connection, which the host, or a device, still has: it answers with an
 * ACK of that one (RFC 5961 4), and the client resets it.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_port_reused = {
    .id = "TCP.PORT_REUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_CHALLENGED}}},
    .summary = "the ports of an older connection are reused too soon",
    .cause = "A SYN to {#port:port|ports} {port} of {address} was answered with an "
             "acknowledgement of something else: there the older connection on the same ports "
             "still stands. The client resets it and tries again, which costs a second or, now "
             "and then, the connection.",
    .reference = "RFC 5961 4, RFC 6191",
    .remedies = {{.text = "If clients come through NAT, give it more ports or addresses, and let "
                          "it keep closed connections for as long as the host does.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE},
                 {.text = "On the client, see how many source ports there are and how many are "
                          "taken.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh int ipv4 show dynamicport tcp & netstat -ano -p tcp"}},
};
