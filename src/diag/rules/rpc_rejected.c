/*
 * The server rejects the call before its code is entered, or without a reason.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_rejected = {
    .id = "RPC.REJECTED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT},
                 .where = {MR_WHERE(STATUS, GE, 0x1c000009), MR_WHERE(STATUS, LT, 0x1c00000d)}}},
    .summary = "the server rejects the call unheard",
    .cause = "{interface} on port {port} of {address} rejects the call with {status} without "
             "having executed it: the runtime could not tell who calls (datagram RPC), or "
             "rejects without a reason.",
    .reference = "C706 appendix E; MS-RPCE 3.1.1.5.5",
    .remedies = {{.text = "Use TCP instead of UDP for RPC; datagram RPC has been out of use "
                          "since Windows Server 2003.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "Look for an end or a crash of the service at that time.",
                  SEE_ENDS_OF_SERVICES,
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
