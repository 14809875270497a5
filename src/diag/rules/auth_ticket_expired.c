/*
 * The ticket at hand is over, and no clock that was seen says that this machine's is to blame.
 */
#include "rules.h"

const mr_rule mr_rule_auth_ticket_expired = {
    .id = "AUTH.TICKET_EXPIRED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1312,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_AUTH_LOCAL}, .where = {MR_WHERE(CLOCK, EQ, MR_CLOCK_AHEAD)}}},
    .forbid = {{.any = {MR_FACT_CLOCK_DIFFERS}, .same = MR_F(CLOCK)}},
    .explains = {"AUTH.LOCAL"},
    .summary = "the ticket has expired",
    .cause = "The time of the ticket of {user|the user} is over ({other}): the logon fails here, "
             "before any server judged it. Tickets last some hours, and renewing them has an end "
             "too.",
    .reference = "RFC 4120 1.6, 3.2.3",
    .remedies = {{.text = "Get a new ticket, in the cache that held the old one.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "kinit {user}"},
                 {.text = "See which tickets there are, and until when.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "klist -e"},
                 {.text = "On Windows, drop the old tickets: with the next logon there are new "
                          "ones.",
                  PURGE_TICKETS, .verify = "msrpc diagnose {host} --auth kerberos"}},
};
