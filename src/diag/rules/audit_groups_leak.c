/*
 * samr shows groups and who is in them to a client that did not say who it is.
 */
#include "rules.h"

const mr_rule mr_rule_audit_groups_leak = {
    .id = "AUDIT.GROUPS_LEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_GROUPS}}},
    .explains = {"AUDIT.DOMAIN_LEAK"},
    .summary = "groups and their members are shown to strangers",
    .cause = "Whoever reaches port {port} of {address} reads from {interface}, without logging "
             "on, which groups there are and who is an administrator.",
    .reference = "MS-SAMR 3.1.5.2.3, 3.1.5.8",
    .remedies = {{.not_with = MR_FACT_AUDIT_SAMBA,
                  .text = "On Windows, let administrators alone read accounts over the network.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "RestrictRemoteSam /t REG_SZ /d \"O:BAG:BAD:(A;;RC;;;BA)\" /f",
                  .risk = "Inventory programs that ask as ordinary users are refused; events 16962 "
                          "to 16969 tell which.",
                  .undo = "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                          "RestrictRemoteSam /f",
                  .verify = "msrpc audit {host}"},
                 LET_MEMBERS_ONLY_REACH_THE_PORT},
};
