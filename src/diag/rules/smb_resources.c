/*
 * The server lacks memory or another means to go on.
 */
#include "rules.h"

#include "smb.h"

bool mr_test_smb_resources(const mr_fact *fact) {
    return smb_is_resources(fact->ntstatus);
}

const mr_rule mr_rule_smb_resources = {
    .id = "SMB.RESOURCES",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1450,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(NTSTATUS),
    .require = {{.any = {MR_FACT_SMB_REFUSED}}},
    .test = mr_test_smb_resources,
    .summary = "the server is out of resources",
    .cause = "{address} refuses with {ntstatus}: it lacks memory (non-paged pool), handles, or "
             "work items for SMB.",
    .reference = "MS-ERREF 2.3.1",
    .remedies = {{.text = "See who holds sessions and files open.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbOpenFile | Group-Object ClientComputerName -NoElement | "
                             "Sort-Object Count -Descending"},
                 {.text = "See how much memory and non-paged pool is left.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Counter '\\Memory\\Available MBytes', '\\Memory\\Pool Nonpaged "
                             "Bytes'"}},
};
