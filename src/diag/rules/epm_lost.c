/*
 * The mapper accepted the bind and the connection ended while it was asked.
 */
#include "rules.h"

const mr_rule mr_rule_epm_lost = {
    .id = "EPM.LOST",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_RESET, MR_FACT_EPM_CLOSED},
                 .where = {MR_WHERE(WHEN, IN,
                                    MR_BIT(MR_WHEN_AFTER_REQUEST) |
                                        MR_BIT(MR_WHEN_MID_RESPONSE))}}},
    .summary = "the connection to the endpoint mapper breaks during the lookup",
    .cause = "{address} accepted the bind, and the connection on port {port} ended before the "
             "answer was complete. A firewall that reads RPC cut it, or the RPC service failed.",
    .reference = "C706 appendix O",
    .remedies = {{.text = "Look for a crash of the RPC service at that time.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='System';Id=7031,7034} "
                             "-MaxEvents 20",
                  .verify = "msrpc map {host}"},
                 {.text = "Look in the firewall's log for this connection.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE}},
};
