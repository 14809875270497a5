/*
 * The same caller, the same interface: refused at one level of authentication, served at packet
 * privacy. So the level is what is missing, and no right.
 */
#include "rules.h"

#define PRIVACY 6

bool mr_test_rpc_level_low(const mr_fact *fact) {
    return fact->status == WIN32_ACCESS_DENIED;
}

const mr_rule mr_rule_rpc_level_low = {
    .id = "RPC.LEVEL_LOW",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(INTERFACE),
    .require = {{.any = {MR_FACT_RPC_FAULT},
                 .where = {MR_WHERE(AUTH, GE, 2), MR_WHERE(AUTH, LT, PRIVACY)}},
                {.any = {MR_FACT_RPC_CALLED},
                 .where = {MR_WHERE(AUTH, EQ, PRIVACY)},
                 .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .test = mr_test_rpc_level_low,
    .explains = {"RPC.ACCESS_DENIED", "RPC.FIRST_CALL_DENIED"},
    .summary = "the call is protected too weakly",
    .cause = "{interface} on port {port} of {address} denies calls at level {auth} of "
             "authentication and serves the same caller at level 6 (packet privacy). Hardened "
             "servers demand more than they did: level 5 for accounts and policies (samr, lsarpc; "
             "since April 2016, Samba everywhere), level 5 for DCOM (since March 2023), level 6 "
             "for printing (since 2021) and Netlogon's secure channel (since July 2023). "
             "Replication (drsuapi) and BackupKey have always wanted level 6.",
    .reference = "MS-RPCE 2.2.1.1.8; KB3148527 (CVE-2016-0128, CVE-2016-2118), KB5004442 "
                 "(CVE-2021-26414), KB4599464 (CVE-2021-1678), KB5021130 (CVE-2022-38023)",
    .remedies = {{.text = "Ask at level 6, where the program lets its user choose (msrpc: "
                          "--auth-level privacy, which is its default).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose {host} --interface {interface} --auth-level privacy",
                  .verify = "msrpc diagnose {host} --interface {interface} --auth-level privacy"},
                 {.text = "Else let it ask for RPC_C_AUTHN_LEVEL_PKT_PRIVACY, or update it: "
                          "programs of Windows do since the updates KB3148527 (samr, lsarpc), "
                          "KB4599464 (printing), KB5004442 (DCOM) and KB5021130 (Netlogon).",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --interface {interface} --auth-level privacy"},
                 {.text = "See whether a Samba server lets in level 2 (connect), and where.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_SH,
                  .command = "testparm -sv | grep \"auth level connect\""}},
};
