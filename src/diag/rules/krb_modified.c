/*
 * The service cannot decrypt the ticket: it is made for the key of another account.
 */
#include "rules.h"

const mr_rule mr_rule_krb_modified = {
    .id = "KRB.MODIFIED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1396,
    .per = MR_F(SPN),
    .require = {{.any = {MR_FACT_KRB_ERROR}, .where = {MR_WHERE(KRB, EQ, 41)}}},
    .explains = {FINDINGS_OF_A_REFUSED_LOGON, "SMB.ACCESS_DENIED", "RPC.ACCESS_DENIED"},
    .summary = "the ticket is for another account's key",
    .cause = "{address} cannot decrypt the ticket for {spn|the service} ({krb}; applications "
             "show 0x80090322). The name is registered for another account than the one that the "
             "service runs as, the address belongs to another computer than the client believes "
             "(an old DNS record), or its machine password differs from the domain's.",
    .reference = "RFC 4120 3.2.3, 7.5.9",
    .remedies = {{.text = "See which account has the name.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {spn}"},
                 {.text = "List the names that are registered twice.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -X -F"},
                 {.text = "See whether the address is really that server's.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {host}",
                  .verify = "msrpc name {host}"},
                 {.text = "At the server, test its secure channel.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Verbose"}},
    .next = {.command = "msrpc name {host}",
             .branches = {{"the address belongs to another computer",
                            "correct the DNS record"},
                          {"the address is right",
                            "correct the SPN or the machine password"}}},
};
