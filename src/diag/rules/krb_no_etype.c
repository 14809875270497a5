/*
 * Client, account and KDC have no encryption type in common.
 */
#include "rules.h"

const mr_rule mr_rule_krb_no_etype = {
    .id = "KRB.NO_ETYPE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(USER) | MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 14)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(USER)},
               {.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "no encryption type in common",
    .cause = "The KDC {address} refuses the {exchange} request of {user|the user} ({krb}; "
             "applications show 0x80090342): of the encryption types that the client offers and "
             "the KDC allows, {spn|the user} has no key. RC4 or DES was turned off on one side "
             "or for members of Protected Users, or the account got its password before it had "
             "AES keys.",
    .reference = "RFC 4120 7.5.9; MS-KILE 3.1.5.2; KB5021131",
    .remedies = {{.text = "List the accounts to which only some types are allowed.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADObject -LDAPFilter '(msDS-SupportedEncryptionTypes=*)' "
                             "-Properties msDS-SupportedEncryptionTypes"},
                 {.text = "Set the password of an account without AES keys again: that makes "
                          "them.",
                  .run_on = MR_PLACE_DC},
                 {.text = "An NT hash is a key of RC4 alone, and a key table has the types it was "
                          "made with: give the password, an AES key, or a new key table.",
                  .run_on = MR_PLACE_CLIENT},
                 {.text = "On Samba, see which types the KDC allows, and which it takes for an "
                          "account that names none.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_SH,
                  .command = "testparm -sv | grep enctypes"},
                 {.text = "See what a Windows client is allowed to use.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SOFTWARE\\Microsoft\\Windows\\"
                             "CurrentVersion\\Policies\\System\\Kerberos\\Parameters /v "
                             "SupportedEncryptionTypes"}},
};
