/*
 * A ticket is shown after its end, and no new one was got.
 */
#include "rules.h"

const mr_rule mr_rule_krb_ticket_expired = {
    .id = "KRB.TICKET_EXPIRED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1398,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 32)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the Kerberos ticket has expired",
    .cause = "{address} refuses a ticket for {spn|the service} whose time is over ({krb}), and "
             "the client got no new one: its ticket-granting ticket ended too, or a clock runs "
             "wrong.",
    .reference = "RFC 4120 3.2.3, 7.5.9",
    .remedies = {{.text = "Drop the old tickets and log on anew.",
                  PURGE_TICKETS, .verify = "msrpc diagnose {host} --auth kerberos"},
                 {.text = "Compare the clocks.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /stripchart /computer:{address} /samples:3 /dataonly"}},
};
