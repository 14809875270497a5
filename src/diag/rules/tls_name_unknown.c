/*
 * The server has no certificate for the name that was asked for, and ends the handshake for it. As
 * a mere warning it is usual.
 */
#include "rules.h"

const mr_rule mr_rule_tls_name_unknown = {
    .id = "TLS.NAME_UNKNOWN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TLS_ALERT}, .where = {MR_WHERE(ALERT, EQ, 112)}}},
    .summary = "the server does not know the name that was asked for",
    .cause = "{sender|The server} ends the handshake at {address} port {port} because it has no "
             "certificate for {name|the name that was asked for}.",
    .reference = "RFC 6066 3; RFC 8446 6.2",
    .remedies = {{.text = "See which names the web server is bound to.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh http show sslcert"},
                 {.text = "Use a name that the certificate holds.",
                  .run_on = MR_PLACE_CLIENT}},
};
