/*
 * The peers disagree about the protocol itself: a version, or a PDU out of place.
 */
#include "rules.h"

#define NCA_RPC_VERSION_MISMATCH 0x1c000008u

bool mr_test_rpc_protocol_error(const mr_fact *fact) {
    if (fact->kind == MR_FACT_RPC_NAK)
        return fact->reason == 4;
    return fact->status == NCA_RPC_VERSION_MISMATCH ||
           (fact->status == NCA_PROTO_ERROR && fact->when != MR_WHEN_AFTER_AUTH3);
}

const mr_rule mr_rule_rpc_protocol_error = {
    .id = "RPC.PROTOCOL_ERROR",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_PROTOCOL_ERROR,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_NAK, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_protocol_error,
    .summary = "the server objects to the protocol",
    .cause = "{interface} on port {port} of {address} rejects what it received as a violation of "
             "the RPC protocol. A device on the way rewrites the data, or the server is not from "
             "Microsoft and is strict.",
    .reference = "C706 12.6.3.1, appendix E",
    .remedies = {{.text = "Take proxies and RPC inspection out of the path for a test.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
