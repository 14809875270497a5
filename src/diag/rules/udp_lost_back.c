/*
 * Two captures: an answer over UDP left the host's side and did not come to the client's.
 */
#include "rules.h"

const mr_rule mr_rule_udp_lost_back = {
    .id = "UDP.LOST_BACK",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_UDP_LOST_BACK}}},
    .explains = {"NAME.TIMEOUT", "KRB.KDC_UNREACHABLE"},
    .summary = "answers over UDP are lost on the way back",
    .cause = "{address} answered from UDP port {port}, as the capture nearer to it shows, and the "
             "answers did not reach the client. A device between the two places drops them: a "
             "firewall that has forgotten the question or never saw it (another way there than "
             "back), or one that drops large datagrams and fragments.",
    .reference = "RFC 4787 4.3",
    .remedies = {{.text = "See that questions and answers take the same way through the "
                          "firewall, and that it lets fragments pass.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port} --protocol udp"}},
};
