/*
 * Which domains are trusted is told without a logon.
 */
#include "rules.h"

const mr_rule mr_rule_audit_trusts_leak = {
    .id = "AUDIT.TRUSTS_LEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_TRUSTS}}},
    .summary = "trusts of the domain are told to strangers",
    .cause = "{interface} at {address}:{port} lists without a logon which domains belong together "
             "or are trusted.",
    .reference = "MS-NRPC 3.5.4.7.1; MS-LSAD 3.1.4.7.9",
    .remedies = {LET_MEMBERS_ONLY_REACH_THE_PORT},
};
