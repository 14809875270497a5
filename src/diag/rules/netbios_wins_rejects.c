/*
 * At the address of one WINS server nothing listens, while the name is known elsewhere.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wins_rejects = {
    .id = "NETBIOS.WINS_REJECTS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_NETBIOS_WINS_REJECTS}}},
    .summary = "one WINS server cannot be asked",
    .cause = "{server} was asked as WINS server, and ICMP came back from {sender|it}: nothing "
             "listens on UDP {server.port|137} there, or the way is closed. {name} was found "
             "without it.",
    .reference = "RFC 1002 4.2; RFC 792",
    .remedies = {{.text = "Look whether the service runs, or take the server out of what clients "
                          "are given (DHCP option 44).",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "sc query wins",
                  .verify = "msrpc name {name} --wins {server}"}},
};
