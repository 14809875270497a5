/*
 * The name has several addresses; one of them is dead while another answers.
 */
#include "rules.h"

const mr_rule mr_rule_name_address_dead = {
    .id = "NAME.ADDRESS_DEAD",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_HOST_DOWN}},
                {.any = {MR_FACT_NAME_RESOLVED}, .same = MR_F(ADDRESS)},
                {.any = {MR_FACT_HOST_UP}}},
    .forbid = {{.any = {MR_FACT_LOCAL_NO_ROUTE, MR_FACT_LOCAL_NO_SOURCE}, .same = MR_F(ADDRESS)}},
    .explains = {FINDINGS_OF_A_DEAD_ADDRESS, "NAME.STALE_ADDRESS"},
    .summary = "one of the host's addresses does not answer",
    .cause = "{1.name} resolves to several addresses: {address} does not answer, {2.address} does. "
             "Clients that try the dead one first lose up to 21 seconds or give up.",
    .reference = "RFC 1123 2.3",
    .remedies = {{.text = "Remove the record of an address that the host no longer has.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {1.name}",
                  .verify = "msrpc diagnose {host}"},
                 {.text = "If the address belongs to an interface that clients cannot reach, keep "
                          "that interface from registering itself: put its alias here.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Set-DnsClient -InterfaceAlias \"Ethernet 2\" "
                             "-RegisterThisConnectionsAddress $false",
                  .risk = "The interface's addresses leave DNS at the next registration.",
                  .undo = "Set-DnsClient -InterfaceAlias \"Ethernet 2\" "
                          "-RegisterThisConnectionsAddress $true",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
