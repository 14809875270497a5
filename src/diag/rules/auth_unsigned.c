/*
 * A denial that may be the server's answer to a bind that was changed on its way.
 */
#include "rules.h"

const mr_rule mr_rule_auth_unsigned = {
    .id = "AUTH.UNSIGNED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_AUTH_UNSIGNED}}},
    .summary = "header signing is not agreed, and the call is denied",
    .cause = "Port {port} of {address} knows {user|the client} and denies the first call, and the "
             "header signing that the bind asked for is not agreed. Servers of Windows and Samba "
             "sign headers: if this is one, something on the way took the offer out of the bind, "
             "and the denial is the server's answer to that, not to the account.",
    .reference = "MS-RPCE 2.2.2.3, 2.2.2.13.2, 3.3.1.5.2.2",
    .remedies = {{.text = "Capture at both ends and compare the flags of bind and bind_ack.",
                  .run_on = MR_PLACE_NETWORK},
                 {.text = "Let RPC pass unchanged: switch off RPC filters and application gateways "
                          "on the way.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc ping {host}"}},
};
