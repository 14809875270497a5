/*
 * The answer is too big for UDP and TCP to the KDC does not work. The error alone is an ordinary
 * step.
 */
#include "rules.h"

#define RESPONSE_TOO_BIG 52

bool mr_test_krb_tcp_blocked(const mr_fact *fact) {
    return fact->kind == MR_FACT_KRB_ERROR ? fact->krb == RESPONSE_TOO_BIG : fact->count > 0;
}

const mr_rule mr_rule_krb_tcp_blocked = {
    .id = "KRB.TCP_BLOCKED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1311,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_KRB_ERROR, MR_FACT_KRB_UNANSWERED}},
                {.any = {MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED, MR_FACT_TCP_UNREACHABLE},
                 .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_krb_tcp_blocked,
    .explains = {"TCP.ENDPOINT_FILTERED", "TCP.ENDPOINT_REFUSED", "TCP.REJECTED",
                 "KRB.KDC_UNREACHABLE"},
    .summary = "Kerberos needs TCP port 88, which is blocked",
    .cause = "The KDC {address} answers over UDP, but TCP port {port}, where messages go that do "
             "not fit into UDP, does not open. Users in many groups have such tickets.",
    .reference = "RFC 4120 7.2.1; MS-KILE 3.1.5.1",
    .remedies = {{.text = "Open TCP port 88 from the clients to the domain controllers.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc port {address} --ports 88 --protocol both"}},
};
