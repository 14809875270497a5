/*
 * The KDC serves another realm and the client does not follow where it points to.
 */
#include "rules.h"

const mr_rule mr_rule_krb_wrong_realm = {
    .id = "KRB.WRONG_REALM",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1317,
    .per = MR_F(USER) | MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 68)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .where = {MR_WHERE(EXCHANGE, EQ, MR_EXCHANGE_AS)}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the user belongs to another realm",
    .cause = "The KDC {address} says that {user|the user} belongs to another realm than "
             "{domain|its own} ({krb}) and the client gets no ticket there: it does not follow "
             "the referral, or finds no KDC of that realm.",
    .reference = "RFC 6806 7; RFC 4120 7.5.9",
    .remedies = {{.text = "Log on as user@realm with the right realm; for MIT Kerberos set the "
                          "realm's KDCs or \"dns_lookup_kdc = true\".",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "See whether the other domain can be located.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name --dsgetdc {domain}",
                  .verify = "msrpc name --dsgetdc {domain}"}},
};
