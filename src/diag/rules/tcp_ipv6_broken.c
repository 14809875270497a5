/*
 * The host answers over IPv4 and not over IPv6.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_ipv6_broken = {
    .id = "TCP.IPV6_BROKEN",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_HOST_DOWN}, .where = {MR_WHERE(FAMILY, EQ, 6)}},
                {.any = {MR_FACT_HOST_UP}, .where = {MR_WHERE(FAMILY, EQ, 4)}}},
    .forbid = {{.any = {MR_FACT_HOST_UP}, .where = {MR_WHERE(FAMILY, EQ, 6)}},
               {.any = {MR_FACT_LOCAL_NO_ROUTE, MR_FACT_LOCAL_NO_SOURCE}, .same = MR_F(ADDRESS)}},
    .explains = {FINDINGS_OF_A_DEAD_ADDRESS, "NAME.ADDRESS_DEAD"},
    .summary = "IPv6 does not reach the host, IPv4 does",
    .cause = "{address} does not answer, {1.address} does. Clients prefer IPv6 and lose time, or "
             "fail, before they try IPv4.",
    .reference = "RFC 6724, RFC 8305",
    .remedies = {{.text = "Repair the IPv6 route, or open the firewall for IPv6 as it is for IPv4.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_SH,
                  .command = "tracepath -6 {address}",
                  .verify = "msrpc diagnose {host} -6"},
                 {.text = "If the host shall not be reached by IPv6, remove its AAAA record.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {host} -Type AAAA",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
