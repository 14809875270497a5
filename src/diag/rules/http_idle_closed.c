/*
 * A channel that lies idle is closed by something on the way.
 */
#include "rules.h"

const mr_rule mr_rule_http_idle_closed = {
    .id = "HTTP.IDLE_CLOSED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_HTTP_IDLE_CLOSED}, .where = {MR_WHERE(SECONDS, GE, 10)}}},
    .summary = "idle channels are closed",
    .cause = "{channel|A channel} to {address} port {port} was closed after it had been idle for "
             "{seconds}: a proxy or load balancer ends what says nothing for that long, before "
             "the keep-alive of RPC comes.",
    .reference = "MS-RPCH 3.2.1.1, 3.2.2.1",
    .remedies = {{.text = "Raise the idle limit of proxies and load balancers above the client's "
                          "keep-alive.",
                  .run_on = MR_PLACE_NETWORK},
                 {.text = "Or let the client speak more often.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                             "/v MinimumConnectionTimeout /t REG_DWORD /d 90 /f",
                  .risk = "All RPC over HTTP of this computer sends keep-alives at that "
                          "interval.",
                  .undo = "reg delete \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                          "/v MinimumConnectionTimeout /f"}},
};
