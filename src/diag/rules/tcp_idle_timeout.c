/*
 * A connection that had been silent for a while is dead when it is used again: a device on the way
 * has forgotten it.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_idle_timeout = {
    .id = "TCP.IDLE_TIMEOUT",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_TCP_IDLE_LOST}, .where = {MR_WHERE(SECONDS, GE, 60)}}},
    .explains = {"RPC.RESET_IN_CALL", "RPC.SWALLOWED", "RPC.LARGE_LOST", "RPC.SILENT",
                 "EPM.SWALLOWED", "EPM.LOST", "TCP.DATA_SWALLOWED"},
    .summary = "an idle connection was forgotten on the way",
    .cause = "The connection to port {port} of {address} was silent for {seconds}; what the "
             "client sent then was not accepted any more. A firewall, a NAT or a load balancer "
             "forgets idle connections after that time, and tells nobody.",
    .reference = "RFC 5382 5, RFC 9293 3.8.4",
    .remedies = {{.text = "On the device, raise the idle timeout of TCP connections to {address}: "
                          "two hours and four minutes is what hosts may expect.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc ping {host} --count 3"},
                 {.text = "Or let the client keep its connections alive every five minutes.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters "
                             "/v KeepAliveTime /t REG_DWORD /d 300000 /f",
                  .risk = "Holds for every TCP connection of the machine, after a restart.",
                  .undo = "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters "
                          "/v KeepAliveTime /f"},
                 {.text = "RPC over HTTP has a setting of its own.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add \"HKLM\\Software\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                             "/v MinimumConnectionTimeout /t REG_DWORD /d 120 /f",
                  .risk = "Clients send more packets while they are idle.",
                  .undo = "reg delete \"HKLM\\Software\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                          "/v MinimumConnectionTimeout /f"}},
};
