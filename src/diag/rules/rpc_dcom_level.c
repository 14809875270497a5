/*
 * DCOM activation below packet integrity, which updated servers refuse.
 */
#include "rules.h"

#include "dcom.h"

bool mr_test_rpc_dcom_level(const mr_fact *fact) {
    return mr_is_dcom_denied(fact);
}

const mr_rule mr_rule_rpc_dcom_level = {
    .id = "RPC.DCOM_LEVEL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT, MR_FACT_RPC_RETURNED},
                 .where = {MR_WHERE(AUTH, GE, 2), MR_WHERE(AUTH, LT, 5)}}},
    .test = mr_test_rpc_dcom_level,
    .explains = {"RPC.ACCESS_DENIED", "RPC.FIRST_CALL_DENIED", "RPC.STATUS_RETURNED",
                 "RPC.LEVEL_LOW"},
    .summary = "DCOM activation lacks packet integrity",
    .cause = "{address} denies the activation of a DCOM object at authentication level {auth}. "
             "Since the update of March 2023 a server demands level 5 (packet integrity) or "
             "higher and logs event 10036.",
    .reference = "KB5004442 (CVE-2021-26414); MS-DCOM 3.1.2.5.2.3",
    .remedies = {{.text = "Update the client: since November 2022 (KB5004442) Windows raises the "
                          "level of every non-anonymous activation by itself.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See in the server's log which client and account it was.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable "
                             "@{{LogName='System';Id=10036,10037,10038} -MaxEvents 10"},
                 {.text = "Or let the program ask for RPC_C_AUTHN_LEVEL_PKT_INTEGRITY or "
                          "PKT_PRIVACY.",
                  .run_on = MR_PLACE_CLIENT}},
};
