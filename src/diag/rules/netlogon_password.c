/*
 * The machine account is there, and its password is another one: the famous broken trust of a
 * restored or cloned machine.
 */
#include "rules.h"

#define STATUS_ACCESS_DENIED 0xc0000022u

const mr_rule mr_rule_netlogon_password = {
    .id = "NETLOGON.PASSWORD",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1789,
    .per = MR_F(ADDRESS) | MR_F(USER),
    .require = {{.any = {MR_FACT_NETLOGON_REFUSED},
                 .where = {MR_WHERE(NTSTATUS, EQ, STATUS_ACCESS_DENIED)}}},
    .summary = "the machine's password is not the domain's",
    .cause = "The controller {address} knows the machine account {user}, and does not accept its "
             "password ({ntstatus}): the two are out of step. The machine was restored from an old "
             "image, another took its name, the account was reset, or this controller has not "
             "replicated a change. Users there read \"the trust relationship between this "
             "workstation and the primary domain failed\".",
    .reference = "MS-NRPC 3.5.4.4.2; KB2771040",
    .remedies = {{.text = "On the machine itself, test its secure channel.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Verbose"},
                 {.text = "Repair it there, with an account that may join machines.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Reset-ComputerMachinePassword -Credential (Get-Credential)",
                  .risk = "Sets a new password for the machine account, here and in the domain.",
                  .undo = "Reset-ComputerMachinePassword -Credential (Get-Credential)",
                  .verify = "msrpc diagnose {host} --interface netlogon"},
                 {.text = "Without PowerShell: netdom does the same. A Samba member is joined "
                          "again by \"net ads join -U Administrator\".",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "netdom resetpwd /s:{host} /ud:Administrator /pd:*",
                  .risk = "Sets a new password for the machine account, here and in the domain.",
                  .undo = "netdom resetpwd /s:{host} /ud:Administrator /pd:*"}},
};
