/*
 * Every dynamic port is refused: not so many services died at once, a firewall rejects the range.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_range_refused = {
    .id = "TCP.RANGE_REFUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_REFUSED},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT),
                           MR_WHERE(WHOSE, NE, MR_WHOSE_ICMP)},
                 .at_least = 3},
                {.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN},
                .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)},
                .same = MR_F(ADDRESS)}},
    .explains = {"TCP.DYNAMIC_REFUSED"},
    .summary = "every dynamic RPC port is refused",
    .cause = "{address} registered {port} and refuses all of them. So many services do not stop at "
             "once: a firewall rejects the range with resets, or the address that was reached is "
             "not the host that registered them (a load balancer, a cluster, NAT).",
    .reference = "KB832017, KB154596",
    .remedies = {{.text = "On the firewall or load balancer, let 135 and the dynamic ports "
                          "49152-65535 reach the same host.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc map {host} --probe"},
                 {.text = "At the host, see whether it listens on them.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -ano -p tcp"}},
};
