/*
 * The connection to the mapper opens and is reset as soon as it carries RPC.
 */
#include "rules.h"

const mr_rule mr_rule_epm_reset_on_bind = {
    .id = "EPM.RESET_ON_BIND",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_RESET}, .where = {MR_WHERE(WHEN, EQ, MR_WHEN_AFTER_BIND)}}},
    .summary = "the connection to the endpoint mapper is reset on bind",
    .cause = "{address} accepts port {port} and resets it when the bind arrives. A firewall that "
             "reads RPC objects to the bind, or the listener is not an endpoint mapper.",
    .reference = "C706 12.6.4.3; KB899148",
    .remedies = {{.text = "Look in the firewall's log for RPC (DCERPC, MSRPC) inspection of this "
                          "connection and exempt it.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc map {host}"}},
    .next = {.command = "msrpc map {host}",
             .branches = {{"from a machine beside the server it lists endpoints",
                           "the mapper is fine: a device on the way cuts RPC"},
                          {"it is reset there too", "what listens at the host is at fault"}}},
};
