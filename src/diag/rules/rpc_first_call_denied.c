/*
 * The first answer after an auth3 is "access denied". An auth3 has no answer of its own, so this
 * judges the credentials as well as the right to call.
 */
#include "rules.h"

bool mr_test_rpc_first_call_denied(const mr_fact *fact) {
    return !IS_NOBODY(fact);
}

const mr_rule mr_rule_rpc_first_call_denied = {
    .id = "RPC.FIRST_CALL_DENIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT},
                 .where = {MR_WHERE(STATUS, EQ, 5), MR_WHERE(WHEN, EQ, MR_WHEN_AFTER_AUTH3)}}},
    .test = mr_test_rpc_first_call_denied,
    .summary = "credentials or rights are refused on the first call",
    .cause = "{interface} on port {port} of {address} denies the first call after the client "
             "sent its credentials (authentication level {auth}). Either the server does not "
             "believe them, or this account may not call the interface.",
    .reference = "MS-RPCE 2.2.2.5, 3.3.1.5.2.2",
    .remedies = {{.text = "Read in the server's Security log whether the logon itself failed "
                          "(4625) or succeeded (4624).",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4624,4625} "
                             "-MaxEvents 10"},
                 {.text = "Look for stored credentials that are old, or of a local account of "
                          "the same name.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "cmdkey /list"},
                 {.text = "Look for RPC filters of the host that forbid the interface.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh rpc filter show filter"}},
    .next = {.command = "net use \\\\{address}\\IPC$",
             .branches = {{"error 1326",
                            "name or password is wrong"},
                          {"works",
                            "the account lacks the right to call the interface"}}},
};
