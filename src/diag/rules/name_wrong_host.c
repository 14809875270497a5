/*
 * The host at the address names itself otherwise and does not have what was asked for: DNS led to
 * the wrong machine.
 */
#include "rules.h"

const mr_rule mr_rule_name_wrong_host = {
    .id = "NAME.WRONG_HOST",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_EPT_NOT_REGISTERED,
    .require = {{.any = {MR_FACT_NAME_IDENTITY_DIFFERS}},
                {.any = {MR_FACT_EPM_NOT_REGISTERED, MR_FACT_EPM_OTHER_PROTSEQ,
                         MR_FACT_RPC_CONTEXT_REJECTED}}},
    .forbid = {{.any = {MR_FACT_KRB_PROVEN}, .same = MR_F(ADDRESS) | MR_F(NAME)}},
    .explains = {"EPM.NOT_REGISTERED", "EPM.EMPTY", "EPM.OTHER_PROTSEQ", "RPC.UNKNOWN_INTERFACE",
                 "NAME.PTR_MISMATCH"},
    .summary = "the name leads to another host",
    .cause = "{name} resolves to {address}, but the host there calls itself {other}, and it does "
             "not offer {interface|what was asked for}. The address record is stale or wrong.",
    .reference = "KB2089874; MS-NLMP 2.2.2.1",
    .remedies = {{.text = "On the DNS server look up the record, then correct or remove it.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {name}",
                  .verify = "msrpc diagnose {host}"},
                 {.text = "Afterwards forget cached answers.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /flushdns"}},
    .next = {.command = "msrpc diagnose {other}",
             .branches = {{"the same address", "DNS has two names for it: one of them is stale"},
                          {"another address", "the record of {name} is wrong"}}},
};
