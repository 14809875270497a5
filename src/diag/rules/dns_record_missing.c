/*
 * A domain controller lacks a record that clients or replication need, at every server.
 */
#include "rules.h"

const mr_rule mr_rule_dns_record_missing = {
    .id = "DNS.RECORD_MISSING",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_DSA_NOT_FOUND,
    .per = MR_F(OTHER),
    .require = {{.any = {MR_FACT_DNS_RECORD_MISSING}}},
    .forbid = {{.any = {MR_FACT_DNS_RECORD_FOUND},
                .same = MR_F(NAME) | MR_F(OTHER) | MR_F(RECORD)}},
    .summary = "records of a domain controller are missing",
    .cause = "{other} is not registered under {name} (asked {server}). Clients do not find its "
             "service, or its partners cannot replicate with it (error 8524).",
    .reference = "MS-ADTS 6.3.2; KB2021446",
    .remedies = {{.text = "On the domain controller, register the records again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns",
                  .verify = "msrpc name --health {host}"},
                 {.text = "On the domain controller, register its own addresses again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns"},
                 {.text = "See that the zone takes secure updates, and that the domain "
                          "controller asks a DNS server that holds it.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerZone | Select-Object ZoneName,DynamicUpdate"}},
};
