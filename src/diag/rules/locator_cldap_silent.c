/*
 * What is registered or named as a domain controller does not answer the ping of the locator.
 */
#include "rules.h"

const mr_rule mr_rule_locator_cldap_silent = {
    .id = "LOCATOR.CLDAP_SILENT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCATOR_UNANSWERED}}},
    .summary = "no answer to the ping of the DC locator",
    .cause = "{name} ({address}) does not answer the locator's ping on UDP port {port}. A client "
             "that takes it for a domain controller goes on without it.",
    .reference = "MS-ADTS 6.3.3, 6.3.6",
    .remedies = {{.text = "If it is meant to be a domain controller, see what is wrong with "
                          "it; if it is none, remove the records that name it, if there are any.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {address}"}},
    .next = {.command = "msrpc port {address} --ports 389,88,445 --protocol both",
             .branches = {{"tcp LISTENING, udp silent",
                           "a firewall drops UDP port 389"},
                          {"nothing LISTENING",
                           "it is down, gone or unreachable from here"}}},
};
