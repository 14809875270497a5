/*
 * The secure channel of a member signs and does not seal, which updated controllers refuse: by a
 * fault, or as Samba does by the status that the method returns. Whoever has no channel for less
 * refuses the bind, of any interface.
 */
#include "rules.h"

#define NETLOGON_SSP 68
#define STATUS_DENIED 0xc0000022u

bool mr_test_rpc_netlogon_level(const mr_fact *fact) {
    return fact->kind == MR_FACT_RPC_NAK ||
           (mr_str_eq_nocase(fact->interface, "netlogon") &&
            (fact->status == 5 || fact->status == STATUS_DENIED));
}

const mr_rule mr_rule_rpc_netlogon_level = {
    .id = "RPC.NETLOGON_LEVEL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT, MR_FACT_RPC_RETURNED, MR_FACT_RPC_NAK},
                 .where = {MR_WHERE(SSP, EQ, NETLOGON_SSP), MR_WHERE(AUTH, LT, 6)}}},
    .test = mr_test_rpc_netlogon_level,
    .explains = {"RPC.ACCESS_DENIED", "RPC.FIRST_CALL_DENIED", "RPC.FAULT",
                 "RPC.STATUS_RETURNED", "RPC.AUTH_TYPE", "RPC.NAK"},
    .summary = "the Netlogon secure channel is not sealed",
    .cause = "{address} denies calls of a Netlogon secure channel that only signs "
             "(authentication level {auth}). Since 2023 controllers demand sealing "
             "(level 6); the member logs \"trust relationship failed\" (1789), the controller "
             "events 5838 to 5841.",
    .reference = "KB5021130 (CVE-2022-38023); MS-NRPC 3.4.3.4",
    .remedies = {{.text = "Find the members that it concerns.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable "
                             "@{{LogName='System';ProviderName='NETLOGON';Id"
                             "=5838,5839,5840,5841} -MaxEvents 20"},
                 {.text = "Update the member, so that it seals (KB5021130). A Samba member does "
                          "unless its smb.conf says \"winbind sealed pipes = no\".",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "A member that cannot seal can be let in by a Samba controller alone, at "
                          "the risk of CVE-2022-38023: \"server schannel require seal:MEMBER$ = "
                          "no\" in its smb.conf.",
                  .run_on = MR_PLACE_DC}},
};
