/*
 * The mapper answers and none of the dynamic ports it names does: the range is blocked. The classic
 * of RPC through a firewall.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_range_filtered = {
    .id = "TCP.RANGE_FILTERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_TCP_SILENT},
             .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)},
             .same = MR_F(ADDRESS),
             .at_least = 2},
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_SILENT}, .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)}},
                {.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(PORT)},
                {.any = {MR_FACT_HOST_UP}, .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_REFUSED},
                .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)},
                .same = MR_F(ADDRESS)}},
    .summary = "the dynamic RPC ports are blocked",
    .cause = "A firewall {way|between the client and the host} drops the dynamic RPC ports: "
             "the host answers ({#2.port:port|ports} {2.port|echo}), but {port} "
             "{#port:is|are} silent ({1.interface}).",
    .reference = "KB832017, KB154596",
    .remedies = {{.text = "On the firewall, allow TCP 49152-65535 to {address}; a firewall that "
                          "follows RPC by itself needs port 135 only.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "Let the host use a smaller range, and open that. Restart it "
                          "afterwards.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh int ipv4 set dynamicport tcp start=50000 num=1000",
                  .risk = "The range also serves outgoing connections: a busy server runs out of "
                          "1000 ports.",
                  .undo = "netsh int ipv4 set dynamicport tcp start=49152 num=16384",
                  .verify = "msrpc map {host} --probe"},
                 {.text = "If it is the host's own firewall, open the RPC ports for this client.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh advfirewall firewall add rule name=\"RPC dynamic ports in\" "
                             "dir=in action=allow protocol=tcp localport=rpc remoteip={from|any}",
                  .risk = "The named clients reach every RPC service of the host.",
                  .undo = "netsh advfirewall firewall delete rule name=\"RPC dynamic ports in\"",
                  .verify = "msrpc port {address} --ports {port}"}},
};
