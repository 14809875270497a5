/*
 * The KDC knows no such service name. Where NTLM then takes over and is accepted, nothing failed.
 */
#include "rules.h"

const mr_rule mr_rule_krb_service_unknown = {
    .id = "KRB.SERVICE_UNKNOWN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1396,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 7)}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}, .same = MR_F(SPN)},
               {.any = {MR_FACT_NTLM_FALLBACK},
                .where = {MR_WHERE(NTSTATUS, EQ, 0), MR_WHERE(STATUS, EQ, 0)},
                .same = MR_F(SPN)}},
    .summary = "no account has this service name (SPN)",
    .cause = "The KDC {address} gives no ticket for {spn|the service}: no account of the domain "
             "carries that name ({krb}). The SPN is not registered, or the client used an alias "
             "or another name than the registered one.",
    .reference = "RFC 4120 7.5.9; MS-KILE 3.3.5.7",
    .remedies = {{.text = "See who, if anybody, has the name.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {spn}"},
                 {.text = "Register it for the account that the service runs as; the switch "
                          "refuses names that are taken.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -S {spn} ACCOUNT",
                  .risk = "A name on the wrong account breaks Kerberos for that service.",
                  .undo = "setspn -D {spn} ACCOUNT",
                  .verify = "msrpc diagnose {host} --auth kerberos"},
                 {.text = "Or let the client use the full DNS name of the server.",
                  .run_on = MR_PLACE_CLIENT}},
};
