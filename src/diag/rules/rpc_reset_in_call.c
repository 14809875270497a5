/*
 * The connection is reset after the request left: the call may or may not have been carried out.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_reset_in_call = {
    .id = "RPC.RESET_IN_CALL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_RESET},
                 .where = {MR_WHERE(WHEN, IN, MR_BIT(MR_WHEN_AFTER_REQUEST) |
                                                  MR_BIT(MR_WHEN_MID_RESPONSE))}}},
    .summary = "the connection is reset during the call",
    .cause = "{interface} on port {port} of {address} was bound; the connection was reset after "
             "the request had left. The service's process died, or a firewall cut the connection.",
    .reference = "C706 12.6.4.9, RFC 9293 3.5.2",
    .remedies = {{.text = "Look for a crash of the service at that time.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='System';Id=7031,7034} "
                             "-MaxEvents 20",
                  .verify = "msrpc ping {host} --interface {interface}"},
                 {.text = "Look in the firewall's log for resets on this connection.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE}},
    .next = {.command = "msrpc ping {host} --interface {interface} --count 5",
             .branches = {{"always reset at the same step", "a firewall rule, or a call that "
                                                            "crashes the service"},
                          {"sometimes", "the service restarts: see the host's event log"}}},
};
