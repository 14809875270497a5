/*
 * The mapper refuses an anonymous client by policy.
 */
#include "rules.h"

const mr_rule mr_rule_epm_access_denied = {
    .id = "EPM.ACCESS_DENIED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_FAULT, MR_FACT_EPM_LOOKUP_FAILED},
                 .where = {MR_WHERE(STATUS, EQ, 5)}}},
    .forbid = {{.any = {MR_FACT_EPM_LISTED, MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS)},
               {.any = {MR_FACT_EPM_ADMITTED}}},
    .explains = {"EPM.NOT_REGISTERED", "EPM.LOOKUP_FAILED"},
    .summary = "the endpoint mapper refuses this client",
    .cause = "The endpoint mapper of {address} answers \"access denied\": a policy "
             "(RestrictRemoteClients) or an RPC filter of the host lets only authenticated clients "
             "ask it.",
    .reference = "Policy CSP RemoteProcedureCall/RestrictUnauthenticatedRPCClients; "
                 "C706 appendix E",
    .remedies = {{.text = "Look at the policy and the RPC filters of the host first.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" & "
                             "netsh rpc filter show filter"},
                 {.text = "Where the value is 2, set 1 (in the group policy that sets it), then "
                          "restart. The value 2 does not belong on a domain controller.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                             "/v RestrictRemoteClients /t REG_DWORD /d 1 /f",
                  .risk = "Interfaces that ask for it admit anonymous clients again.",
                  .undo = "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                          "/v RestrictRemoteClients /t REG_DWORD /d 2 /f",
                  .verify = "msrpc map {host}"},
                 {.text = "Or let Windows clients authenticate to the mapper.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                             "/v EnableAuthEpResolution /t REG_DWORD /d 1 /f",
                  .risk = "Lookups at very old servers, which cannot authenticate them, fail; "
                          "takes effect after a restart.",
                  .undo = "reg delete \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" "
                          "/v EnableAuthEpResolution /f",
                  .verify = "msrpc map {host}"}},
    .next = {.command = "msrpc diagnose {host} -u DOMAIN\\USER",
             .branches = {{"the endpoints answer", "the policy wants an account, nothing else is "
                                                   "wrong"},
                          {"access denied again", "an RPC filter refuses the account as well"}}},
};
