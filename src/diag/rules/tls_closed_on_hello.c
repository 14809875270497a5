/*
 * The server breaks off after the ClientHello without an alert.
 */
#include "rules.h"

const mr_rule mr_rule_tls_closed_on_hello = {
    .id = "TLS.CLOSED_ON_HELLO",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TLS_ENDED}}},
    .forbid = {{.any = {MR_FACT_TLS_OPENED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "TLS is broken off without a word",
    .cause = "{address} ends the connection to port {port} right after the client's hello: "
             "Schannel refuses silently (no usable certificate or private key, version or cipher "
             "turned off), no site is bound to {name|the name}, or a device inspects TLS.",
    .reference = "RFC 8446 4.1.2, 6",
    .remedies = {{.text = "See which certificate is bound to the port.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh http show sslcert"},
                 {.text = "Read what Schannel says.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable "
                             "@{{LogName='System';ProviderName='Schannel'} -MaxEvents 10",
                  .verify = "msrpc port {host} --ports {port}"}},
    .next = {.command = "openssl s_client -connect {address}:{port} -servername {name} -tls1_2",
             .branches = {{"the handshake succeeds",
                            "version or name decide: the client offers what the server does not "
                            "take"},
                          {"broken off again",
                            "no certificate is bound, or a device objects to TLS"}}},
};
