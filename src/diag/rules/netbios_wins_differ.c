/*
 * Two WINS servers give different answers: replication lags or is broken.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_wins_differ = {
    .id = "NETBIOS.WINS_DIFFER",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME) | MR_F(SERVER) | MR_F(SENDER),
    .require = {{.any = {MR_FACT_NETBIOS_WINS_DIFFER}}},
    .summary = "WINS servers disagree about a name",
    .cause = "For {name}<{suffix}>, WINS server {server} answers {address} and {sender} answers "
             "{other}. They do not replicate, or not yet; which host a client reaches depends on "
             "the server it asked.",
    .reference = "MS-WINSRA 1.3",
    .remedies = {{.text = "Compare the replication partners of both servers, then let them "
                          "replicate now.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh wins server {server} init replicate",
                  .verify = "msrpc name {name} --wins {server},{sender}"}},
};
