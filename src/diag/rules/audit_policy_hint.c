/*
 * One call of samr wants no handle and tells the least length of a password.
 */
#include "rules.h"

const mr_rule mr_rule_audit_policy_hint = {
    .id = "AUDIT.POLICY_HINT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_HINT}}},
    .summary = "the least password length is told to strangers",
    .cause = "{interface} at {address}:{port} answers SamrGetDomainPasswordInformation, which "
             "needs no handle and no logon: the least length of passwords, and whether they must "
             "be complex.",
    .reference = "MS-SAMR 3.1.5.13.3",
    .remedies = {LET_MEMBERS_ONLY_REACH_THE_PORT},
};
