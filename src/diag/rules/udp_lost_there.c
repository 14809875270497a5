/*
 * Two captures: a question over UDP left the client's side and did not come to the other one.
 */
#include "rules.h"

const mr_rule mr_rule_udp_lost_there = {
    .id = "UDP.LOST_THERE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_UDP_LOST_THERE}}},
    .explains = {"NAME.TIMEOUT", "KRB.KDC_UNREACHABLE"},
    .summary = "questions over UDP are lost on the way there",
    .cause = "The client sent datagrams to UDP port {port} of {address}, and the capture nearer to "
             "it, which ran at that time, shows none of them. A device between the two places "
             "drops them: a firewall that allows this service over TCP alone, or a route that "
             "leads elsewhere. Names (53) and Kerberos (88) go on over TCP after a timeout, where "
             "they go on at all.",
    .reference = "RFC 1035 4.2.1, RFC 4120 7.2.1",
    .remedies = {{.text = "On the firewall between, allow UDP {port} to {address}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port} --protocol udp"}},
};
