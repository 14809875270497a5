/*
 * IPsec is wanted by one side and cannot be agreed on: keys are not exchanged, or protected packets
 * go in one direction only, and what is sent in clear is dropped.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_ipsec_mismatch = {
    .id = "TCP.IPSEC_MISMATCH",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_IKE_FAILED, MR_FACT_TCP_ESP_ONE_WAY}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS)}},
    .explains = {FINDINGS_OF_A_SILENT_PORT, "TCP.NEVER_ANSWERED"},
    .summary = "IPsec cannot be agreed on with the host",
    .cause = "{from|The client} and {address} try to protect their traffic with IPsec and do not "
             "come to terms: keys are not agreed on (UDP 500 and 4500), or protected packets go "
             "one way only. What is sent in clear instead is dropped by policy.",
    .reference = "RFC 7296 1.2, RFC 4303",
    .remedies = {{.text = "On both, compare the rules for connection security: who demands it, and "
                          "by which method (certificate, Kerberos).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh advfirewall consec show rule name=all",
                  .verify = "msrpc port {address} --ports 135"},
                 {.text = "See which associations stand.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh advfirewall monitor show mmsa"}},
};
