/*
 * The RPC proxy does not accept the credentials. One 401 is the ordinary start; this is the last
 * word.
 */
#include "rules.h"

const mr_rule mr_rule_http_auth_refused = {
    .id = "HTTP.AUTH_REFUSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED}, .where = {MR_WHERE(HTTP, EQ, 401)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "the RPC proxy does not accept the credentials",
    .cause = "{address} port {port} answers {channel|the channel} with 401 although credentials "
             "came: they are wrong, the /rpc directory offers other schemes than the client "
             "uses, or a device in front breaks NTLM or Negotiate, which belong to one "
             "connection.",
    .reference = "MS-RPCH 3.2.3.5.1; RFC 9110 15.5.2",
    .remedies = {{.text = "See which schemes the directory offers.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "%windir%\\system32\\inetsrv\\appcmd list config \"Default Web "
                             "Site/rpc\" /section:windowsAuthentication"},
                 {.text = "Use Basic over TLS where a proxy shares connections between clients.",
                  .run_on = MR_PLACE_CLIENT}},
};
