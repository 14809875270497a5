/*
 * The answer does not fit in UDP and TCP port 53 is closed to this client.
 */
#include "rules.h"

const mr_rule mr_rule_name_truncated = {
    .id = "NAME.TRUNCATED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .require = {{.any = {MR_FACT_NAME_TRUNCATED}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}}},
    .explains = {"NAME.TIMEOUT"},
    .summary = "DNS over TCP is blocked",
    .cause = "The answer for {name} is too long for UDP, so that DNS server {server} asks for TCP; "
             "TCP port {server.port|53} of it cannot be reached from {from|here}.",
    .reference = "RFC 7766 5",
    .remedies = {{.text = "On the firewall, allow TCP port {server.port|53} beside UDP to "
                          "{server.host}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {server.host} --ports {server.port|53}"}},
};
