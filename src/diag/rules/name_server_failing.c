/*
 * One DNS server fails or refuses while another answers.
 */
#include "rules.h"

const mr_rule mr_rule_name_server_failing = {
    .id = "NAME.SERVER_FAILING",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_RCODE},
                 .where = {MR_WHERE(RCODE, IN, ~(MR_BIT(0) | MR_BIT(3)))}},
                {.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}, .differs = MR_F(SERVER)}},
    .summary = "one DNS server fails",
    .cause = "DNS {#server:server|servers} {server} answers {name} with {rcode}; "
             "{1.server} {#1.server:knows|know} it. A client that asks only the first "
             "fails.",
    .reference = "RFC 1035 4.1.1",
    .remedies = {{.text = "Repair it, or take it out of the list of DNS servers.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_CMD,
                  .command = "dcdiag /test:dns",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
