/*
 * The server refuses the authentication level of an authenticated call.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_auth_level = {
    .id = "RPC.AUTH_LEVEL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1821,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_FAULT},
                 .where = {MR_WHERE(STATUS, EQ, 0x1c00001d), MR_WHERE(AUTH, GE, 2)}}},
    .summary = "the server wants a higher authentication level",
    .cause = "{interface} on port {port} of {address} refuses authentication level {auth}.",
    .reference = "C706 appendix E; MS-RPCE 2.2.1.1.8",
    .remedies = {{.text = "Call with packet privacy.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --interface {interface}"}},
};
