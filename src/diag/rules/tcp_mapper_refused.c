/*
 * The mapper's port answers with a reset: nothing listens there, or a firewall rejects in the
 * host's name.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_mapper_refused = {
    .id = "TCP.MAPPER_REFUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_REFUSED},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_MAPPER),
                           MR_WHERE(WHOSE, NE, MR_WHOSE_ICMP)}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "nothing listens on the endpoint mapper's port",
    .cause = "{address} refuses port {port} at once. Its RPC service has not started, it is not a "
             "Windows host (or not the right one), or a firewall answers with a reset in its name.",
    .reference = "RFC 9293 3.5.2; KB2102154",
    .remedies = {{.text = "On the host, see that the RPC services run; they cannot be stopped by "
                          "hand, so a stopped one means a failed start or a disabled service.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service RpcSs,RpcEptMapper,DcomLaunch",
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "See at the host what listens there.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -ano -p tcp"}},
    .next = {.command = "msrpc port {address} --ports 22,{port},445,3389,5985",
             .branches = {{"445, 3389 or 5985 LISTENING", "a Windows host: its RPC service or a "
                                                          "firewall is at fault"},
                          {"22 LISTENING and 445 not", "probably not a Windows host: check the "
                                                       "name"},
                          {"all NOT LISTENING", "probably the wrong host, or a firewall that "
                                                "rejects everything"}}},
};
