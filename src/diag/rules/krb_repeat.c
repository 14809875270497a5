/*
 * The same authenticator came twice.
 */
#include "rules.h"

const mr_rule mr_rule_krb_repeat = {
    .id = "KRB.REPEAT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 34)}}},
    .summary = "a Kerberos request counts as a replay",
    .cause = "{address} saw the same authenticator of {user|the client} before ({krb}): a device "
             "delivers packets twice, several services share one replay cache, or somebody "
             "replays what he recorded.",
    .reference = "RFC 4120 3.2.3, 7.5.9",
    .remedies = {{.text = "Look for packets that come twice (mirroring, a loop, a load balancer) "
                          "in a capture at the server.",
                  .run_on = MR_PLACE_NETWORK}},
};
