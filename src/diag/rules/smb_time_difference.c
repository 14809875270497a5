/*
 * The server says that its clock and the domain's differ too much.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_time_difference = {
    .id = "SMB.TIME_DIFFERENCE",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1398,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, EQ, MR_STEP_SESSION),
                           MR_WHERE(NTSTATUS, EQ, SMB_TIME_DIFFERENCE)}}},
    .summary = "clocks differ by more than Kerberos allows",
    .cause = "{address} refuses the logon with {ntstatus}: the clocks of the client, of the "
             "server and of its domain controller differ by more than five minutes.",
    .reference = "RFC 4120 3.2.3; MS-ERREF 2.3.1",
    .remedies = {{.text = "Measure the difference.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /stripchart /computer:{host} /samples:3 /dataonly"},
                 {.text = "Let the clock that is wrong be set by the domain.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /resync /rediscover"}},
};
