/*
 * Name and password are right; a rule about hours, places or kinds of logon forbids it.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_logon_restricted(const mr_fact *fact) {
    return smb_is_restriction(fact->ntstatus);
}

const mr_rule mr_rule_smb_logon_restricted = {
    .id = "SMB.LOGON_RESTRICTED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1327,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION)}}},
    .test = mr_test_smb_logon_restricted,
    .summary = "the account may not log on like this",
    .cause = "{address} refuses {user|the account} with {ntstatus}: an empty password over the "
             "network or another restriction (0xC000006E), the hour (0xC000006F), the computer "
             "it comes from (0xC0000070), or the right to log on over the network is missing "
             "(0xC000015B).",
    .reference = "MS-ERREF 2.3.1",
    .remedies = {{.text = "See who has \"Access this computer from the network\" "
                          "(SeNetworkLogonRight) and who is denied it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "secedit /export /areas USER_RIGHTS /cfg %TEMP%\\rights.inf && "
                             "findstr NetworkLogonRight %TEMP%\\rights.inf"},
                 {.text = "Compare the account's logon hours and workstations with where and "
                          "when it is used.",
                  .run_on = MR_PLACE_DC}},
};
