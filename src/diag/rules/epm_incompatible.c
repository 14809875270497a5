/*
 * The mapper does not understand the question: client and host speak different versions.
 */
#include "rules.h"

#define WIN32_BAD_STUB_DATA 1783u
#define NCA_OP_RNG_ERROR 0x1c010002u

bool mr_test_epm_incompatible(const mr_fact *fact) {
    return fact->status == WIN32_BAD_STUB_DATA || fact->status == NCA_OP_RNG_ERROR;
}

const mr_rule mr_rule_epm_incompatible = {
    .id = "EPM.INCOMPATIBLE",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32_status = true,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_FAULT}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)}},
    .test = mr_test_epm_incompatible,
    .explains = {"EPM.FAULT", "EPM.NOT_REGISTERED"},
    .summary = "the endpoint mapper does not understand the client",
    .cause = "The endpoint mapper of {address} answers with fault {status}: it cannot read the "
             "request, or does not know the operation. Client and host differ in "
             "what they expect of a tower or of the transfer syntax (an old system, another "
             "implementation, a device that rewrites the request).",
    .reference = "C706 appendix E, appendix O; MS-RPCE 2.2.1.2",
    .remedies = {{.text = "Ask the mapper in plain NDR; if that works, the client's way of asking "
                          "is the reason: bring client or host up to date.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {address}",
                  .verify = "msrpc map {host}"}},
};
