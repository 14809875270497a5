/*
 * The server refuses the ticket and does not say why: no KRB-ERROR comes with its bind_nak.
 */
#include "rules.h"

const mr_rule mr_rule_krb_ticket_refused = {
    .id = "KRB.TICKET_REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1396,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RPC_NAK},
                 .where = {MR_WHERE(SSP, IN, MR_BIT(9) | MR_BIT(16)), MR_WHERE(REASON, EQ, 0)}},
                {.any = {MR_FACT_KRB_GRANTED}, .where = {MR_WHERE(EXCHANGE, EQ, MR_EXCHANGE_TGS)}}},
    .forbid = {{.any = {MR_FACT_KRB_ERROR, MR_FACT_NAME_IDENTITY_DIFFERS, MR_FACT_NTLM_FALLBACK},
                .same = MR_F(ADDRESS)},
               /* who rejects strangers in the same way says nothing about a ticket */
               {.any = {MR_FACT_RPC_NAK}, .where = {MR_WHERE(AUTH, LT, 2)},
                .same = MR_F(ADDRESS) | MR_F(PORT)},
               {.any = {MR_FACT_EPM_NAK}, .same = MR_F(ADDRESS) | MR_F(PORT)},
               {.any = {MR_FACT_RPC_CALLED}, .where = {MR_WHERE(AUTH, GE, 2)},
                .same = MR_F(ADDRESS)}},
    .explains = {"RPC.NAK"},
    .summary = "the server refuses the ticket without a word",
    .cause = "The KDC gave a ticket for {1.spn|the service}, and {address} rejects the bind that "
             "shows it (reason {reason}). Its key for the ticket differs: the name is registered "
             "for another account, its keytab or machine password is older than the domain's or "
             "lacks the ticket's encryption type, or the address is another host's. A server that "
             "is not Windows mostly says no more.",
    .reference = "RFC 4120 3.2.3; MS-RPCE 2.2.2.5",
    .remedies = {{.text = "See which account has the name.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {1.spn}"},
                 {.text = "See which names and key versions the server's keytab holds.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_SH,
                  .command = "klist -k -e"},
                 {.text = "On Windows, test the secure channel of the server.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Test-ComputerSecureChannel -Verbose"}},
    .next = {.command = "msrpc diagnose {host} --auth ntlm",
             .branches = {{"works", "the server lacks the key for the ticket"},
                          {"fails as well", "the server is not the one that is meant, or takes "
                                            "no account of this domain"}}},
};
