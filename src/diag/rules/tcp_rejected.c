/*
 * A port is refused by an ICMP port unreachable. TCP stacks answer with resets; an ICMP message for
 * TCP is the work of a packet filter.
 */
#include "rules.h"

bool mr_test_tcp_rejected(const mr_fact *fact) {
    if (fact->kind == MR_FACT_TCP_REFUSED)
        return fact->whose == MR_WHOSE_ICMP;
    return fact->icmp == MR_ICMP_PORT;
}

const mr_rule mr_rule_tcp_rejected = {
    .id = "TCP.REJECTED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_REFUSED, MR_FACT_TCP_UNREACHABLE},
                 .where = {MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_tcp_rejected,
    .explains = {"TCP.HOST_SILENT"},
    .summary = "a packet filter rejects the port",
    .cause = "{sender|A device} rejects TCP {#port:port|ports} {port} of {address} with an ICMP "
             "port unreachable. A TCP stack would send a reset: this is a packet filter that is "
             "set to reject.",
    .reference = "RFC 1122 3.2.2.1, 4.2.3.9; iptables-extensions(8) REJECT",
    .remedies = {{.text = "On {sender|the filter}, allow TCP {port} from {from|this address}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"}},
};
