/*
 * The security negotiation inside the bind ends in a reject.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_token_refused = {
    .id = "RPC.TOKEN_REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1825,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_TOKEN_REFUSED}}},
    .explains = {"RPC.NAK", "RPC.CLOSED_ON_BIND", "RPC.RESET_ON_BIND"},
    .summary = "the negotiation of security is rejected",
    .cause = "{interface} on port {port} of {address} answers the client's security token with a "
             "SPNEGO reject: no mechanism in common (Kerberos without a service name there, NTLM "
             "turned off), or the credentials do not hold.",
    .reference = "RFC 4178 4.2.2; MS-SPNG 3.2.5",
    .remedies = {{.text = "Use the full DNS name of the server, so that Kerberos can be used.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See whether the server's service name is registered.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q host/{host}",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
