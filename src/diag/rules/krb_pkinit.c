/*
 * The logon with a certificate (smart card, Windows Hello) fails.
 */
#include "rules.h"

bool mr_test_krb_pkinit(const mr_fact *fact) {
    return (fact->krb >= 62 && fact->krb <= 66) || (fact->krb >= 70 && fact->krb <= 81);
}

const mr_rule mr_rule_krb_pkinit = {
    .id = "KRB.PKINIT",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1326,
    .per = MR_F(USER) | MR_F(KRB),
    .require = {{.any = {MR_FACT_KRB_ERROR}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(USER)}},
    .test = mr_test_krb_pkinit,
    .explains = {FINDINGS_OF_A_REFUSED_LOGON},
    .summary = "logon with a certificate fails",
    .cause = "The KDC {address} refuses the certificate of {user|the client}, or the client "
             "would refuse the KDC's ({krb}): chain or revocation list cannot be verified, names "
             "or purposes do not fit, or the certificate is not mapped to the account.",
    .reference = "RFC 4556 3.1.3, 3.2.2; KB5014754; KB5005408 (CVE-2021-33764)",
    .remedies = {{.text = "Verify the controller's certificate and the chain to its root.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "certutil -dcinfo verify"},
                 {.text = "See that the issuing authority is in the NTAuth store.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "certutil -viewstore -enterprise NTAuth"},
                 {.text = "Verify the client's certificate with its revocation list.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "certutil -scinfo"}},
};
