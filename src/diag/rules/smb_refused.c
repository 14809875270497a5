/*
 * A step of SMB is refused with a status that no other rule knows.
 */
#include "rules.h"

#include "smb.h"

/* Refusals of the credentials belong to SESSION_SETUP, those of a name to its own step. */
static bool is_known_of_session(uint32_t status) {
    return smb_is_logon(status) || smb_is_account(status) || smb_is_restriction(status) ||
           smb_is_trust(status) || smb_is_no_dc(status) || smb_is_ntlm(status) ||
           status == SMB_TIME_DIFFERENCE || status == SMB_ACCESS_DENIED;
}

static bool is_known_of_open(uint32_t status) {
    return status == SMB_NAME_NOT_FOUND || status == SMB_ACCESS_DENIED || smb_is_busy(status);
}

bool mr_test_smb_refused(const mr_fact *fact) {
    uint32_t status = fact->ntstatus;
    if (smb_is_gone(status) || smb_is_resources(status) || status == SMB_NOT_ACCEPTED ||
        status == SMB_INVALID_SIGNATURE)
        return false;
    switch (fact->step) {
    case MR_STEP_NEGOTIATE: return status != SMB_NOT_SUPPORTED;
    case MR_STEP_SESSION: return !is_known_of_session(status);
    case MR_STEP_TREE: return status != SMB_BAD_NETWORK_NAME && status != SMB_ACCESS_DENIED;
    case MR_STEP_OPEN: return !is_known_of_open(status);
    case MR_STEP_PIPE: return !smb_is_broken(status);
    case MR_STEP_UNKNOWN:
    case MR_STEP_OTHER: break;
    }
    return false;
}

const mr_rule mr_rule_smb_refused = {
    .id = "SMB.REFUSED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(STEP) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, LT, MR_STEP_OTHER)}}},
    .test = mr_test_smb_refused,
    .summary = "a step of SMB is refused",
    .cause = "{address} refuses the step \"{step}\" of SMB with {ntstatus}.",
    .reference = "MS-ERREF 2.3.1; MS-SMB2 3.3.5",
    .remedies = {{.text = "See what the number means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {ntstatus}"},
                 {.text = "Read the server's SMB log.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -LogName Microsoft-Windows-SMBServer/Operational "
                             "-MaxEvents 20"}},
};
