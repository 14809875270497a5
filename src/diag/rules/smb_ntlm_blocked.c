/*
 * Not these credentials are refused but NTLM: by policy, by selective authentication, or since
 * Kerberos was expected.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_ntlm_blocked(const mr_fact *fact) {
    return smb_is_ntlm(fact->ntstatus);
}

const mr_rule mr_rule_smb_ntlm_blocked = {
    .id = "SMB.NTLM_BLOCKED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1937,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION)}}},
    .test = mr_test_smb_ntlm_blocked,
    .summary = "NTLM is not allowed there",
    .cause = "{address} refuses the logon of {user|the client} with {ntstatus}: NTLM is switched "
             "off by policy (0xC0000418), the trust is selective and the user was not granted "
             "\"Allowed to authenticate\" (0xC0000413), or a fallback from Kerberos counts as an "
             "attack (0xC0000388).",
    .reference = "MS-NLMP 3.2.5.1.2; MS-ERREF 2.3.1",
    .remedies = {{.text = "Use the full DNS name of the server, so that Kerberos can be used.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See whether the server's service name is registered.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q cifs/{host}"},
                 {.text = "Read what blocked it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational "
                             "-MaxEvents 10"}},
};
