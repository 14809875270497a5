/*
 * A device refuses the length of a channel: RPC_IN_DATA announces one gigabyte.
 */
#include "rules.h"

bool mr_test_http_too_large(const mr_fact *fact) {
    return fact->http == 411 || fact->http == 413;
}

const mr_rule mr_rule_http_too_large = {
    .id = "HTTP.TOO_LARGE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_http_too_large,
    .summary = "the length of the channel is refused",
    .cause = "{address} port {port} answers {channel|the channel} with {http}. The channels of "
             "RPC over HTTP announce up to a gigabyte and send it piece by piece; a proxy limits "
             "the length or wants the whole before it goes on.",
    .reference = "MS-RPCH 2.1.2.1.2; RFC 9110 15.5.12, 15.5.14",
    .remedies = {{.text = "Allow 2147483647 octets.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "%windir%\\system32\\inetsrv\\appcmd set config \"Default Web "
                             "Site/rpc\" /section:requestFiltering "
                             "/requestLimits.maxAllowedContentLength:2147483647",
                  .risk = "Larger requests are accepted in that directory.",
                  .undo = "%windir%\\system32\\inetsrv\\appcmd clear config \"Default Web "
                          "Site/rpc\" /section:requestFiltering"},
                 {.text = "At a reverse proxy, raise its limit of the request body and turn off "
                          "buffering.",
                  .run_on = MR_PLACE_FIREWALL}},
};
