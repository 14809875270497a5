/*
 * Domain controllers answer, and none knows the account that was asked for.
 */
#include "rules.h"

const mr_rule mr_rule_locator_no_account = {
    .id = "LOCATOR.NO_ACCOUNT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_NO_SUCH_USER,
    .per = MR_F(OTHER),
    .require = {{.any = {MR_FACT_LOCATOR_NO_ACCOUNT}}},
    .forbid = {{.any = {MR_FACT_LOCATOR_FOUND}}},
    .explains = {"LOCATOR.NO_DC"},
    .summary = "the domain controllers do not know the account",
    .cause = "{name} answers that it has no account {other} of that kind. For a computer, its "
             "account was deleted, or it was made on another domain controller and has not "
             "replicated.",
    .reference = "MS-ADTS 6.3.3.1, 6.3.1.3",
    .remedies = {{.text = "Write the account of a computer with a dollar sign at its end; else "
                          "look for the account in the directory, and make the computer join "
                          "again if its own is gone.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc name --dsgetdc {host}"}},
};
