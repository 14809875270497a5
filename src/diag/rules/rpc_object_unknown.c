/*
 * The interface is there; the object that is asked for is not.
 */
#include "rules.h"

bool mr_test_rpc_object_unknown(const mr_fact *fact) {
    return fact->status == 0x6d8 || fact->status == 0x1c000024 || fact->status == 0x1c010017;
}

const mr_rule mr_rule_rpc_object_unknown = {
    .id = "RPC.OBJECT_UNKNOWN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1710,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_object_unknown,
    .summary = "the object is not registered there",
    .cause = "{interface} on port {port} of {address} has no object of the UUID that the call "
             "names, or cannot perform the operation for it ({status}).",
    .reference = "C706 2.3.3.4, appendix E",
    .remedies = {{.text = "See what the host registers.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host} --interface {interface}",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
