/*
 * The host's clock and ours are further apart than Kerberos allows. Clients that follow the KDC's
 * clock still log on; others do not.
 */
#include "rules.h"

const mr_rule mr_rule_clock_differs = {
    .id = "CLOCK.DIFFERS",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1398,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_CLOCK_DIFFERS}}},
    .summary = "clocks differ by more than Kerberos allows",
    .cause = "The clock of {address} and that of this machine differ by {seconds} (this machine "
             "is {clock}). Kerberos allows 300: logons with it fail, or depend on the client's "
             "following the other clock.",
    .reference = "MS-NLMP 2.2.2.1; RFC 4120 1.6, 3.2.3",
    .remedies = {{.text = "See which of the two clocks is wrong.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /stripchart /computer:{address} /samples:3 /dataonly",
                  .verify = "msrpc diagnose {host} --only AUTH.CHALLENGE"},
                 {.text = "Let the one that is wrong be set by the domain.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /resync /rediscover"}},
};
