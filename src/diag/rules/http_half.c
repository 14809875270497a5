/*
 * RPC over HTTP needs two connections to the same proxy, and only one came to life or they did not
 * meet.
 */
#include "rules.h"

const mr_rule mr_rule_http_half = {
    .id = "HTTP.HALF",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_HALF}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "only half of RPC over HTTP comes up",
    .cause = "The two channels to {address} port {port} do not become one virtual connection "
             "({channel|both} opened, CONN/C2 never came): a load balancer sends them to "
             "different servers, or a proxy holds the data back until it is complete.",
    .reference = "MS-RPCH 3.2.1.5.1, 3.2.2.5.3",
    .remedies = {{.text = "Bind both channels of a client to the same server (affinity by source "
                          "address).",
                  .run_on = MR_PLACE_NETWORK},
                 {.text = "Turn off buffering of requests and responses at reverse proxies.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc port {host} --ports {port}"}},
};
