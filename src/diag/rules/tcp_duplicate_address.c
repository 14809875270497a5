/*
 * Two machines of one link have the same IP address. Addresses that clusters share on purpose are
 * known by their form.
 */
#include "rules.h"

#include <string.h>

/* VRRP and CARP (RFC 9568 7.3, for IPv4 and IPv6), HSRP 1 and 2, GLBP; then Windows network load
 * balancing: unicast, multicast, IGMP, and the bogus source addresses of its members. */
static bool is_virtual(const char *mac) {
    static const char *const prefixes[] = {
        "00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:05:73:a0:",
        "00:07:b4:",       "02:bf:",          "03:bf:",          "01:00:5e:",
    };
    for (size_t i = 0; i < MR_COUNT(prefixes); i++) {
        if (strncmp(mac, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    /* 02-01 to 02-20: a member's number in place of the octet 0xbf */
    return strncmp(mac, "02:0", 4) == 0 || strncmp(mac, "02:1", 4) == 0 ||
           strncmp(mac, "02:20:", 6) == 0;
}

bool mr_test_tcp_duplicate_address(const mr_fact *fact) {
    return !is_virtual(fact->name) && !is_virtual(fact->other);
}

const mr_rule mr_rule_tcp_duplicate_address = {
    .id = "TCP.DUPLICATE_ADDRESS",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_TWO_MACS}}},
    .test = mr_test_tcp_duplicate_address,
    .explains = {"TCP.MAPPER_REFUSED", "TCP.DYNAMIC_REFUSED", "TCP.ENDPOINT_REFUSED",
                 "TCP.FORGED_RESET", "TCP.SUSPECT_RESET", "RPC.RESET_IN_CALL", "EPM.RESET_ON_BIND",
                 "RPC.RESET_ON_BIND", "TCP.NO_AFFINITY"},
    .summary = "two machines have the same IP address",
    .cause = "By turns {name} and {other} say that they are {address}. Which of the two a packet "
             "reaches changes with every ARP cache, so that connections are refused or reset in "
             "the middle.",
    .reference = "RFC 5227 2.4",
    .remedies = {{.text = "Find both ports in the switches' address tables, and give one of the "
                          "machines another address.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_NONE},
                 {.text = "On another host of that network, see who answers.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "arping -c 5 {address}",
                  .verify = "msrpc diagnose {address}"}},
};
