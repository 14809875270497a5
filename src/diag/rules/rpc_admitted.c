/*
 * What refuses strangers admits the account that was given.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_admitted = {
    .id = "RPC.ADMITTED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RPC_ADMITTED}},
                {.any = {MR_FACT_RPC_FAULT, MR_FACT_RPC_NAK, MR_FACT_RPC_CONTEXT_REJECTED},
                 .same = MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE)}},
    .summary = "what refuses strangers admits the account",
    .cause = "{interface} on {address} {#interface:refuses|refuse} strangers and "
             "{#interface:admits|admit} {user} (authentication level {auth}).",
    .reference = "C706 appendix E",
};
