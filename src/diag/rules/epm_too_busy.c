/*
 * The mapper has no room for another client.
 */
#include "rules.h"

#define NCA_SERVER_TOO_BUSY 0x1c010014u

bool mr_test_epm_too_busy(const mr_fact *fact) {
    if (fact->kind == MR_FACT_EPM_NAK)
        return fact->reason == 1 || fact->reason == 2;
    return fact->status == NCA_SERVER_TOO_BUSY;
}

const mr_rule mr_rule_epm_too_busy = {
    .id = "EPM.TOO_BUSY",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_TOO_BUSY,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_NAK, MR_FACT_EPM_FAULT}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)}},
    .test = mr_test_epm_too_busy,
    .summary = "the endpoint mapper is too busy",
    .cause = "The endpoint mapper of {address} turns callers away: it has reached a limit of "
             "connections or threads.",
    .reference = "C706 12.6.3.1, appendix E",
    .remedies = {{.text = "Wait and try again; where it stays, see who holds connections to it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-NetTCPConnection -LocalPort {port} | Group-Object RemoteAddress "
                             "-NoElement | Sort-Object Count -Descending",
                  .verify = "msrpc map {host}"}},
};
