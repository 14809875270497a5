/*
 * The service's port opens and is reset when the bind arrives.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_reset_on_bind = {
    .id = "RPC.RESET_ON_BIND",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_RESET},
                 .where = {MR_WHERE(WHEN, IN, MR_BIT(MR_WHEN_UNKNOWN) | MR_BIT(MR_WHEN_CONNECT) |
                                                  MR_BIT(MR_WHEN_AFTER_BIND))}}},
    .summary = "the service's connection is reset on bind",
    .cause = "Port {port} of {address} opens and is reset when {interface} is bound, before any "
             "call. A firewall that reads RPC forbids the interface, or the service failed at that "
             "moment.",
    .reference = "C706 12.6.4.3; KB899148",
    .remedies = {{.text = "Look in the firewall's log for a rule about this interface's UUID.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc ping {host} --interface {interface}"},
                 {.text = "Look for a crash of the service.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='System';Id=7031,7034} "
                             "-MaxEvents 20"}},
    .next = {.command = "msrpc ping {host} --interface mgmt",
             .branches = {{"answers", "the way is open: this interface is forbidden"},
                          {"reset too", "all RPC is cut: a firewall, or a failing process"}}},
};
