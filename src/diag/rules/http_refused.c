/*
 * The HTTP server answers with an error that no other rule knows.
 */
#include "rules.h"

bool mr_test_http_refused(const mr_fact *fact) {
    static const uint16_t known[] = {401, 403, 404, 405, 407, 411, 413, 501, 502, 503, 504};
    for (size_t i = 0; i < MR_COUNT(known); i++) {
        if (known[i] == fact->http)
            return false;
    }
    return fact->http < 500 || fact->win32 != 5;
}

const mr_rule mr_rule_http_refused = {
    .id = "HTTP.REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(HTTP),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}, .where = {MR_WHERE(HTTP, GE, 300)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_http_refused,
    .summary = "the web server refuses RPC over HTTP",
    .cause = "{address} port {port} answers {channel|the channel} with {http} instead of opening "
             "it: a redirect, a login page, or a failure of the web server.",
    .reference = "MS-RPCH 2.1.2.1; RFC 9110 15",
    .remedies = {{.text = "Read the web server's log of that time.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ChildItem C:\\inetpub\\logs\\LogFiles -Recurse | Sort-Object "
                             "LastWriteTime | Select-Object -Last 1",
                  .verify = "msrpc port {host} --ports {port}"}},
};
