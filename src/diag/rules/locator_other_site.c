/*
 * The domain controller that a client takes lies in another site.
 */
#include "rules.h"

const mr_rule mr_rule_locator_other_site = {
    .id = "LOCATOR.OTHER_SITE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_OTHER_SITE}}},
    .summary = "the domain controller lies in another site",
    .cause = "The one a client takes, {name}, lies in site {other}, the client in {site}: no "
             "domain controller of its own site can be had.",
    .reference = "MS-ADTS 6.3.6",
    .remedies = {{.text = "See why those of site {site} do not answer.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name --dsgetdc {domain} --site {site} --verbose"}},
};
