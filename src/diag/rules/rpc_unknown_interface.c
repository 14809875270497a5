/*
 * The endpoint speaks RPC but does not offer the interface: another program has the port now.
 */
#include "rules.h"

#define NCA_UNK_IF 0x1c010003u

bool mr_test_rpc_unknown_interface(const mr_fact *fact) {
    if (fact->kind == MR_FACT_RPC_FAULT)
        return fact->status == NCA_UNK_IF;
    return fact->result == 2 && fact->reason == 1;
}

const mr_rule mr_rule_rpc_unknown_interface = {
    .id = "RPC.UNKNOWN_INTERFACE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1717,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CONTEXT_REJECTED, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_unknown_interface,
    .summary = "the endpoint does not offer the interface",
    .cause = "Port {port} of {address} speaks RPC but does not know {interface}. The service "
             "stopped or restarted on another port and another program took this one, or the "
             "interface has another version there.",
    .reference = "C706 12.6.3.1, appendix E",
    .remedies = {{.text = "Ask the endpoint mapper for the present port.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host} --interface {interface} --probe",
                  .verify = "msrpc ping {host} --interface {interface}"},
                 {.text = "Restart the service, so that it registers anew.",
                  RESTART_THE_SERVICE,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
