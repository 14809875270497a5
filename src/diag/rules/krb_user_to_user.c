/*
 * The service's key is kept by a user who is logged on: it takes user-to-user tickets only.
 */
#include "rules.h"

bool mr_test_krb_user_to_user(const mr_fact *fact) {
    return fact->krb == 27 || fact->krb == 69;
}

const mr_rule mr_rule_krb_user_to_user = {
    .id = "KRB.USER_TO_USER",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1396,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)}},
    .test = mr_test_krb_user_to_user,
    .summary = "the service takes user-to-user tickets only",
    .cause = "The KDC {address} or the service asks for a user-to-user ticket for {spn|the "
             "service} ({krb}): the account that it runs as has no registered service name.",
    .reference = "RFC 4120 3.7, 7.5.9",
    .remedies = {{.text = "Register the name for the account that the service runs as.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -S {spn} ACCOUNT",
                  .risk = "A name on the wrong account breaks Kerberos for that service.",
                  .undo = "setspn -D {spn} ACCOUNT",
                  .verify = "msrpc diagnose {host} --auth kerberos"}},
};
