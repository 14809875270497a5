/*
 * A logon was asked for and not made, since the account was refused before: what was seen of the
 * host is anonymous, and says nothing about the account.
 */
#include "rules.h"

const mr_rule mr_rule_auth_not_tried = {
    .id = "AUTH.NOT_TRIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS) | MR_F(USER),
    .require = {{.any = {MR_FACT_AUTH_NOT_TRIED}}},
    .summary = "the logon was not made",
    .cause = "{user|The account} was refused before, at another target or by another try, and is "
             "not shown to {address} again, so that it is not locked out: whether it may log on "
             "here is not known. Whatever else is told of the host was asked anonymously.",
    .reference = "MS-SAMR 3.1.5.14.1",
    .remedies = {{.text = "Mend the refused logon first, then ask this host alone.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host}"}},
};
