/*
 * At an address of a domain controller's name answers a host that says it is another.
 */
#include "rules.h"

const mr_rule mr_rule_dns_foreign_address = {
    .id = "DNS.FOREIGN_ADDRESS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME) | MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_DNS_FOREIGN_ADDRESS}}},
    .summary = "an address record leads to another host",
    .cause = "{name} resolves to {address}, and the host there says that it is {other}. Logons "
             "and replication by the name of {name} reach the wrong machine: their tickets do "
             "not fit (error 1396, or 5).",
    .reference = "MS-ADTS 6.3.7; KB2089874",
    .remedies = {{.text = "Look at the records of that name and remove the address that is not "
                          "its own.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {name}",
                  .verify = "msrpc name {name}"}},
};
