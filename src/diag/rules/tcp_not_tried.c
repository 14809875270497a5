/*
 * The name was found, several times, and no connection followed. Look-ups are often not followed by
 * a connection, so that this is a remark; where an application failed, it points at the client
 * itself.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_not_tried = {
    .id = "TCP.NOT_TRIED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .win32 = 1721,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_TCP_NOT_TRIED}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED,
                        MR_FACT_TCP_UNREACHABLE}},
               {.any = {MR_FACT_LOCAL_NO_NEIGHBOUR}}},
    .summary = "the name was found, and no connection followed",
    .cause = "{name} was resolved to {address}, and {from|this client} did not connect to it. If "
             "an application failed at that moment, the client stopped it: no free port, a "
             "firewall of its own, or RPC without a protocol to use.",
    .reference = "KB2102154",
    .remedies = {{.text = "See whether ports are used up.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -ano -p tcp"},
                 {.text = "See whether RPC still has its protocols (ncacn_ip_tcp, ncacn_np).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\Software\\Microsoft\\Rpc\\ClientProtocols"}},
};
