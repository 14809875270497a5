/*
 * One DNS server lacks a record that another has: the zone is not the same everywhere.
 */
#include "rules.h"

const mr_rule mr_rule_dns_partner_lacks = {
    .id = "DNS.PARTNER_LACKS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_DSA_NOT_FOUND,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_DNS_RECORD_MISSING}},
                {.any = {MR_FACT_DNS_RECORD_FOUND},
                 .same = MR_F(NAME) | MR_F(OTHER) | MR_F(RECORD)}},
    .summary = "a DNS server lacks records that its partner has",
    .cause = "DNS server {server} has no {name} of {other}; {1.server} has. Who asks {server} "
             "does not find that domain controller. The zone has not replicated there, or it "
             "serves a copy of its own.",
    .reference = "MS-ADTS 6.3.2; RFC 1034 4.3.5",
    .remedies = {{.text = "On a domain controller, see whether the partition that holds the zone "
                          "replicates.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "repadmin /showrepl * /errorsonly",
                  .verify = "msrpc name --health {host}"},
                 {.text = "If {server} is no domain controller, see where it has the zone from, "
                          "and how old it is.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {host} --type SOA --dns-server {server}"}},
};
