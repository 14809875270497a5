/*
 * A domain controller lacks records without which clients take a longer way.
 */
#include "rules.h"

const mr_rule mr_rule_dns_minor_missing = {
    .id = "DNS.MINOR_MISSING",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(OTHER),
    .require = {{.any = {MR_FACT_DNS_MINOR_MISSING}}},
    .summary = "some records of a domain controller are missing",
    .cause = "{other} is not registered under {name} at {server}. Clients that look there take "
             "another domain controller, perhaps one that is far away.",
    .reference = "MS-ADTS 6.3.2",
    .remedies = {{.text = "On the domain controller, register the records again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns",
                  .verify = "msrpc name --health {host}"}},
};
