/*
 * A WINS server does not answer at all.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wins_silent = {
    .id = "NETBIOS.WINS_SILENT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_NETBIOS_WINS_SILENT}}},
    .explains = {"NETBIOS.NO_SUCH_NAME", "NETBIOS.NO_ANSWER", "NETBIOS.WINS_DEAD",
                 "NETBIOS.WINS_REJECTS"},
    .summary = "a WINS server does not answer",
    .cause = "{server} was asked {tries} times on UDP {server.port|137} and did not answer. It is "
             "down, it is no WINS server, or a firewall drops NetBIOS name queries; a WINS server "
             "answers also for names that it does not know.",
    .reference = "RFC 1002 4.2.14, 5.1.4",
    .remedies = {{.text = "On the server, look whether the service runs.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "sc query wins"},
                 {.text = "On the way: allow UDP {server.port|137} to {server.host}, and the "
                          "answers back.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE}},
    .next = {.command = "msrpc name {server.host} --status",
             .branches = {{"its names come", "the host is up: the WINS service is not"},
                          {"silence again", "the host is down, or a firewall drops it"}}},
};
