/*
 * Two DNS servers give different addresses for the same name.
 */
#include "rules.h"

const mr_rule mr_rule_name_servers_differ = {
    .id = "NAME.SERVERS_DIFFER",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME) | MR_F(SERVER) | MR_F(SENDER),
    .require = {{.any = {MR_FACT_NAME_SERVERS_DIFFER}}},
    .summary = "DNS servers disagree about the address",
    .cause = "For {name}, DNS server {server} answers {address} and {sender} answers {other}. "
             "Which host a client reaches depends on which server it asked.",
    .reference = "RFC 1034 4.3.5",
    .remedies = {{.text = "Find out which address is right, then let the zone replicate.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "repadmin /showrepl",
                  .verify = "msrpc name {name} --dns-server {sender}"}},
};
