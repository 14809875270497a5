/*
 * An endpoint that the user named is silent, and no mapper was asked about it.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_endpoint_filtered = {
    .id = "TCP.ENDPOINT_FILTERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_SILENT}, .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT)}},
                {.any = {MR_FACT_HOST_UP}, .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(PORT)},
               {.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_REFUSED},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "the endpoint's port is blocked",
    .cause = "{#port:Port|Ports} {port} of {address} {#port:is|are} silent ({tries} tries) while "
             "the host answers elsewhere: a firewall drops {#port:it|them}.",
    .reference = "KB832017",
    .remedies = {{.text = "On the firewall, allow TCP {port} from {from|this address} to "
                          "{address}.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"}},
    .next = {.command = "msrpc map {host} --probe",
             .branches = {{"the interface is listed on another port", "use that port, or let the "
                                                                      "mapper find it"},
                          {"it is listed on this port", "a firewall drops this port"}}},
};
