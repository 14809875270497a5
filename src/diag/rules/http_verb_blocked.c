/*
 * The verbs of RPC over HTTP are not let through.
 */
#include "rules.h"

bool mr_test_http_verb_blocked(const mr_fact *fact) {
    return fact->http == 405 || fact->http == 501;
}

const mr_rule mr_rule_http_verb_blocked = {
    .id = "HTTP.VERB_BLOCKED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_http_verb_blocked,
    .summary = "the verbs RPC_IN_DATA and RPC_OUT_DATA are blocked",
    .cause = "{address} port {port} answers {channel|the channel} with {http}: the web server, a "
             "reverse proxy or an application firewall does not know the verbs of RPC over HTTP "
             "and lets only GET, POST and the like pass.",
    .reference = "MS-RPCH 2.1.2.1.1; RFC 9110 15.5.6",
    .remedies = {{.text = "Allow RPC_IN_DATA and RPC_OUT_DATA at every proxy in front.",
                  .run_on = MR_PLACE_FIREWALL},
                 {.text = "See what request filtering of the web server allows.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "%windir%\\system32\\inetsrv\\appcmd list config "
                             "/section:requestFiltering"}},
};
