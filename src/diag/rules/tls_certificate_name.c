/*
 * The certificate is for other names, and the client refused it with an alert or by leaving. One
 * that takes it nevertheless has no failure.
 */
#include "rules.h"

const mr_rule mr_rule_tls_certificate_name = {
    .id = "TLS.CERTIFICATE_NAME",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TLS_OTHER_NAME}}},
    .explains = {"TLS.NOT_TRUSTED"},
    .summary = "the certificate is for another name",
    .cause = "The certificate at {address} port {port} is for {other}, the client asked for "
             "{name}. The client refuses it.",
    .reference = "RFC 6125 6; RFC 9110 4.3.4",
    .remedies = {{.text = "Use a name that the certificate holds, or issue one that holds "
                          "{name}.",
                  .run_on = MR_PLACE_SERVER},
                 {.text = "See which certificate is bound to the port.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh http show sslcert"}},
};
