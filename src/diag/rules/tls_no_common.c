/*
 * No version or cipher of TLS in common.
 */
#include "rules.h"

bool mr_test_tls_no_common(const mr_fact *fact) {
    return fact->alert == 40 || fact->alert == 70 || fact->alert == 71 || fact->alert == 86;
}

const mr_rule mr_rule_tls_no_common = {
    .id = "TLS.NO_COMMON",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TLS_ALERT}}},
    .test = mr_test_tls_no_common,
    .summary = "no TLS version or cipher in common",
    .cause = "{sender|One side} ends the handshake at {address} port {port} with {alert}: client "
             "and server have no TLS version or no cipher in common; for handshake_failure a "
             "client certificate may be missing too.",
    .reference = "RFC 8446 6.2",
    .remedies = {{.text = "See what the server takes.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "openssl s_client -connect {address}:{port} -servername {name}"},
                 {.text = "See what this Windows has switched off.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\"
                             "SecurityProviders\\SCHANNEL\\Protocols /s"},
                 {.text = "Read what Schannel says (36874, 36888).",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable "
                             "@{{LogName='System';ProviderName='Schannel'} -MaxEvents 10"}},
};
