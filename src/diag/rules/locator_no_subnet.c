/*
 * The domain controller knows no site of the client: its address lies in no subnet object.
 */
#include "rules.h"

const mr_rule mr_rule_locator_no_subnet = {
    .id = "LOCATOR.NO_SUBNET",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_NO_SUBNET}}},
    .summary = "our address belongs to no site",
    .cause = "{name} cannot tell the site of {address|this machine}: no subnet of Active "
             "Directory Sites and Services holds it. Clients there take any domain controller, "
             "near or far.",
    .reference = "MS-ADTS 6.1.1.2.2.2.1; event 5807 of NETLOGON",
    .remedies = {{.text = "On a domain controller, look which addresses come without a site, "
                          "then add their subnet to a site.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Content C:\\Windows\\debug\\netlogon.log -Tail 20",
                  .verify = "msrpc name --dsgetdc {domain}"}},
};
