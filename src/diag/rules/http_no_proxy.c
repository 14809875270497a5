/*
 * There is a web server without the RPC proxy.
 */
#include "rules.h"

const mr_rule mr_rule_http_no_proxy = {
    .id = "HTTP.NO_PROXY",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}, .where = {MR_WHERE(HTTP, EQ, 404)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "there is no RPC proxy at this web server",
    .cause = "{address} port {port} answers {channel|the channel} with 404: nothing serves "
             "/rpc/rpcproxy.dll there. The RPC over HTTP proxy is not installed, or a load "
             "balancer leads elsewhere.",
    .reference = "MS-RPCH 2.1.2.1; RFC 9110 15.5.5",
    .remedies = {{.text = "See whether it is installed.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WindowsFeature RPC-over-HTTP-Proxy"},
                 {.text = "Install it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Install-WindowsFeature RPC-over-HTTP-Proxy",
                  .risk = "Restarts the web server.",
                  .undo = "Uninstall-WindowsFeature RPC-over-HTTP-Proxy",
                  .verify = "msrpc port {host} --ports {port}"}},
};
