/*
 * The mapper refuses the bind itself.
 */
#include "rules.h"

const mr_rule mr_rule_epm_nak = {
    .id = "EPM.NAK",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_NAK}}},
    .forbid = {{.any = {MR_FACT_EPM_BOUND}, .same = MR_F(ADDRESS)}},
    .summary = "the endpoint mapper rejects the bind",
    .cause = "The endpoint mapper of {address} rejects the bind (reason {reason}: 1 and 2 mean "
             "busy, 4 a protocol version, 8 and 9 authentication).",
    .reference = "C706 12.6.3.1; MS-RPCE 2.2.2.5",
    .remedies = {{.text = "Reason 1 or 2: wait and try again; where it stays, look at the load and "
                          "the handles of the RPC services.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Process svchost | Sort-Object Handles -Descending | "
                             "Select-Object -First 10",
                  .verify = "msrpc map {host}"}},
};
