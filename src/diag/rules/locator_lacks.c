/*
 * Domain controllers answer, and none has what was asked for.
 */
#include "rules.h"

const mr_rule mr_rule_locator_lacks = {
    .id = "LOCATOR.LACKS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_NO_SUCH_DOMAIN,
    .require = {{.any = {MR_FACT_LOCATOR_LACKS}}},
    .forbid = {{.any = {MR_FACT_LOCATOR_FOUND}}},
    .explains = {"LOCATOR.NO_DC"},
    .summary = "no domain controller has what is wanted",
    .cause = "{name} answers, but does not say that it is what was asked for: {other}. A client "
             "that insists on it finds no domain controller.",
    .reference = "MS-NRPC 3.5.4.3.1, MS-ADTS 6.3.1.2",
    .remedies = {{.text = "Look what each says of itself, and locate without that flag.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name --dsgetdc {host} --verbose"}},
};
