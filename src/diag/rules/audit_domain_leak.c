/*
 * The SID of the domain, and its names, are told without a logon.
 */
#include "rules.h"

const mr_rule mr_rule_audit_domain_leak = {
    .id = "AUDIT.DOMAIN_LEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_DOMAIN}}},
    .summary = "domain names and SIDs are told to strangers",
    .cause = "{interface} at {address}:{port} names its domains and their SIDs without a logon: "
             "half of what counting through the RIDs needs.",
    .reference = "MS-LSAD 3.1.4.4.4; MS-SAMR 3.1.5.11.1",
    .remedies = {{.not_with = MR_FACT_AUDIT_SAMBA,
                  .text = "On a Windows member or standalone server, refuse strangers.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "RestrictAnonymous /t REG_DWORD /d 1 /f",
                  .risk = "Share lists and trusts that work without a logon stop working.",
                  .undo = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                          "RestrictAnonymous /t REG_DWORD /d 0 /f",
                  .verify = "msrpc audit {host}"},
                 LET_MEMBERS_ONLY_REACH_THE_PORT},
};
