/*
 * A router, or a neighbour, looked for the host on its own link and nobody answered.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_arp_silent = {
    .id = "TCP.ARP_SILENT",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_ARP_SILENT}, .where = {MR_WHERE(TRIES, GE, 2)}},
                {.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .explains = {"TCP.HOST_SILENT", "TCP.HOST_UNREACHABLE", "TCP.LOST_THERE",
                 "TCP.NEVER_ANSWERED"},
    .summary = "nobody has the address on its own network",
    .cause = "{sender} asked {tries} times who has {address}, and no machine of that network "
             "answered (ARP or neighbour discovery). The host is off, unplugged, in another VLAN, "
             "or has another address; no firewall rule looks like this.",
    .reference = "RFC 826, RFC 4861 7.2",
    .remedies = {{.text = "See at the host's console that it runs, is plugged in and has this "
                          "address and netmask.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all",
                  .verify = "msrpc diagnose {host} --phase 1,2"},
                 {.text = "Compare what every DNS server says about the name: the address may be "
                          "stale.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {host}"}},
};
