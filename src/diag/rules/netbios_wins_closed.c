/*
 * ICMP says that nothing serves names at the address given for WINS.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wins_closed = {
    .id = "NETBIOS.WINS_CLOSED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_NETBIOS_WINS_CLOSED}}},
    .explains = {"NETBIOS.NO_SUCH_NAME", "NETBIOS.NO_ANSWER", "NETBIOS.WINS_DEAD",
                 "NETBIOS.WINS_REJECTS"},
    .summary = "no WINS server at that address",
    .cause = "{server} was asked as WINS server, and ICMP came back: nothing listens on UDP "
             "{server.port|137} there, or the way is closed. Clients that are given this "
             "address resolve no name with it.",
    .reference = "RFC 1002 4.2; RFC 792",
    .remedies = {{.text = "Look which WINS servers clients are given (DHCP option 44).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all"},
                 {.text = "On the server, start the service.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "net start wins",
                  .verify = "msrpc port {server.host} --ports {server.port|137} --protocol udp"}},
};
