/*
 * Negotiate had to do without Kerberos, and NTLM was accepted: it works, without what Kerberos
 * proves, and until NTLM is turned off.
 */
#include "rules.h"

const mr_rule mr_rule_auth_fallback = {
    .id = "AUTH.FALLBACK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUTH_FALLBACK}}},
    .summary = "Negotiate fell back to NTLM",
    .cause = "{user|The client} was authenticated to {address} by NTLM, since Kerberos could not "
             "be used: {other}. NTLM does not prove who the server is, does not pass on to "
             "another host, and fails where a policy blocks it.",
    .reference = "MS-SPNG 3.1.5.2; RFC 4178 4.2",
    .remedies = {{.text = "See whether the KDC {server} can be reached: UDP and TCP port 88.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc port {server} --ports 88 --protocol both"},
                 {.text = "Where the server was named by an address or an alias, use its full "
                          "DNS name; --target-ip keeps the address.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose NAME --target-ip {address} -u '{user}'"},
                 {.text = "Ask for Kerberos alone: the refusal then tells its whole reason.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose {host} -u '{user}' --auth kerberos"},
                 {.text = "See which account has the service name.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {spn}"}},
};
