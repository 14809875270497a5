/*
 * Something answers at the KDC's port that does not speak Kerberos.
 */
#include "rules.h"

const mr_rule mr_rule_krb_kdc_garbled = {
    .id = "KRB.KDC_GARBLED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1311,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_KRB_GARBLED}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}},
               {.any = {MR_FACT_KRB_ERROR}, .same = MR_F(ADDRESS)}},
    .explains = {"RPC.NAK"},
    .summary = "what answers at the KDC's port is no KDC",
    .cause = "Something answers at port {port} of {address}, but not as a KDC does ({other}): "
             "another service has the port, or a device in between answers in its place, cuts or "
             "changes what it says. Logons fail or fall back to NTLM.",
    .reference = "RFC 4120 7.2",
    .remedies = {{.text = "At the controller, see whose port it is.",
                  WHO_HAS_THE_PORT},
                 {.text = "Take firewalls and proxies that inspect Kerberos out of the way, or "
                          "name another KDC (--dc-ip).",
                  .run_on = MR_PLACE_NETWORK,
                  .verify = "msrpc port {address} --ports 88 --protocol both"}},
};
