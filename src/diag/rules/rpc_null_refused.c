/*
 * A null session is refused: who logs on as nobody has no password that could be wrong.
 */
#include "rules.h"

bool mr_test_rpc_null_refused(const mr_fact *fact) {
    bool first = fact->when == MR_WHEN_AFTER_AUTH3;

    if (!IS_NOBODY(fact))
        return false;
    if (fact->kind == MR_FACT_RPC_NAK)
        return fact->reason == 9;
    return fact->status == RPC_SEC_PKG_ERROR ||
           (first && (fact->status == NCA_PROTO_ERROR || fact->status == WIN32_ACCESS_DENIED));
}

const mr_rule mr_rule_rpc_null_refused = {
    .id = "RPC.NULL_REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_NAK, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_null_refused,
    .summary = "no null session is accepted",
    .cause = "{interface} on port {port} of {address} does not accept an anonymous logon by NTLM "
             "(a null session). Hardened servers do not, and servers that take no NTLM.",
    .reference = "MS-NLMP 3.2.5.1.2; MS-RPCE 3.3.1.5.2",
    .remedies = {{.text = "Ask in the name of an account.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} -u ACCOUNT"}},
};
