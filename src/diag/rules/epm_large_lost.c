/*
 * Short answers of the mapper arrive, its list does not: the way back does not carry packets of
 * full size and nobody says so.
 */
#include "rules.h"

const mr_rule mr_rule_epm_large_lost = {
    .id = "EPM.LARGE_LOST",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_SILENT},
                 .where = {MR_WHERE(ACKED, EQ, MR_ACKED_YES),
                           MR_WHERE(WHEN, EQ, MR_WHEN_AFTER_REQUEST)}},
                {.any = {MR_FACT_EPM_ANSWERS_SMALL}, .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED}, .same = MR_F(ADDRESS)}},
    .explains = {"EPM.HUNG"},
    .summary = "long answers get lost on the way back",
    .cause = "The endpoint mapper of {address} answers short questions, but its list, which fills "
             "packets, never arrives although the question was acknowledged. The way from the "
             "server does not carry packets of full size and the message that would say so is "
             "dropped (PMTU black hole).",
    .reference = "RFC 2923 2.1, RFC 4821",
    .remedies = {{.text = "Let ICMP \"fragmentation needed\" and \"packet too big\" pass between "
                          "the server and the narrow link.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc map {host}"},
                 {.text = "Or clamp the MSS on the router before the narrow link.",
                  CLAMP_THE_MSS,
                  .verify = "msrpc map {host}"}},
    .next = PING_WITH_FULL_PACKETS("not the size: the mapper is slow to make its list"),
};
