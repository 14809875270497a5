/*
 * One WINS server does not answer, while the name is known elsewhere.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wins_dead = {
    .id = "NETBIOS.WINS_DEAD",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_NETBIOS_WINS_DEAD}}},
    .summary = "one WINS server does not answer",
    .cause = "WINS server {server} does not answer on UDP {server.port|137}; {name} was found "
             "without it. A client that asks it first waits for seconds before it goes on.",
    .reference = "RFC 1002 4.2.14, 5.1.4",
    .remedies = {{.text = "Look whether the service runs, or take the server out of what clients "
                          "are given (DHCP option 44).",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "sc query wins",
                  .verify = "msrpc name {name} --wins {server}"}},
    .next = {.command = "msrpc name {server.host} --status",
             .branches = {{"its names come", "the host is up: the WINS service is not"},
                          {"silence again", "the host is down, or a firewall drops it"}}},
};
