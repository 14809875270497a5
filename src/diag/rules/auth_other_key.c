/*
 * One service of a host cannot open the ticket that others of the same host took: it runs under an
 * account of its own, with a name of its own.
 */
#include "rules.h"

const mr_rule mr_rule_auth_other_key = {
    .id = "AUTH.OTHER_KEY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1396,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_AUTH_OTHER_KEY}}},
    /* who rejects strangers in the same way says nothing about a ticket */
    .forbid = {{.any = {MR_FACT_RPC_NAK}, .where = {MR_WHERE(AUTH, LT, 2)},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "a service runs under another account than the host",
    .cause = "The service on port {port} of {address} ({interface}) cannot open the ticket for "
             "{spn|the host}, by which {user} is known elsewhere on the same host: it runs under "
             "an account of its own, and its clients need a ticket for that one's name.",
    .reference = "RFC 4120 3.2.3, 7.5.9; MS-KILE 3.2.5.8",
    .remedies = {{.text = "Find the names of the account that the service runs as, and name one "
                          "of them (--spn).",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q */{host}",
                  .verify = "msrpc diagnose {host} -u {user} --interface {interface} "
                            "--spn SERVICE/{host}"}},
};
