/*
 * The client's site has no SRV record: no domain controller covers it.
 */
#include "rules.h"

const mr_rule mr_rule_locator_no_site_dc = {
    .id = "LOCATOR.NO_SITE_DC",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SITE),
    .require = {{.any = {MR_FACT_LOCATOR_NO_SITE_SRV}}},
    .explains = {"LOCATOR.OTHER_SITE"},
    .summary = "no domain controller covers the site",
    .cause = "There is no SRV record {name}: no domain controller serves site {site}. Clients of "
             "the site take any domain controller, near or far.",
    .reference = "MS-ADTS 6.3.2.3, 6.1.1.2.2.1",
    .remedies = {{.text = "If the site exists, see whether automatic site coverage is switched "
                          "off and which site links lead there.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsgetsitecov",
                  .verify = "msrpc name --dsgetdc {domain} --site {site}"},
                 {.text = "On a domain controller of the site, register its records again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns"}},
};
