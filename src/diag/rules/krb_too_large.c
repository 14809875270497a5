/*
 * The ticket, mostly the list of groups in it, has grown beyond what RPC can carry: auth_length and
 * frag_length have 16 bits, and a bind is one fragment.
 */
#include "rules.h"

const mr_rule mr_rule_krb_too_large = {
    .id = "KRB.TOO_LARGE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1825,
    .require = {{.any = {MR_FACT_KRB_TOO_LARGE}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "the Kerberos ticket is too large for RPC",
    .cause = "The token with the ticket of {user|the client} for {spn|the server} has {bytes} "
             "octets, and no bind can hold it: a token travels in one fragment, whose length has "
             "16 bits. The account is in too many groups, or has too long a SID history.",
    .reference = "MS-RPCE 2.2.2.11; C706 12.6.3.1; MS-PAC 2.5",
    .remedies = {{.text = "See how many groups the account is in, nested ones included, and take "
                          "it out of those it does not need.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "whoami /groups /fo csv"},
                 {.text = "Until then NTLM, whose token has no groups, may serve.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} --auth ntlm"}},
};
