/*
 * Two captures: a question over UDP arrived at the host, and the host said nothing.
 */
#include "rules.h"

const mr_rule mr_rule_udp_never_answered = {
    .id = "UDP.NEVER_ANSWERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_UDP_UNANSWERED}}},
    .explains = {"NAME.TIMEOUT", "KRB.KDC_UNREACHABLE"},
    .summary = "the host itself does not answer over UDP",
    .cause = "What the client sent to UDP port {port} of {address} arrived there {tries} times, as "
             "the capture nearer to the host shows, and nothing came back from it. The way is "
             "open: the service does not run or hangs, or the host's own firewall drops it.",
    .reference = "RFC 768",
    .remedies = {{.text = "See which program listens there, and on which addresses.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p udp",
                  .verify = "msrpc port {address} --ports {port} --protocol udp"}},
};
