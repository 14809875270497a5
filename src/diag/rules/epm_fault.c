/*
 * The mapper answers with a fault that no other rule knows.
 */
#include "rules.h"

#define NCA_SERVER_TOO_BUSY 0x1c010014u

bool mr_test_epm_fault(const mr_fact *fact) {
    return fact->status != 5 && fact->status != NCA_SERVER_TOO_BUSY;
}

const mr_rule mr_rule_epm_fault = {
    .id = "EPM.FAULT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32_status = true,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_FAULT}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_EPM_ADMITTED}}},
    .test = mr_test_epm_fault,
    .explains = {"EPM.NOT_REGISTERED"},
    .summary = "the endpoint mapper answers with a fault",
    .cause = "The endpoint mapper of {address} answers with fault {status}. It is alive but cannot "
             "serve the lookup: out of resources, or a version that does not know it.",
    .reference = "C706 appendix E, appendix O",
    .remedies = {{.text = "See what the number means, then look at the host's RPC services.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc explain {status}",
                  .verify = "msrpc map {host}"}},
};
