/*
 * The ticket names addresses, and the client comes from another: NAT.
 */
#include "rules.h"

const mr_rule mr_rule_krb_bad_address = {
    .id = "KRB.BAD_ADDRESS",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 38)}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the ticket is bound to another address",
    .cause = "{address} refuses a ticket that holds other addresses than the one the client "
             "comes from ({krb}): there is address translation between them.",
    .reference = "RFC 4120 5.3, 7.5.9",
    .remedies = {{.text = "Ask for tickets without addresses (\"noaddresses = true\" in "
                          "krb5.conf; Windows does so).",
                  .run_on = MR_PLACE_CLIENT}},
};
