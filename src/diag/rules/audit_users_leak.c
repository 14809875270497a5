/*
 * samr lists the accounts for a client that did not say who it is.
 */
#include "rules.h"

const mr_rule mr_rule_audit_users_leak = {
    .id = "AUDIT.USERS_LEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_USERS}}},
    .explains = {"AUDIT.GROUPS_LEAK", "AUDIT.DOMAIN_LEAK", "AUDIT.POLICY_HINT"},
    .summary = "accounts are listed to strangers",
    .cause = "Whoever reaches port {port} of {address} reads the accounts of the host from "
             "{interface}, without logging on: names to guess passwords for.",
    .reference = "MS-SAMR 3.1.5.2.2; policy 'Network access: Do not allow anonymous enumeration "
                 "of SAM accounts'",
    .remedies = {{.not_with = MR_FACT_AUDIT_DC,
                  .text = "On a Windows member or standalone server, refuse anonymous "
                          "enumeration.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                             "RestrictAnonymousSAM /t REG_DWORD /d 1 /f",
                  .risk = "Programs and trusts of Windows NT times that enumerate without logging "
                          "on stop working.",
                  .undo = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa /v "
                          "RestrictAnonymousSAM /t REG_DWORD /d 0 /f",
                  .verify = "msrpc audit {host}"},
                 {.not_with = MR_FACT_AUDIT_PREW2K_CLOSED,
                  .text = "On a domain controller that setting has no effect: take the strangers "
                          "out of the group that lets them in.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "net localgroup \"Pre-Windows 2000 Compatible Access\" \"ANONYMOUS "
                             "LOGON\" /delete",
                  .risk = "Services that run as nobody against this domain lose their sight of "
                          "it.",
                  .undo = "net localgroup \"Pre-Windows 2000 Compatible Access\" \"ANONYMOUS "
                          "LOGON\" /add",
                  .verify = "msrpc audit {host}"},
                 {.first_with = MR_FACT_AUDIT_SAMBA,
                  .not_with = MR_FACT_AUDIT_DC,
                  .text = "On a Samba standalone or member server, restrict anonymous access "
                          "and restart Samba; a Samba domain controller does not heed it over "
                          "TCP, see the firewall.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_SH,
                  .command = "sed -i 's/^\\[global]/&\\nrestrict anonymous = 2/' "
                             "/etc/samba/smb.conf",
                  .risk = "Clients that list shares without logging on are refused.",
                  .undo = "sed -i '/^restrict anonymous = 2/d' /etc/samba/smb.conf",
                  .verify = "msrpc audit {host}"},
                 LET_MEMBERS_ONLY_REACH_THE_PORT},
};
