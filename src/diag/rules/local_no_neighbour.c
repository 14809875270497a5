/*
 * The address is on this machine's own network and nobody claims it: no answer to ARP or neighbour
 * discovery. A firewall cannot cause this.
 */
#include "rules.h"

const mr_rule mr_rule_local_no_neighbour = {
    .id = "LOCAL.NO_NEIGHBOUR",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_LOCAL_NO_NEIGHBOUR}}},
    .explains = {"TCP.HOST_SILENT", "TCP.HOST_UNREACHABLE"},
    .summary = "no machine on this network has the address",
    .cause = "{address} belongs to a network that this machine is attached to, and no machine "
             "there answers for it (ARP or neighbour discovery). The host is down, in another "
             "VLAN, or a netmask is wrong; a firewall rule does not look like this.",
    .reference = "RFC 826, RFC 4861 7.2",
    .remedies = {{.text = "Start the host or plug it in; then compare addresses and netmasks.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ip neigh show {address}",
                  .verify = "msrpc diagnose {host} --phase 1,2"}},
};
