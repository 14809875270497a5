/*
 * The KDC does not know the user. Clients try several spellings of a name: only where none of them
 * was granted a ticket is it said.
 */
#include "rules.h"

const mr_rule mr_rule_krb_client_unknown = {
    .id = "KRB.CLIENT_UNKNOWN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_NO_SUCH_USER,
    .per = MR_F(USER) | MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 6)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .where = {MR_WHERE(EXCHANGE, EQ, MR_EXCHANGE_AS)}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "RPC.FIRST_CALL_DENIED"},
    .summary = "the domain does not know the user",
    .cause = "The KDC {address} knows no account {user|of that name} in the realm {domain|that "
             "was asked} ({krb}): a typing error, the wrong domain, or an account that was "
             "deleted or has not replicated there.",
    .reference = "RFC 4120 7.5.9; MS-KILE 3.3.5.6.1",
    .remedies = {{.text = "See whether the name, or the part of it before the @, exists in the "
                          "forest.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADUser -LDAPFilter '(|(sAMAccountName={user.name|USER})"
                             "(userPrincipalName={user.name|USER}@*))' -Server :3268 | "
                             "Select-Object SamAccountName, UserPrincipalName"},
                 {.text = "Log on as user@realm with the full name of the domain.",
                  .run_on = MR_PLACE_CLIENT}},
};
