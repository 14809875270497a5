/*
 * A certificate is refused.
 */
#include "rules.h"

bool mr_test_tls_not_trusted(const mr_fact *fact) {
    return (fact->alert >= 42 && fact->alert <= 46) || fact->alert == 48;
}

const mr_rule mr_rule_tls_not_trusted = {
    .id = "TLS.NOT_TRUSTED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TLS_ALERT}}},
    .test = mr_test_tls_not_trusted,
    .summary = "a certificate is not trusted",
    .cause = "{sender|One side} refuses the certificate that it got in the handshake at "
             "{address} port {port} with {alert}: its issuer is not trusted there, an "
             "intermediate certificate is not sent, it has expired or was revoked (applications "
             "show 0x80090325 or 0x80090328).",
    .reference = "RFC 8446 6.2; RFC 5280 6",
    .remedies = {{.text = "See the chain that the server sends.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "openssl s_client -connect {address}:{port} -servername {name} "
                             "-showcerts"},
                 {.text = "Import the root into the computer's store of trusted roots, by group "
                          "policy for many.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "certutil -verifystore Root"},
                 {.text = "Let the server send the intermediate certificates too.",
                  .run_on = MR_PLACE_SERVER}},
};
