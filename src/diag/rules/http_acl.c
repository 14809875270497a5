/*
 * The RPC proxy says that this user or this target is not allowed.
 */
#include "rules.h"

const mr_rule mr_rule_http_acl = {
    .id = "HTTP.ACL",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_REFUSED},
                 .where = {MR_WHERE(HTTP, GE, 500), MR_WHERE(WIN32, EQ, 5)}}},
    .forbid = {{.any = {MR_FACT_HTTP_CONNECTED}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "the RPC proxy denies access",
    .cause = "The RPC proxy at {address} port {port} answers \"RPC Error: 5\": the user, or the "
             "server and port that it wants to reach, are not allowed there.",
    .reference = "MS-RPCH 2.1.2.1.4",
    .remedies = {{.text = "See which servers and ports the proxy may reach.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SOFTWARE\\Microsoft\\Rpc\\RpcProxy /v ValidPorts"}},
};
