/*
 * The process that held a DCOM object is gone: its exporter is not known any more.
 */
#include "rules.h"

bool mr_test_rpc_oxid_gone(const mr_fact *fact) {
    return (fact->status == 1910 || fact->status == 0x80070776u) &&
           (mr_str_eq_nocase(fact->interface, "IObjectExporter") ||
            mr_str_eq_nocase(fact->interface, "IOXIDResolver"));
}

const mr_rule mr_rule_rpc_oxid_gone = {
    .id = "RPC.OXID_GONE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1910,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RPC_RETURNED, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_oxid_gone,
    .explains = {"RPC.FAULT", "RPC.STATUS_RETURNED"},
    .summary = "the DCOM object's process is gone",
    .cause = "{address} does not know the object exporter that the client asks for: the process "
             "that held the DCOM object has ended, crashed or was restarted since the client got "
             "its reference.",
    .reference = "MS-DCOM 3.1.2.5.1",
    .remedies = {{.text = "Look for a crash or a restart of the application at that time.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Application';Id=1000,1001} "
                             "-MaxEvents 20"},
                 {.text = "Restart the client's program, so that it activates the object anew.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_NONE}},
};
