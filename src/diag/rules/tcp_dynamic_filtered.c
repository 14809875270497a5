/*
 * Some dynamic ports are silent while others answer: a rule that covers part of the range.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_dynamic_filtered = {
    .id = "TCP.DYNAMIC_FILTERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_SILENT}, .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)}},
                {.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(PORT)},
                {.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_REFUSED},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)},
                 .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_REFUSED},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "a dynamic RPC port is blocked",
    .cause = "A firewall {way|between the client and the host} drops {#port:port|ports} {port} "
             "({1.interface}); the host answers on the {#2.port:port|ports} beside "
             "{#port:it|them}: {2.port}.",
    .reference = "KB832017, KB154596",
    .remedies = {{.text = "On the firewall, allow TCP 49152-65535 to {address}, or at least "
                          "{port}; dynamic ports change when the service restarts.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "On a domain controller, pin the directory service to one port, restart "
                          "it and open that port.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters "
                             "/v \"TCP/IP Port\" /t REG_DWORD /d 38901 /f",
                  .risk = "Takes effect after a restart; the port must be free and open on every "
                          "firewall.",
                  .undo = "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters "
                          "/v \"TCP/IP Port\" /f",
                  .verify = "msrpc map {host} --interface drsuapi --probe"}},
    .next = {.command = "msrpc port {address} --ports {port},{2.port}",
             .branches = {{"{port} FILTERED again", "a firewall rule: compare its port list"},
                          {"{port} LISTENING", "it was a passing loss: run the diagnosis again"}}},
};
