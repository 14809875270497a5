/*
 * The mapper's connection is reset when a bind offers several presentation contexts and works with
 * one: an RPC-aware firewall that knows only the old form. Windows offers several since Vista.
 */
#include "rules.h"

const mr_rule mr_rule_epm_multi_context = {
    .id = "EPM.MULTI_CONTEXT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_RESET, MR_FACT_EPM_CLOSED},
                 .where = {MR_WHERE(WHEN, EQ, MR_WHEN_AFTER_BIND), MR_WHERE(CONTEXTS, GE, 2)}},
                {.any = {MR_FACT_EPM_BOUND},
                 .where = {MR_WHERE(CONTEXTS, EQ, 1)},
                 .same = MR_F(ADDRESS)}},
    .explains = {"EPM.RESET_ON_BIND", "EPM.CLOSED_ON_BIND"},
    .summary = "a firewall rejects binds with several transfer syntaxes",
    .cause = "A bind to {address} port {port} that offers {contexts} presentation contexts is cut "
             "off, one with a single context is answered. A firewall that inspects RPC does not "
             "know the negotiation that every Windows since Vista uses.",
    .reference = "KB899148; MS-RPCE 3.3.1.5.3",
    .remedies = {{.text = "Update the RPC inspection of the firewall, or turn it off for this "
                          "traffic (ISA and TMG: \"Enforce strict RPC compliance\").",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc map {host}"}},
};
