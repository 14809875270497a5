/*
 * A session stood, and then what came in it was not what the other side had sent.
 */
#include "rules.h"

const mr_rule mr_rule_auth_tampered = {
    .id = "AUTH.TAMPERED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1825,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_AUTH_TAMPERED}}},
    .explains = {"RPC.ACCESS_DENIED", "RPC.FIRST_CALL_DENIED", "RPC.FAULT", "RPC.CLOSED_IN_CALL",
                 "RPC.AUTH_FAILED"},
    .summary = "a protected session was tampered with",
    .cause = "{user|The client} was logged on at port {port} of {address}, and then this went "
             "wrong: {other}. Something between the two changes, repeats, drops or swaps what "
             "they send: a firewall or proxy that rewrites RPC, or an attacker.",
    .reference = "MS-RPCE 2.2.2.13, 3.3.1.5.2.2; MS-NLMP 3.4.4; RFC 4121 4.2",
    .remedies = {{.text = "Capture at both ends and compare what was sent with what arrived.",
                  .run_on = MR_PLACE_NETWORK},
                 {.text = "Let RPC pass unchanged: switch off RPC filters and application gateways "
                          "on the way, then see whether it holds.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc ping {host} --count 100"}},
};
