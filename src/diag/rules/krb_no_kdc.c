/*
 * Nobody knows a KDC of the realm: a realm that does not exist, or a DNS server that does not know
 * the domain.
 */
#include "rules.h"

bool mr_test_krb_no_kdc(const mr_fact *fact) {
    return !fact->other || !*fact->other; /* somebody named the realm */
}

const mr_rule mr_rule_krb_no_kdc = {
    .id = "KRB.NO_KDC",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_NO_SUCH_DOMAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_KRB_NO_KDC}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(DOMAIN)}},
    .test = mr_test_krb_no_kdc,
    .explains = {"RPC.AUTH_FAILED", "RPC.TOKEN_REFUSED", "RPC.FIRST_CALL_DENIED"},
    .summary = "no KDC of the realm is known",
    .cause = "DNS names no KDC for the realm {domain}, to which {user|the user} should belong: "
             "it has no SRV records _kerberos._udp and _kerberos._tcp under that name, nor an "
             "address. The realm is wrong, or this machine asks a DNS server that does not know "
             "the domain.",
    .reference = "RFC 4120 7.2.3; MS-KILE 3.2.5",
    .remedies = {{.text = "Name the realm in full, as the DNS name of the domain, or a KDC "
                          "(--dc-ip).",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc name --dsgetdc {domain}"},
                 {.text = "See whether DNS knows the domain.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "nslookup -type=srv _kerberos._tcp.{domain}"}},
};
