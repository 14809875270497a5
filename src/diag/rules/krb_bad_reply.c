/*
 * The KDC answers, and what came is not what the realm's KDC would say to this user.
 */
#include "rules.h"

const mr_rule mr_rule_krb_bad_reply = {
    .id = "KRB.BAD_REPLY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1311,
    .per = MR_F(ADDRESS) | MR_F(EXCHANGE),
    .require = {{.any = {MR_FACT_KRB_BAD_REPLY}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(ADDRESS) | MR_F(USER)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the KDC's reply cannot be used",
    .cause = "The reply of the KDC {address} to the {exchange} request of {user|the client} is of "
             "no use: {other}. A device on the way changes it, another program pretends to be the "
             "KDC, or, where the realm asks for no preauthentication, the password is wrong.",
    .reference = "RFC 4120 3.1.5, 3.3.4",
    .remedies = {{.text = "Ask another KDC of the realm: if it answers well, this one or the way "
                          "to it is at fault.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name --dsgetdc {domain}"},
                 {.text = "Capture port 88 at both ends and compare what was sent with what "
                          "arrived.",
                  .run_on = MR_PLACE_NETWORK}},
};
