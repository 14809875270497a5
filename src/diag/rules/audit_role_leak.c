/*
 * The role of the machine, its domain and forest are told without a logon.
 */
#include "rules.h"

const mr_rule mr_rule_audit_role_leak = {
    .id = "AUDIT.ROLE_LEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_ROLE}}},
    .summary = "role, domain and forest are told to strangers",
    .cause = "{interface} at {address} {#interface:tells|tell} without a logon what the machine "
             "is and which domain and forest it belongs to ({#port:port|ports} {port}). A domain "
             "controller tells as much to its clients by design (LDAP ping); any other machine "
             "need not.",
    .reference = "MS-DSSP 3.2.5.1; MS-NRPC 3.5.4.3",
    .remedies = {LET_MEMBERS_ONLY_REACH_THE_PORT},
};
