/*
 * A ticket is over, or not valid yet, by this machine's clock alone, which is wrong in that way.
 */
#include "rules.h"

bool mr_test_clock_tickets(const mr_fact *fact) {
    return fact->clock != MR_CLOCK_UNKNOWN;
}

const mr_rule mr_rule_clock_tickets = {
    .id = "CLOCK.TICKETS",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1398,
    .per = MR_F(USER),
    .require = {{.any = {MR_FACT_AUTH_LOCAL}},
                {.any = {MR_FACT_CLOCK_DIFFERS}, .same = MR_F(CLOCK)}},
    .test = mr_test_clock_tickets,
    .explains = {"AUTH.LOCAL", "CLOCK.DIFFERS"},
    .summary = "tickets are not valid by this machine's clock",
    .cause = "The clock of {1.address} and that of this machine differ by {1.seconds} (this "
             "machine is {1.clock}). By it the ticket of {user|the user} is out of its time "
             "({other}): the logon fails here, before any server judged it.",
    .reference = "RFC 4120 1.6, 3.2.3",
    .remedies = {{.text = "Let this machine's clock be set by the domain.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /resync /rediscover",
                  .verify = "msrpc diagnose {host} --only AUTH.CHALLENGE"},
                 {.text = "Without Windows, by its time service.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "chronyc makestep"}},
};
