/*
 * A ticket is refused without a word, and the host that refuses it says that it is another one than
 * the ticket is for. Windows says KRB_AP_ERR_MODIFIED outright: KRB.MODIFIED.
 */
#include "rules.h"

const mr_rule mr_rule_krb_other_host = {
    .id = "KRB.OTHER_HOST",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1396,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NAME_IDENTITY_DIFFERS}},
                {.any = {MR_FACT_RPC_NAK},
                 .where = {MR_WHERE(AUTH, GE, 2), MR_WHERE(SSP, NE, 10)},
                 .same = MR_F(ADDRESS)},
                {.any = {MR_FACT_KRB_GRANTED}, .where = {MR_WHERE(EXCHANGE, EQ, MR_EXCHANGE_TGS)}}},
    .forbid = {{.any = {MR_FACT_KRB_ERROR}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_EPM_NAK}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_AUTH_FALLBACK}}},
    .explains = {"RPC.NAK", "RPC.AUTH_FAILED", "RPC.AUTH_TYPE", "RPC.TOKEN_REFUSED"},
    .summary = "the ticket is for another host's key",
    .cause = "The KDC gave a ticket for {2.spn|this service}, and {address} refuses it; the "
             "host there calls itself {other}. It cannot decrypt what was made for the key of "
             "{name}: the address is not that of {name} any more, or the name's service principal "
             "is on the wrong account.",
    .reference = "RFC 4120 3.2.3, 7.5.9 (KRB_AP_ERR_MODIFIED); MS-NLMP 2.2.2.1",
    .remedies = {{.text = "See whether the address is really that server's.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {host}",
                  .verify = "msrpc name {host}"},
                 {.text = "See which account has the name.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -Q {2.spn}"}},
    .next = {.command = "msrpc name {host}",
             .branches = {{"the address belongs to {other}", "correct the DNS record"},
                          {"the address is right", "correct the SPN or the machine password"}}},
};
