/*
 * The handshake completes and what is sent then is never acknowledged: the host's TCP has not seen
 * it. One such connection may be bad luck on a path that loses packets, a second one is not.
 */
#include "rules.h"

const mr_rule mr_rule_epm_swallowed = {
    .id = "EPM.SWALLOWED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .sure = {.any = {MR_FACT_EPM_SILENT},
             .where = {MR_WHERE(ACKED, EQ, MR_ACKED_NO), MR_WHERE(TRIES, GE, 2)},
             .same = MR_F(ADDRESS)},
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_SILENT}, .where = {MR_WHERE(ACKED, EQ, MR_ACKED_NO)}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)}},
    .summary = "a device swallows RPC to the endpoint mapper",
    .cause = "{address} accepts port {port}, but what is sent after the handshake is never "
             "acknowledged: a device on the way lets the connection open and drops the RPC data "
             "(deep inspection), or answers handshakes in the host's name.",
    .reference = "RFC 9293 3.8.1",
    .remedies = {{.text = "Look in the firewall's log for RPC (DCERPC, MSRPC) inspection between "
                          "{from|the client} and {address}, and exempt it.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc map {host}"}},
};
