/*
 * The mapper's port is silent while the host answers elsewhere: a firewall drops it.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_mapper_filtered = {
    .id = "TCP.MAPPER_FILTERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS)},
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_SILENT}, .where = {MR_WHERE(ROLE, EQ, MR_ROLE_MAPPER)}},
                {.any = {MR_FACT_HOST_UP}, .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_REFUSED},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "the endpoint mapper's port is blocked",
    .cause = "A firewall {way|between the client and the host} drops port {port}: {tries} tries "
             "got no answer, while the host answers elsewhere "
             "({#1.port:port |}{1.port|not over TCP}).",
    .reference = "KB832017; KB2102154",
    .remedies = {{.text = "On the firewall between, allow TCP {port} to {address}, and the dynamic "
                          "RPC ports 49152-65535 as well.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "If it is the host's own firewall, open the mapper for this client.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh advfirewall firewall add rule name=\"RPC endpoint mapper in\" "
                             "dir=in action=allow protocol=tcp localport=rpc-epmap "
                             "remoteip={from|any}",
                  .risk = "The named clients can list the RPC endpoints of the host.",
                  .undo = "netsh advfirewall firewall delete rule name=\"RPC endpoint mapper in\"",
                  .verify = "msrpc port {address} --ports {port}"}},
};
