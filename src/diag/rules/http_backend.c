/*
 * The RPC proxy works and cannot reach the server behind it.
 */
#include "rules.h"

bool mr_test_http_backend(const mr_fact *fact) {
    return fact->win32 != 5;
}

const mr_rule mr_rule_http_backend = {
    .id = "HTTP.BACKEND",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .win32_status = true,
    .per = MR_F(ADDRESS) | MR_F(PORT) | MR_F(WIN32),
    .require = {{.any = {MR_FACT_HTTP_REFUSED},
                 .where = {MR_WHERE(HTTP, GE, 502), MR_WHERE(HTTP, LT, 505)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .test = mr_test_http_backend,
    .summary = "the RPC proxy cannot reach the server behind it",
    .cause = "The proxy at {address} port {port} answers {http} (\"RPC Error\" {win32|not "
             "told}): it may not or cannot connect to the server and port that the client asks "
             "for (6001, 6002 and 6004 for Exchange, 593 for the endpoint mapper).",
    .reference = "MS-RPCH 2.1.2.1.4, 3.2.3.5.4",
    .remedies = {{.text = "See which servers and ports the proxy may reach.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SOFTWARE\\Microsoft\\Rpc\\RpcProxy /v ValidPorts"},
                 {.text = "From the proxy, see whether the ports behind it are open.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "6001,6002,6004,593 | ForEach-Object {{ Test-NetConnection "
                             "-ComputerName BACKEND -Port $_ }"}},
};
