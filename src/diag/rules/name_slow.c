/*
 * Names resolve, but so slowly that clients may give up first.
 */
#include "rules.h"

const mr_rule mr_rule_name_slow = {
    .id = "NAME.SLOW",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_RESOLVED}, .where = {MR_WHERE(MS, GE, 2000)}}},
    .summary = "DNS answers slowly",
    .cause = "The answer for {name} took {ms} ms. A client whose own limit is shorter sees an "
             "unavailable server now and then.",
    .reference = "RFC 1035 4.2.1",
    .remedies = {{.text = "Look at the DNS server's forwarders: one that is dead delays every "
                          "answer.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerForwarder",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
