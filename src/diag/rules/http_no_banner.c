/*
 * Something listens on port 593 and is not the RPC service for HTTP.
 */
#include "rules.h"

const mr_rule mr_rule_http_no_banner = {
    .id = "HTTP.NO_BANNER",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_NO_BANNER}}},
    .summary = "port 593 does not answer like RPC over HTTP",
    .cause = "{address} accepts the connection to port {port} and never sends "
             "\"ncacn_http/1.0\": the endpoint mapper does not listen for HTTP there, or a "
             "device in between accepts connections for it.",
    .reference = "MS-RPCH 2.1.1.1",
    .remedies = {{.text = "See who listens on the port.",
                  WHO_HAS_THE_PORT,
                  .verify = "msrpc port {host} --ports {port}"}},
};
