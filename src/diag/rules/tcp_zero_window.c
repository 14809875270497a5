/*
 * A receiver that keeps its window closed: the program there does not read.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_zero_window = {
    .id = "TCP.ZERO_WINDOW",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TCP_ZERO_WINDOW}, .where = {MR_WHERE(MS, GE, 10000)}}},
    .summary = "a program does not read what it is sent",
    .cause = "On the connection to port {port} of {address}, {sender|one side} kept its receive "
             "window closed for {ms} ms: its TCP works, the program behind it does not read. It "
             "hangs, waits for something else, or the machine is overloaded.",
    .reference = "RFC 9293 3.8.6.1",
    .remedies = {{.text = "Look at the machine that closed its window: load, memory, and the state "
                          "of the service that owns the port.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "typeperf \"\\System\\Processor Queue Length\" "
                             "\"\\Memory\\Available MBytes\" -sc 5",
                  .verify = "msrpc ping {host}"}},
};
