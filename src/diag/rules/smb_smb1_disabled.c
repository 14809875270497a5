/*
 * A client that knows SMB1 only is hung up on, or told that there is no such dialect: the server
 * does not speak it any more.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_smb1_disabled(const mr_fact *fact) {
    return fact->kind == MR_FACT_SMB_ENDED || fact->ntstatus == SMB_NOT_SUPPORTED;
}

const mr_rule mr_rule_smb_smb1_disabled = {
    .id = "SMB.SMB1_DISABLED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 64,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_ENDED, MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, EQ, MR_STEP_NEGOTIATE), MR_WHERE(DIALECT, EQ, 1)}}},
    .test = mr_test_smb_smb1_disabled,
    .explains = {"SMB.NO_DIALECT"},
    .summary = "the client speaks SMB1 only",
    .cause = "The client offers {address} nothing newer than SMB1 (NT LM 0.12), and the server "
             "{#ntstatus:says that it has no such dialect|ends the connection without an answer}: "
             "SMB1 is turned off or not installed there, as it should be.",
    .reference = "MS-SMB2 3.3.5.3.1; MS-SMB 2.2.4.5",
    .remedies = {{.text = "Let the client speak SMB 2 or 3; a Samba client by \"client max "
                          "protocol = SMB3\".",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See what the server speaks.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbServerConfiguration | Select-Object EnableSMB1Protocol, "
                             "EnableSMB2Protocol",
                  .verify = "msrpc port {host} --ports 445"}},
};
