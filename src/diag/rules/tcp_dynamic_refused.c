/*
 * The mapper names a port where nothing listens any more: a stale registration.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_dynamic_refused = {
    .id = "TCP.DYNAMIC_REFUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_TCP_OPEN},
             .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)},
             .same = MR_F(ADDRESS)},
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_REFUSED},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT),
                           MR_WHERE(WHOSE, NE, MR_WHOSE_ICMP)}},
                {.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "a registered port where nothing listens",
    .cause = "The endpoint mapper says that {1.interface} listens on {port} of {address}, but the "
             "host refuses {#port:that port|those ports}. The service stopped or restarted without "
             "taking its registration back, or a firewall rejects with a reset.",
    .reference = "C706 appendix O; KB2089874",
    .remedies = {{.text = "Restart the service behind the interface; it registers again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Restart-Service -Name {1.service} -Force",
                  .risk = "Interrupts the users of {1.service} and stops services that depend on "
                          "it.",
                  .undo = "Start-Service -Name {1.service}",
                  .verify = "msrpc map {host} --interface {1.interface} --probe"},
                 {.text = "At the host, see whether anything listens on {port}.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -ano -p tcp",
                  .verify = "msrpc map {host} --interface {1.interface} --probe"}},
    .next = {.command = "msrpc map {host} --interface {1.interface} --probe",
             .branches = {{"the same port, NOT LISTENING", "the registration is stale: restart the "
                                                           "service"},
                          {"another port, LISTENING", "the service had just restarted: it works "
                                                      "now"}}},
};
