/*
 * The server does not know the security provider that the bind asked for.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_auth_type = {
    .id = "RPC.AUTH_TYPE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1747,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_NAK}, .where = {MR_WHERE(REASON, EQ, 8)}}},
    .summary = "the server does not know this kind of authentication",
    .cause = "{interface} on port {port} of {address} rejects the bind: its process does not offer "
             "the security provider that was asked for (NTLM is turned off, or Kerberos has no "
             "service name registered there).",
    .reference = "MS-RPCE 2.2.2.5",
    .remedies = {{.text = "Try another mechanism: kerberos, ntlm or negotiate.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --interface {interface}"}},
};
