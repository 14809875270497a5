/*
 * The call ends in a fault that no other rule knows.
 */
#include "rules.h"

bool mr_test_rpc_fault(const mr_fact *fact) {
    static const uint32_t known[] = {
        5,          0x6d8,      0x6f7,      0x721,      0x1c000008, 0x1c000009, 0x1c00000a,
        0x1c00000b, 0x1c00000c, 0x1c00000d, 0x1c000019, 0x1c00001a, 0x1c00001b, 0x1c00001d,
        0x1c000024, 0x1c010002, 0x1c010003, 0x1c01000b, 0x1c010013, 0x1c010014, 0x1c010017,
        0x80010105, 0x80010108, 0x80010113};
    for (size_t i = 0; i < MR_COUNT(known); i++) {
        if (fact->status == known[i])
            return false;
    }
    return true;
}

const mr_rule mr_rule_rpc_fault = {
    .id = "RPC.FAULT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(STATUS),
    .require = {{.any = {MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_fault,
    .summary = "the call ends in a fault",
    .cause = "{interface} on port {port} of {address} was reached and answers with fault {status}.",
    .reference = "C706 appendix E",
    .remedies = {{.text = "See what the number means.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {status}",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
