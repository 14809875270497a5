/*
 * The group that may read every account holds everybody.
 */
#include "rules.h"

const mr_rule mr_rule_audit_prew2k_anonymous = {
    .id = "AUDIT.PREW2K_ANONYMOUS",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_PREW2K}}},
    .explains = {"AUDIT.USERS_LEAK", "AUDIT.GROUPS_LEAK"},
    .summary = "strangers are in Pre-Windows 2000 Compatible Access",
    .cause = "The group Pre-Windows 2000 Compatible Access (S-1-5-32-554) of {address} holds "
             "{other}. Its members may read every user and group of the domain, so the whole "
             "directory is open without a logon.",
    .reference = "MS-SAMR 3.1.4.2; MS-ADTS 6.1.1.4.12.18",
    .remedies = {{.text = "On the domain controller, take them out.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "net localgroup \"Pre-Windows 2000 Compatible Access\" \"ANONYMOUS "
                             "LOGON\" /delete",
                  .risk = "Services that run as nobody against this domain lose their sight of "
                          "it.",
                  .undo = "net localgroup \"Pre-Windows 2000 Compatible Access\" \"ANONYMOUS "
                          "LOGON\" /add",
                  .verify = "msrpc audit {host}"},
                 {.text = "On the domain controller, take Everyone out too.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "net localgroup \"Pre-Windows 2000 Compatible Access\" Everyone "
                             "/delete",
                  .risk = "Services that run as nobody against this domain lose their sight of "
                          "it.",
                  .undo = "net localgroup \"Pre-Windows 2000 Compatible Access\" Everyone /add",
                  .verify = "msrpc audit {host}"},
                 {.first_with = MR_FACT_AUDIT_SAMBA,
                  .text = "On a Samba domain controller.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_SH,
                  .command = "samba-tool group removemembers 'Pre-Windows 2000 Compatible Access' "
                             "'ANONYMOUS LOGON'",
                  .risk = "Services that run as nobody against this domain lose their sight of "
                          "it.",
                  .undo = "samba-tool group addmembers 'Pre-Windows 2000 Compatible Access' "
                          "'ANONYMOUS LOGON'",
                  .verify = "msrpc audit {host}"}},
};
