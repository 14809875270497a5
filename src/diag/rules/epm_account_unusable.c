/*
 * The mapper refuses strangers, and the account that was given could not be used to ask it.
 */
#include "rules.h"

const mr_rule mr_rule_epm_account_unusable = {
    .id = "EPM.ACCOUNT_UNUSABLE",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .require = {{.any = {MR_FACT_EPM_UNASKED}},
                {.any = {MR_FACT_EPM_FAULT, MR_FACT_EPM_LOOKUP_FAILED, MR_FACT_EPM_NAK,
                         MR_FACT_EPM_CONTEXT_REJECTED}}},
    .explains = {"EPM.ACCESS_DENIED", "EPM.NAK", "EPM.NOT_MAPPER", "EPM.FAULT",
                 "EPM.LOOKUP_FAILED", "RPC.NAK", "RPC.CONTEXT_REFUSED"},
    .summary = "the endpoint mapper wants an account, and this one could not be used",
    .cause = "The endpoint mapper of {address} refuses strangers, by a policy "
             "(RestrictRemoteClients) or an RPC filter of the host, and could not be asked as "
             "{user}: {other}.",
    .reference = "Policy CSP RemoteProcedureCall/RestrictUnauthenticatedRPCClients; "
                 "C706 appendix E",
    .remedies = {{.text = "Mend the logon first: what phase 4 says of it.",
                  .run_on = MR_PLACE_CLIENT,
                  .not_with = MR_FACT_RPC_NAK, /* which says nothing */
                  .verify = "msrpc diagnose {host} -u {user}"},
                 {.text = "Look at the policy and the RPC filters of the host.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\" & "
                             "netsh rpc filter show filter"}},
};
