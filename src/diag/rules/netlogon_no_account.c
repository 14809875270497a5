/*
 * No account of that name that a machine could use: deleted, disabled, or of another kind.
 */
#include "rules.h"

#define STATUS_NO_TRUST_SAM_ACCOUNT 0xc000018bu

const mr_rule mr_rule_netlogon_no_account = {
    .id = "NETLOGON.NO_ACCOUNT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1787,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(USER),
    .require = {{.any = {MR_FACT_NETLOGON_REFUSED},
                 .where = {MR_WHERE(NTSTATUS, EQ, STATUS_NO_TRUST_SAM_ACCOUNT)}}},
    .summary = "the domain has no such machine account",
    .cause = "The controller {address} has no account {user} that a machine could use "
             "({ntstatus}): it was deleted or disabled, was never made, is a user's, or has not "
             "been replicated to this controller. Users of the machine read \"the security "
             "database on the server does not have a computer account for this workstation trust "
             "relationship\".",
    .reference = "MS-NRPC 3.5.4.4.2; MS-ERREF 2.3.1",
    .remedies = {{.text = "See whether it is there, and enabled.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADComputer -Filter \"Name -like '*'\" -Server {host} | "
                             "Format-Table Name, Enabled, SamAccountName"},
                 {.text = "Samba: the same.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_SH,
                  .command = "samba-tool computer list"},
                 {.text = "Where it is gone, join the machine again.",
                  .run_on = MR_PLACE_CLIENT}},
};
