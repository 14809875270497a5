/*
 * The mapper refuses strangers and answers an account: a hardened host that works.
 */
#include "rules.h"

const mr_rule mr_rule_epm_anonymous_denied = {
    .id = "EPM.ANONYMOUS_DENIED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .require = {{.any = {MR_FACT_EPM_ADMITTED}},
                {.any = {MR_FACT_EPM_FAULT, MR_FACT_EPM_LOOKUP_FAILED, MR_FACT_EPM_NAK,
                         MR_FACT_EPM_CONTEXT_REJECTED}}},
    .summary = "the endpoint mapper answers accounts only",
    .cause = "The endpoint mapper of {address} refuses strangers and answers {user}: a policy "
             "(RestrictRemoteClients) or an RPC filter of the host has it so. Windows clients ask "
             "the mapper anonymously unless EnableAuthEpResolution is set, and programs on them "
             "that look for an endpoint then fail with \"access denied\".",
    .reference = "Policy CSP RemoteProcedureCall/RestrictUnauthenticatedRPCClients and "
                 "RPCEndpointMapperClientAuthentication",
    .remedies = {{.text = "Where clients fail, let them authenticate to the mapper.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                             "/v EnableAuthEpResolution /t REG_DWORD /d 1 /f",
                  .risk = "Lookups at very old servers, which cannot authenticate them, fail; "
                          "takes effect after a restart.",
                  .undo = "reg delete \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                          "/v EnableAuthEpResolution /f",
                  .verify = "msrpc map {host} -u {user}"}},
};
