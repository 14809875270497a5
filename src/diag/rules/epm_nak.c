/*
 * The mapper refuses the bind itself.
 */
#include "rules.h"

bool mr_test_epm_nak(const mr_fact *fact) {
    return fact->reason != 1 && fact->reason != 2;
}

const mr_rule mr_rule_epm_nak = {
    .id = "EPM.NAK",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_NAK}}},
    .forbid = {{.any = {MR_FACT_EPM_BOUND}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_EPM_ADMITTED}}},
    .test = mr_test_epm_nak,
    .summary = "the endpoint mapper rejects the bind",
    .cause = "The endpoint mapper of {address} rejects the bind (reason {reason}). Reason 0 stands "
             "for a policy of the host, 4 for a protocol version, 8 and 9 for authentication.",
    .reference = "C706 12.6.3.1; MS-RPCE 2.2.2.5",
    .remedies = {{.text = "Look for a policy or an RPC filter of the host that forbids it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh rpc filter show filter",
                  .verify = "msrpc map {host}"}},
};
