/*
 * The password and lockout policy is readable without a logon: how many guesses are free.
 */
#include "rules.h"

const mr_rule mr_rule_audit_policy_leak = {
    .id = "AUDIT.POLICY_LEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_POLICY}}},
    .explains = {"AUDIT.POLICY_HINT"},
    .summary = "the password and lockout policy is told to strangers",
    .cause = "Whoever reaches port {port} of {address} reads from {interface} how long passwords "
             "are and after how many wrong ones an account is locked: how to guess without being "
             "noticed.",
    .reference = "MS-SAMR 3.1.5.5.1",
    .remedies = {{.not_with = MR_FACT_AUDIT_SAMBA,
                  .text = "On a Windows member or standalone server, refuse strangers in samr.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "RestrictAnonymousSAM /t REG_DWORD /d 1 /f",
                  .risk = "Programs of Windows NT times that ask without logging on stop working.",
                  .undo = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                          "RestrictAnonymousSAM /t REG_DWORD /d 0 /f",
                  .verify = "msrpc audit {host}"},
                 LET_MEMBERS_ONLY_REACH_THE_PORT},
};
