/*
 * Kerberos over UDP in fragments, none of which seems to get through.
 */
#include "rules.h"

const mr_rule mr_rule_krb_fragments_lost = {
    .id = "KRB.FRAGMENTS_LOST",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1311,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_KRB_FRAGMENTED}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(ADDRESS)}},
    .explains = {"KRB.KDC_UNREACHABLE"},
    .summary = "fragments of Kerberos over UDP get lost",
    .cause = "A Kerberos message of {bytes|more than 1400} bytes travels to or from the KDC "
             "{address} in IP fragments and no answer arrives whole: a firewall drops fragments. "
             "Small tickets work, those of users in many groups do not.",
    .reference = "RFC 4120 7.2.1; KB244474",
    .remedies = {{.text = "Let the client use TCP for Kerberos.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\"
                             "Lsa\\Kerberos\\Parameters /v MaxPacketSize /t REG_DWORD /d 1 /f",
                  .risk = "All Kerberos of this computer then uses TCP port 88, which must be "
                          "open.",
                  .undo = "reg delete "
                          "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\Kerberos\\Parameters "
                          "/v MaxPacketSize /f",
                  .verify = "msrpc port {address} --ports 88"},
                 {.text = "Let fragments pass between clients and domain controllers.",
                  .run_on = MR_PLACE_FIREWALL}},
};
