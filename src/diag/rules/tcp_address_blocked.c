/*
 * The mapper answers on one address of the host and not on another, which is alive.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_address_blocked = {
    .id = "TCP.ADDRESS_BLOCKED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED, MR_FACT_TCP_UNREACHABLE},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_MAPPER)}},
                {.any = {MR_FACT_TCP_OPEN},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_MAPPER)},
                 .differs = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)},
               {.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .explains = {"TCP.MAPPER_FILTERED", "TCP.MAPPER_REFUSED", "TCP.REJECTED",
                 "TCP.ADMIN_PROHIBITED"},
    .summary = "the endpoint mapper answers on one address only",
    .cause = "Port {port} of {address} does not let {from|this machine} in, {1.address} of the "
             "same host does. Clients that try the former first lose time or give up.",
    .reference = "RFC 8305; KB832017",
    .remedies = {{.text = "Open the firewall for {address} as it is open for {1.address}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"}},
};
