/*
 * The operating system here refused to send: a firewall of this very machine.
 */
#include "rules.h"

const mr_rule mr_rule_local_denied = {
    .id = "LOCAL.DENIED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCAL_DENIED},
                 .where = {MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .summary = "this machine's own firewall forbids the connection",
    .cause = "The operating system here refused the connection to {address}"
             "{#port: port | ports }{port|}: a packet filter or security policy of this machine "
             "forbids it. Nothing was sent.",
    .reference = "connect(2), EPERM and EACCES",
    .remedies = {{.text = "Look at the outgoing rules of this machine.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "nft list ruleset",
                  .verify = "msrpc diagnose {host}"}},
};
