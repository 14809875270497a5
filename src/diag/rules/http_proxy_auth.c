/*
 * A forward proxy between client and server wants credentials.
 */
#include "rules.h"

const mr_rule mr_rule_http_proxy_auth = {
    .id = "HTTP.PROXY_AUTH",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}, .where = {MR_WHERE(HTTP, EQ, 407)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "a web proxy in between demands authentication",
    .cause = "A proxy at {address} port {port} answers {channel|the channel} with 407: RPC over "
             "HTTP goes through a web proxy that wants the user to log on, which RPC clients "
             "cannot do.",
    .reference = "RFC 9110 15.5.8; MS-RPCH 2.1.2.1",
    .remedies = {{.text = "See which proxy the client uses.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh winhttp show proxy"},
                 {.text = "Let this host bypass the proxy.",
                  .run_on = MR_PLACE_CLIENT}},
};
