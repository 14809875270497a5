/*
 * This machine has used up its own ports for outgoing connections.
 */
#include "rules.h"

const mr_rule mr_rule_local_no_ports = {
    .id = "LOCAL.NO_PORTS",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1721,
    .require = {{.any = {MR_FACT_LOCAL_NO_PORTS}}},
    .summary = "this machine has no free ports for outgoing connections",
    .cause = "Every local port for outgoing connections is in use or waits in TIME_WAIT. This says "
             "nothing about {host}.",
    .reference = "ip(7), ip_local_port_range; KB929851 for Windows",
    .remedies = {{.text = "Look at what holds the ports.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ss -tanp"},
                 {.text = "On Windows, see the range and widen it if it is too small.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh int ipv4 set dynamicport tcp start=32768 num=32768",
                  .risk = "Ports from 32768 on may then be taken before a service that wants one "
                          "of them starts.",
                  .undo = "netsh int ipv4 set dynamicport tcp start=49152 num=16384",
                  .verify = "msrpc diagnose {host}"}},
};
