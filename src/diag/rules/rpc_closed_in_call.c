/*
 * The server ends the connection in good order in the middle of a call.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_closed_in_call = {
    .id = "RPC.CLOSED_IN_CALL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CLOSED},
                 .where = {MR_WHERE(WHEN, IN, MR_BIT(MR_WHEN_AFTER_REQUEST) |
                                                  MR_BIT(MR_WHEN_MID_RESPONSE))}}},
    .summary = "the server hangs up during the call",
    .cause = "{interface} on port {port} of {address} was bound; the server closed the connection "
             "in good order before it had answered. Its process ended or refused the request; "
             "a firewall would rather have reset it.",
    .reference = "C706 12.6.4.9, RFC 9293 3.6",
    .remedies = {{.text = "Look for an end or a crash of the service at that time.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='System';Id=7031,7034,7036} "
                             "-MaxEvents 20",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
