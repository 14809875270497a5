/*
 * A DCOM object is gone, or its server failed inside.
 */
#include "rules.h"

bool mr_test_rpc_dcom_object(const mr_fact *fact) {
    return fact->status == 0x80010108 || fact->status == 0x80010105 || fact->status == 0x80010113;
}

const mr_rule mr_rule_rpc_dcom_object = {
    .id = "RPC.DCOM_OBJECT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_dcom_object,
    .summary = "the DCOM object is gone or its server failed",
    .cause = "{address} answers {status}: the object behind {interface} was disconnected "
             "(0x80010108), its server threw an exception (0x80010105), or its interface pointer "
             "is not known any more (0x80010113).",
    .reference = "MS-ERREF 2.1.1; MS-DCOM 3.1.1.5.4",
    .remedies = {{.text = "Look for a crash of the program that holds the object.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable "
                             "@{{LogName='Application';Id=1000,1026} -MaxEvents 10"},
                 {.text = "Let the client create the object anew.",
                  .run_on = MR_PLACE_CLIENT}},
};
