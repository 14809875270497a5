/*
 * Printing below packet privacy, which updated print servers refuse.
 */
#include "rules.h"

bool mr_test_rpc_print_level(const mr_fact *fact) {
    return fact->auth >= 2 && (mr_str_eq_nocase(fact->interface, "spoolss") ||
                               mr_str_eq_nocase(fact->interface, "IRemoteWinspool"));
}

const mr_rule mr_rule_rpc_print_level = {
    .id = "RPC.PRINT_LEVEL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 283,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT},
                 .where = {MR_WHERE(STATUS, EQ, 5), MR_WHERE(AUTH, LT, 6)}}},
    .test = mr_test_rpc_print_level,
    .explains = {"RPC.ACCESS_DENIED", "RPC.FIRST_CALL_DENIED", "RPC.LEVEL_LOW"},
    .summary = "printing lacks packet privacy",
    .cause = "The print spooler of {address} denies {interface} at authentication level {auth}. "
             "Since 2021 print servers demand level 6 (packet privacy); a client without the "
             "update shows error 0x0000011b or 0x00000709.",
    .reference = "KB4599464 (CVE-2021-1678); MS-RPRN 2.1",
    .remedies = {{.text = "Update the client: since January 2021 (KB4599464) Windows prints with "
                          "packet privacy.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See whether the server enforces it (1, or no value).",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\Print /v "
                             "RpcAuthnLevelPrivacyEnabled"},
                 {.text = "Until the clients are updated, turn it off.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Print /v "
                             "RpcAuthnLevelPrivacyEnabled /t REG_DWORD /d 0 /f",
                  .risk = "Opens the spooler to relayed logons (CVE-2021-1678); restart the "
                          "spooler afterwards.",
                  .undo = "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Control\\Print /v "
                          "RpcAuthnLevelPrivacyEnabled /f",
                  .verify = "msrpc diagnose {host} --interface {interface}"}},
};
