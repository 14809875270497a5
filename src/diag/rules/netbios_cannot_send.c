/*
 * The question could not leave this machine, and nobody else knew the name.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_cannot_send = {
    .id = "NETBIOS.CANNOT_SEND",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NETBIOS_UNSENT}}},
    .forbid = {{.any = {MR_FACT_NETBIOS_RESOLVED, MR_FACT_NETBIOS_GROUP, MR_FACT_NETBIOS_NODE}}},
    .summary = "this machine cannot send NetBIOS questions there",
    .cause = "The system would not send to {address}: no route leads there, or a local firewall "
             "forbids it. NetBIOS over TCP speaks IPv4 only.",
    .reference = "RFC 1002 4.2",
    .remedies = {{.text = "Look which way the system would take.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ip route get {address}"}},
};
