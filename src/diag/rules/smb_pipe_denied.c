/*
 * The pipe is there and this user may not open it.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_pipe_denied = {
    .id = "SMB.PIPE_DENIED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(PIPE),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, EQ, MR_STEP_OPEN),
                           MR_WHERE(NTSTATUS, EQ, SMB_ACCESS_DENIED)}}},
    .forbid = {{.any = {MR_FACT_SMB_OPENED}, .same = MR_F(ADDRESS) | MR_F(PIPE)}},
    .summary = "the user may not open the named pipe",
    .cause = "{address} does not let {user|this user} open the pipe {pipe|that is asked for} "
             "({ntstatus}). Anonymous sessions may open only what NullSessionPipes lists; samr "
             "can be limited to administrators (RestrictRemoteSAM); a service may keep its pipe "
             "to some accounts.",
    .reference = "MS-SMB2 3.3.5.9; MS-SAMR 3.1.1",
    .remedies = {{.text = "Log on with an account instead of anonymously.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See which pipes are open to anonymous sessions.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
                             "LanmanServer\\Parameters /v NullSessionPipes"},
                 {.text = "See who may use samr from the network.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "RestrictRemoteSAM"}},
};
