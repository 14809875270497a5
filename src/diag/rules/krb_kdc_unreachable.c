/*
 * Nothing that was sent to the KDC came back, over UDP nor over TCP. A host that is dead
 * altogether is another finding, and so is one KDC of several.
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
               {.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .explains = {"TCP.ENDPOINT_FILTERED", "TCP.ENDPOINT_REFUSED", "TCP.REJECTED"},
    .summary = "the KDC does not answer",
    .cause = "Port 88 of {address} answers neither over UDP nor over TCP ({tries} "
             "{#tries:attempt|attempts}): the Kerberos service is stopped there or a firewall is "
             "in between. Logons fail or fall back to NTLM.",
    .reference = "RFC 4120 7.2; MS-KILE 2.1",
    .remedies = {{.text = "At the controller, see that the service runs.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service -Name Kdc"},
                 {.text = "Open UDP and TCP port 88 from the clients to the controllers.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc port {address} --ports 88"},
                 {.text = "See whether another controller serves.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsgetdc:%USERDNSDOMAIN% /force /kdc"}},
};
