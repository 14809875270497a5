/*
 * A server that the zone names as its own does not hold it (RFC 1912 2.8).
 */
#include "rules.h"

const mr_rule mr_rule_name_zone_lame = {
    .id = "NAME.ZONE_LAME",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(SERVER),
    .require = {{.any = {MR_FACT_NAME_ZONE_LAME}}},
    .summary = "a name server of the zone does not hold it",
    .cause = "The zone {name} names {other} ({server}) as a name server of its own, but that "
             "server does not answer for the zone with authority: a lame delegation. A share of "
             "all questions ends there.",
    .reference = "RFC 1912 2.8",
    .remedies = {{.text = "Remove the NS record of a server that no longer serves the zone, or let "
                          "it serve the zone again.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerResourceRecord -ZoneName {name} -RRType NS",
                  .verify = "msrpc name {host} --authoritative"}},
};
