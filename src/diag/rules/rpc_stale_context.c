/*
 * The client uses a context handle that the server does not know (any more).
 */
#include "rules.h"

const mr_rule mr_rule_rpc_stale_context = {
    .id = "RPC.STALE_CONTEXT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 6,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT}, .where = {MR_WHERE(STATUS, EQ, 0x1c00001a)}}},
    .summary = "the context handle is not known to the server",
    .cause = "{interface} on port {port} of {address} does not know the context handle of the "
             "call (nca_s_fault_context_mismatch): the service restarted since it gave the "
             "handle, has closed it, or the handle belongs to another connection.",
    .reference = "C706 5.1.6, appendix E; MS-RPCE 3.3.3.4.2",
    .remedies = {{.text = "Let the program open the handle anew; one that does not by itself has "
                          "to be restarted.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "Look for an end or a crash of the service at that time.",
                  SEE_ENDS_OF_SERVICES,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
