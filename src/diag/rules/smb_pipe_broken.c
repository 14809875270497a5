/*
 * The service let go of an open pipe in the middle of the conversation.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_pipe_broken(const mr_fact *fact) {
    return smb_is_broken(fact->ntstatus);
}

const mr_rule mr_rule_smb_pipe_broken = {
    .id = "SMB.PIPE_BROKEN",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(PIPE),
    .require = {{.any = {MR_FACT_SMB_REFUSED}, .where = {MR_WHERE(STEP, EQ, MR_STEP_PIPE)}}},
    .test = mr_test_smb_pipe_broken,
    .explains = {"RPC.CLOSED_IN_CALL", "RPC.CLOSED_ON_BIND", "RPC.HUNG", "RPC.SILENT"},
    .summary = "the service closed the named pipe",
    .cause = "The pipe {pipe|in use} on {address} broke while the client used it ({ntstatus}): "
             "the process behind it ended, crashed, or dropped this client.",
    .reference = "MS-ERREF 2.3.1; MS-SMB2 3.3.5.15",
    .remedies = {{.text = "Look for an end or a crash of the service at that time.",
                  SEE_ENDS_OF_SERVICES},
                 {.text = "Look for the crash itself.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Application';Id=1000} "
                             "-MaxEvents 5"}},
};
