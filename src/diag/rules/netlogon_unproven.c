/*
 * Netlogon's secure channel is mutual: who does not know the machine's password is no controller of
 * its domain.
 */
#include "rules.h"

const mr_rule mr_rule_netlogon_unproven = {
    .id = "NETLOGON.UNPROVEN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1789,
    .per = MR_F(ADDRESS) | MR_F(USER),
    .require = {{.any = {MR_FACT_NETLOGON_UNPROVEN}}},
    .summary = "who answers is no controller of that domain",
    .cause = "{address} answers on port {port} as a domain controller and takes the secure channel "
             "of {user}, but does not prove that it knows the account's password. It is no "
             "controller of that domain, or somebody on the way answers in its place.",
    .reference = "MS-NRPC 3.1.4.1",
    .remedies = {{.text = "See which controllers the domain has, and whether this address is one.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {host}"}},
};
