/*
 * Of several registered domain controllers one cannot be used at all.
 */
#include "rules.h"

const mr_rule mr_rule_dns_dc_unusable = {
    .id = "DNS.DC_UNUSABLE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_DNS_DC_UNUSABLE}}},
    .forbid = {{.any = {MR_FACT_LOCATOR_NO_DC}}},
    .explains = {"LOCATOR.CLDAP_SILENT", "LOCATOR.NO_ADDRESS", "LOCATOR.OTHER_DOMAIN"},
    .summary = "a registered domain controller cannot be used",
    .cause = "DNS names {name} as a domain controller of {domain}, and no address of it answers "
             "as one. Clients and partners that are sent to it wait, then go on to another. It "
             "is down, unreachable from here, or gone and not cleaned up.",
    .reference = "MS-ADTS 6.3.6; KB216498",
    .remedies = {{.text = "If it is meant to be there, find out what keeps it.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose {name}"},
                 {.text = "If it is gone for good, remove its metadata; Netlogon of the others "
                          "does not remove its records.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ntdsutil \"metadata cleanup\"",
                  .risk = "The wrong server removed is a domain controller lost.",
                  .undo = "Promote it again.",
                  .verify = "msrpc name --health {domain}"}},
};
