/*
 * One side demands signatures, the other has no key for them or makes wrong ones.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_signature(const mr_fact *fact) {
    if (fact->kind == MR_FACT_SMB_DROPPED)
        return fact->step == MR_STEP_SESSION;
    return fact->ntstatus == SMB_INVALID_SIGNATURE;
}

const mr_rule mr_rule_smb_signature = {
    .id = "SMB.SIGNATURE",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_SMB_REFUSED},
             .where = {MR_WHERE(NTSTATUS, EQ, SMB_INVALID_SIGNATURE)},
             .same = MR_F(ADDRESS)},
    .win32 = 1240,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_REFUSED, MR_FACT_SMB_DROPPED}}},
    .test = mr_test_smb_signature,
    .summary = "SMB signing does not work out",
    .cause = "The logon to {address} succeeds, then {#ntstatus:the server rejects a "
             "signature|the client drops the connection}: one side demands SMB signing and the "
             "session has no key for it, which is so for guests and anonymous users, or a device "
             "on the way changes the messages.",
    .reference = "MS-SMB2 3.2.5.3.1, 3.3.5.2.4",
    .remedies = {{.text = "Log on with an account of the server instead of as guest.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See what the client demands.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbClientConfiguration | Select-Object "
                             "RequireSecuritySignature, EnableInsecureGuestLogons"},
                 {.text = "See what the server demands.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbServerConfiguration | Select-Object "
                             "RequireSecuritySignature, EnableSecuritySignature"}},
};
