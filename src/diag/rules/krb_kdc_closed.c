/*
 * Nobody listens at the KDC's port. One KDC of several that is so is no failure.
 */
#include "rules.h"

const mr_rule mr_rule_krb_kdc_closed = {
    .id = "KRB.KDC_CLOSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1311,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_KRB_CLOSED}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}},
               {.any = {MR_FACT_KRB_ERROR}, .same = MR_F(ADDRESS)}},
    .explains = {"TCP.ENDPOINT_REFUSED", "TCP.REJECTED", "RPC.NAK"},
    .summary = "nothing listens at the KDC's port",
    .cause = "Port {port} of {address} is closed ({other}): no KDC runs there. The host is no "
             "domain controller of {domain|the realm}, its Kerberos service is stopped, or a "
             "firewall refuses in its place. Logons fail or fall back to NTLM.",
    .reference = "RFC 4120 7.2; MS-KILE 2.1",
    .remedies = {{.text = "If the KDC was named by hand (--dc-ip), name a domain controller.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsgetdc:%USERDNSDOMAIN% /force /kdc"},
                 {.text = "At the controller, see that the service runs.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service -Name Kdc",
                  .verify = "msrpc port {address} --ports 88 --protocol both"}},
    .next = {.command = "msrpc port {address} --ports 88,135,389",
             .branches = {{"all are closed", "the host is no domain controller"},
                          {"88 alone is closed", "its Kerberos service is stopped"}}},
};
