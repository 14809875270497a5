/*
 * A device says by ICMP that its policy forbids the connection.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_admin_prohibited = {
    .id = "TCP.ADMIN_PROHIBITED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_UNREACHABLE},
                 .where = {MR_WHERE(ICMP, EQ, MR_ICMP_ADMIN),
                           MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {"TCP.HOST_SILENT", "TCP.RANGE_FILTERED", "TCP.DYNAMIC_FILTERED",
                 "TCP.MAPPER_FILTERED"},
    .summary = "a firewall forbids the connection and says so",
    .cause = "{sender|A device on the way} answers in place of {address}: communication with TCP "
             "{#port:port|ports} {port} is administratively prohibited. A rule there forbids it.",
    .reference = "RFC 1812 5.2.7.1, RFC 4443 3.1",
    .remedies = {{.text = "On {sender|the device}, allow TCP {port} from {from|this address} to "
                          "{address}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"}},
};
