/*
 * lsarpc translates SIDs for strangers: accounts can be counted through by their RIDs.
 */
#include "rules.h"

const mr_rule mr_rule_audit_sid_translation = {
    .id = "AUDIT.SID_TRANSLATION",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_TRANSLATION}}},
    .explains = {"AUDIT.DOMAIN_LEAK"},
    .summary = "SIDs are translated to names for strangers",
    .cause = "{interface} at {address}:{port} translates between SIDs and names without a logon. "
             "With the SID of the domain every account is found by counting its RIDs, whatever "
             "else is closed; the renamed Administrator too.",
    .reference = "MS-LSAT 3.1.4.11; policy 'Network access: Allow anonymous SID/Name translation'",
    .remedies = {{.not_with = MR_FACT_AUDIT_SAMBA,
                  .text = "On Windows, disable the policy 'Network access: Allow anonymous "
                          "SID/Name translation' (Local Policies, Security Options).",
                  .run_on = MR_PLACE_SERVER,
                  .verify = "msrpc audit {host}"},
                 LET_MEMBERS_ONLY_REACH_THE_PORT},
};
