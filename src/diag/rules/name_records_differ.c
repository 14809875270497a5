/*
 * One DNS server has a record of a name that another, which knows the name, has not.
 */
#include "rules.h"

const mr_rule mr_rule_name_records_differ = {
    .id = "NAME.RECORDS_DIFFER",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME) | MR_F(RECORD) | MR_F(SERVER) | MR_F(SENDER),
    .require = {{.any = {MR_FACT_NAME_RECORDS_DIFFER}}},
    .summary = "a DNS server lacks a record that another has",
    .cause = "For {name}, DNS server {server} has the {record} record {other}, {sender} has not. "
             "What a client finds depends on which server it asked.",
    .reference = "RFC 1034 4.3.5",
    .remedies = {{.text = "Find out which of them is right, then let the zone replicate.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "repadmin /showrepl",
                  .verify = "msrpc name {name} --type {record}"}},
};
