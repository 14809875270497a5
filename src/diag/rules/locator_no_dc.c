/*
 * Domain controllers are registered, and none can be had.
 */
#include "rules.h"

const mr_rule mr_rule_locator_no_dc = {
    .id = "LOCATOR.NO_DC",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_NO_SUCH_DOMAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_NO_DC}}},
    .explains = {"LOCATOR.CLDAP_SILENT", "LOCATOR.NO_ADDRESS", "LOCATOR.OTHER_DOMAIN",
                 "LOCATOR.PAUSED"},
    .summary = "no registered domain controller answers",
    .cause = "DNS knows {count} domain {#count:controller|controllers} of {domain}, and none "
             "gave an answer that a client could use.",
    .reference = "MS-ADTS 6.3.6",
    .remedies = {{.text = "Find out whether the domain controllers are up and reachable from "
                          "here, one after the other.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_NONE},
                 {.text = "Allow UDP and TCP port 389 to them.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc name --dsgetdc {domain}"}},
};
