/*
 * The mapper took the bind and then answered the lookup with something that is no valid reply: a
 * length that lies, a call that was never made, a list without end.
 */
#include "rules.h"

const mr_rule mr_rule_epm_bad_answer = {
    .id = "EPM.BAD_ANSWER",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_PROTOCOL_ERROR,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_PROTOCOL}},
                {.any = {MR_FACT_EPM_BOUND}, .same = MR_F(ADDRESS)}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED}, .same = MR_F(ADDRESS)}},
    .explains = {"EPM.LOST"},
    .summary = "the endpoint mapper's answer breaks the protocol",
    .cause = "{address} accepted the bind on port {port} and answered the lookup with something "
             "that no RPC server should send. It is not a Windows host and has a fault, or data "
             "is altered on the way.",
    .reference = "C706 12.6.4, appendix O",
    .remedies = {{.text = "Take proxies and RPC inspection out of the path for a test.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc map {host}"},
                 {.text = "See at the host which program owns the port; it should be RpcEptMapper.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp",
                  .verify = "msrpc map {host}"}},
};
