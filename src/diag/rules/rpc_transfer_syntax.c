/*
 * Client and server share no transfer syntax. Producers state this only when every syntax offered
 * for the interface was rejected.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_transfer_syntax = {
    .id = "RPC.TRANSFER_SYNTAX",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1730,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_CONTEXT_REJECTED},
                 .where = {MR_WHERE(RESULT, EQ, 2), MR_WHERE(REASON, EQ, 2)}}},
    .forbid = {{.any = {MR_FACT_RPC_BOUND},
                .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .summary = "no common transfer syntax",
    .cause = "Port {port} of {address} knows {interface}, but none of the transfer syntaxes that "
             "were offered. Every Windows server speaks NDR; this one was built for NDR64 alone, "
             "or a device rewrites the bind.",
    .reference = "C706 12.6.3.1; MS-RPCE 2.2.4.12, 2.2.5",
    .remedies = {{.text = "Compare the bind as sent with the bind as received, in a capture taken "
                          "at both ends.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh trace start capture=yes tracefile=C:\\rpc.etl",
                  .risk = "Writes all traffic of the host to disk until it is stopped.",
                  .undo = "netsh trace stop",
                  .verify = "msrpc ping {host} --interface {interface}"}},
};
