/*
 * Nothing that was sent to the KDC came back, over whatever it was asked: UDP, TCP or both. A host
 * whose other ports are silent too is another finding; one KDC of several is none.
 */
#include "rules.h"

const mr_rule mr_rule_krb_kdc_unreachable = {
    .id = "KRB.KDC_UNREACHABLE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1311,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_KRB_UNANSWERED}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}},
               {.any = {MR_FACT_KRB_ERROR}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_TCP_SILENT}, .same = MR_F(ADDRESS), .differs = MR_F(PORT)},
               {.any = {MR_FACT_TCP_UNREACHABLE, MR_FACT_LOCAL_NO_NEIGHBOUR,
                        MR_FACT_LOCAL_NO_ROUTE},
                .same = MR_F(ADDRESS)}},
    .explains = {"TCP.HOST_SILENT", "TCP.ENDPOINT_FILTERED", "TCP.ENDPOINT_REFUSED",
                 "TCP.REJECTED"},
    .summary = "the KDC does not answer",
    .cause = "No answer came from port {port} of {address} over {protseq|any way it was asked} "
             "(attempts: {tries}; {other|nothing came back}): a firewall is in between, the host "
             "does not run, or its Kerberos service hangs. Logons fail or fall back to NTLM.",
    .reference = "RFC 4120 7.2; MS-KILE 2.1",
    .remedies = {{.text = "At the controller, see that the service runs.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service -Name Kdc"},
                 {.text = "Open UDP and TCP port 88 from the clients to the controllers.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc port {address} --ports 88 --protocol both"},
                 {.text = "See whether another controller serves.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsgetdc:%USERDNSDOMAIN% /force /kdc"}},
    .next = {.command = "msrpc port {address} --ports 88,135,389",
             .branches = {{"88 alone is silent",
                           "the service hangs or a firewall blocks its port"},
                          {"all are silent",
                           "the host is down or the path to it is blocked"}}},
};
