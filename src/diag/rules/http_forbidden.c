/*
 * The RPC proxy forbids the request before it looks at it.
 */
#include "rules.h"

const mr_rule mr_rule_http_forbidden = {
    .id = "HTTP.FORBIDDEN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}, .where = {MR_WHERE(HTTP, EQ, 403)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "the RPC proxy forbids the request",
    .cause = "{address} port {port} answers {channel|the channel} with 403: TLS is demanded and "
             "was not used, a client certificate is, or an address or rule of the server or of a "
             "filter in front forbids it.",
    .reference = "RFC 9110 15.5.4; MS-RPCH 3.2.3.5.1",
    .remedies = {{.text = "See whether the directory demands TLS or certificates.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "%windir%\\system32\\inetsrv\\appcmd list config \"Default Web "
                             "Site/rpc\" /section:access"}},
};
