/*
 * An activation with all protection is refused: the caller may not start or use the object.
 */
#include "rules.h"

#include "dcom.h"

bool mr_test_rpc_dcom_denied(const mr_fact *fact) {
    return mr_is_dcom_denied(fact);
}

const mr_rule mr_rule_rpc_dcom_denied = {
    .id = "RPC.DCOM_DENIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT, MR_FACT_RPC_RETURNED},
                 .where = {MR_WHERE(AUTH, GE, 5)}}},
    .test = mr_test_rpc_dcom_denied,
    .explains = {"RPC.ACCESS_DENIED", "RPC.FIRST_CALL_DENIED", "RPC.STATUS_RETURNED"},
    .summary = "the caller may not activate the DCOM object",
    .cause = "{address} denies an activation of a DCOM object ({interface}) although it was asked "
             "for with level {auth}, which is enough. The caller has no right to launch or access "
             "it: the limits of the whole machine or the permissions of the one application.",
    .reference = "MS-DCOM 3.1.2.5.2",
    .remedies = {{.text = "In Component Services look at COM Security of the computer and at "
                          "Security of the application: Remote Launch, Remote Activation, Remote "
                          "Access. Members of Distributed COM Users have them for the computer.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "dcomcnfg"},
                 {.text = "Event 10016 or 10027 names the application and the caller.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='System';"
                             "Id=10016,10027} -MaxEvents 20"}},
};
