/*
 * An anonymous call is refused by the interface. The way there is proven; only the identity is
 * missing, and many interfaces of a hardened host answer so.
 */
#include "rules.h"

#define NCA_UNSUPPORTED_AUTHN_LEVEL 0x1c00001du

bool mr_test_rpc_anonymous_denied(const mr_fact *fact) {
    return fact->auth <= 1 && (fact->status == 5 || fact->status == NCA_UNSUPPORTED_AUTHN_LEVEL);
}

const mr_rule mr_rule_rpc_anonymous_denied = {
    .id = "RPC.ANONYMOUS_DENIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_anonymous_denied,
    .summary = "anonymous calls are refused, as they should be",
    .cause = "{interface} on {address} {#interface:answers|answer} an anonymous call with \"access "
             "denied\": who asks must authenticate. The path to the service works.",
    .reference = "C706 appendix E",
};
