/*
 * The server's own account or a trust between domains does not work, so nobody's logon can be
 * checked.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_trust_broken(const mr_fact *fact) {
    return smb_is_trust(fact->ntstatus);
}

const mr_rule mr_rule_smb_trust_broken = {
    .id = "SMB.TRUST_BROKEN",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1789,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION)}}},
    .test = mr_test_smb_trust_broken,
    .summary = "a trust relationship is broken",
    .cause = "{address} could not check the logon of {user|the client} ({ntstatus}): the secure "
             "channel between it and its domain, or the trust to the user's domain, does not "
             "work. The password of a machine or trust account differs on the two sides, or the "
             "account is gone.",
    .reference = "MS-NRPC 3.4.5; MS-ERREF 2.3.1",
    .remedies = {{.text = "Test the secure channel of the server.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Verbose"},
                 {.text = "Repair it with an account that may join machines.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Repair -Credential (Get-Credential)",
                  .risk = "Sets a new password for the machine account in the domain.",
                  .undo = "Test-ComputerSecureChannel -Repair -Credential (Get-Credential)"},
                 {.text = "Where the trust between two domains is meant, verify it.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /trusted_domains",
                  .verify = "msrpc diagnose {host} --interface netlogon"}},
};
