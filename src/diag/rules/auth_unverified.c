/*
 * The server answers, and what it answers is not what a server that holds the key would say.
 */
#include "rules.h"

const mr_rule mr_rule_auth_unverified = {
    .id = "AUTH.UNVERIFIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1825,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_AUTH_UNVERIFIED}}},
    .forbid = {{.any = {MR_FACT_KRB_ERROR}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "the server's answer cannot be verified",
    .cause = "Port {port} of {address} was shown the credentials of {user|the client}, and the "
             "negotiation ends on this side: {other}. The server does not hold the key, speaks "
             "another dialect of the mechanism, or a device on the way changes what it sends.",
    .reference = "MS-RPCE 3.3.1.5.2; RFC 4178 5",
    .remedies = {{.text = "Try another mechanism: kerberos, ntlm or negotiate.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --auth kerberos"},
                 {.text = "Capture at both ends and compare what was sent with what arrived.",
                  .run_on = MR_PLACE_NETWORK}},
};
