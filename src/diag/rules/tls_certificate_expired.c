/*
 * The certificate is not valid at this time.
 */
#include "rules.h"

const mr_rule mr_rule_tls_certificate_expired = {
    .id = "TLS.CERTIFICATE_EXPIRED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TLS_OUTDATED}}},
    .explains = {"TLS.NOT_TRUSTED"},
    .summary = "the server's certificate is out of date",
    .cause = "The certificate of {other|the server} at {address} port {port} is not valid at the "
             "time of the capture, by {seconds}: it has expired, or is not valid yet, or a "
             "clock is wrong. Clients that check it refuse (0x80090328).",
    .reference = "RFC 5280 4.1.2.5",
    .remedies = {{.text = "List the server's certificates by their end.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ChildItem Cert:\\LocalMachine\\My | Sort-Object NotAfter | "
                             "Format-Table Subject, NotBefore, NotAfter"},
                 {.text = "Renew it and bind the new one to the port.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh http show sslcert"}},
};
