/*
 * Kerberos gave no ticket for the service, NTLM was used instead, and that is refused: the missing
 * ticket is the cause.
 */
#include "rules.h"

bool mr_test_ntlm_fallback_refused(const mr_fact *fact) {
    return fact->ntstatus || fact->status;
}

const mr_rule mr_rule_ntlm_fallback_refused = {
    .id = "NTLM.FALLBACK_REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_ACCESS_DENIED,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(SPN),
    .require = {{.any = {MR_FACT_NTLM_FALLBACK}}},
    .test = mr_test_ntlm_fallback_refused,
    .explains = {"KRB.SERVICE_UNKNOWN", "SMB.LOGON_FAILED", "SMB.NTLM_BLOCKED",
                 "SMB.ACCESS_DENIED", "RPC.AUTH_FAILED", "RPC.FIRST_CALL_DENIED",
                 "RPC.TOKEN_REFUSED", "RPC.ACCESS_DENIED", "SMB.REFUSED"},
    .summary = "no Kerberos ticket, and NTLM instead is refused",
    .cause = "The KDC gave no ticket for {spn} ({krb|no reason was seen}), so the client used "
             "NTLM towards {address}, which refuses it. With a ticket the same credentials would "
             "work.",
    .reference = "MS-SPNG 3.1.5.2; MS-KILE 3.3.5.7",
    .remedies = {{.text = "See who, if anybody, has the name.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {spn}"},
                 {.text = "Register it for the account that the service runs as.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -S {spn} ACCOUNT",
                  .risk = "A name on the wrong account breaks Kerberos for that service.",
                  .undo = "setspn -D {spn} ACCOUNT",
                  .verify = "msrpc diagnose {host} --auth kerberos"},
                 {.text = "Or let the client use the full DNS name of the server.",
                  .run_on = MR_PLACE_CLIENT}},
};
