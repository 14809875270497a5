/*
 * A ticket is shown before it begins: the KDC's clock is ahead of the service's.
 */
#include "rules.h"

const mr_rule mr_rule_krb_ticket_early = {
    .id = "KRB.TICKET_EARLY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1398,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 33)}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the ticket is not valid yet: clocks differ",
    .cause = "For {address} the ticket for {spn|the service} begins in the future ({krb}): its "
             "clock is behind that of the KDC that gave the ticket.",
    .reference = "RFC 4120 3.2.3, 7.5.9",
    .remedies = {{.text = "Let the clock that is wrong be set by the domain.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /resync /rediscover"},
                 {.text = "Compare the clocks of the controllers.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /monitor"}},
};
