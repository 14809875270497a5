/*
 * The handshake ends with an alert that no other rule knows.
 */
#include "rules.h"

bool mr_test_tls_alert(const mr_fact *fact) {
    switch (fact->alert) {
    case 0: /* the end, a change of mind, no renegotiation: no failures */
    case 90:
    case 100:
    case 40: /* of other rules */
    case 42:
    case 43:
    case 44:
    case 45:
    case 46:
    case 48:
    case 70:
    case 71:
    case 86:
    case 112:
        return false;
    }
    return true;
}

const mr_rule mr_rule_tls_alert = {
    .id = "TLS.ALERT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(ALERT),
    .require = {{.any = {MR_FACT_TLS_ALERT}}},
    .test = mr_test_tls_alert,
    .summary = "TLS ends with an alert",
    .cause = "{sender|One side} ends TLS at {address} port {port} with {alert}.",
    .reference = "RFC 8446 6",
    .remedies = {{.text = "See whether it happens with another client.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "openssl s_client -connect {address}:{port} -servername {name}"}},
};
