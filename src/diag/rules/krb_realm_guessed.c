/*
 * Nobody knows a KDC of a realm that nobody named: it was guessed.
 */
#include "rules.h"

bool mr_test_krb_realm_guessed(const mr_fact *fact) {
    return fact->other && *fact->other;
}

const mr_rule mr_rule_krb_realm_guessed = {
    .id = "KRB.REALM_GUESSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_NO_SUCH_DOMAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_KRB_NO_KDC}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(DOMAIN)}},
    .test = mr_test_krb_realm_guessed,
    .explains = {"RPC.AUTH_FAILED", "RPC.TOKEN_REFUSED", "RPC.FIRST_CALL_DENIED", "RPC.NAK"},
    .summary = "the user's realm is not known",
    .cause = "Nobody named the realm of {user|the user}; {domain} was guessed from {other}, and "
             "DNS names no KDC of that. A NetBIOS name of a domain is no realm: that is its DNS "
             "name.",
    .reference = "RFC 4120 7.2.3; MS-KILE 3.2.5",
    .remedies = {{.text = "Name the realm (--realm, or user@REALM), or the server by its full DNS "
                          "name.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --realm REALM"},
                 {.text = "See which realm this machine's logon belongs to.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "echo %USERDNSDOMAIN%"}},
};
