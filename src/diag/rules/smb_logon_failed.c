/*
 * The server does not believe the credentials. A first attempt that is repeated with success is
 * none.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_logon_failed(const mr_fact *fact) {
    return smb_is_logon(fact->ntstatus);
}

const mr_rule mr_rule_smb_logon_failed = {
    .id = "SMB.LOGON_FAILED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1326,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION)}}},
    .forbid = {{.any = {MR_FACT_SMB_SESSION}, .same = MR_F(ADDRESS) | MR_F(USER)}},
    .test = mr_test_smb_logon_failed,
    .summary = "user name or password is wrong",
    .cause = "{address} refuses the logon of {user|the client} with {ntstatus}. The name or the "
             "password is wrong there (a local account of that name counts first outside a "
             "domain), the server demands NTLMv2 of a client that sends less, or the ticket that "
             "was shown is for another account.",
    .reference = "MS-SMB2 3.3.5.5.3; MS-ERREF 2.3.1",
    .remedies = {{.text = "Look for stored credentials that are old.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "cmdkey /list"},
                 {.text = "Read the server's reason (sub status) in its Security log.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4625} "
                             "-MaxEvents 5 | Format-List TimeCreated, Message"},
                 {.text = "See which NTLM versions client and server send and take (3 or more on "
                          "clients, 5 on a strict server).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "LmCompatibilityLevel"}},
};
