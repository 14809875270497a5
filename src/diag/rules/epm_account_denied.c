/*
 * The mapper refuses strangers, and an account that it knows as well.
 */
#include "rules.h"

const mr_rule mr_rule_epm_account_denied = {
    .id = "EPM.ACCOUNT_DENIED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .require = {{.any = {MR_FACT_EPM_ACCOUNT_DENIED}},
                {.any = {MR_FACT_EPM_FAULT, MR_FACT_EPM_LOOKUP_FAILED, MR_FACT_EPM_NAK,
                         MR_FACT_EPM_CONTEXT_REJECTED}}},
    .explains = {"EPM.ACCESS_DENIED", "EPM.NAK", "EPM.NOT_MAPPER", "EPM.FAULT",
                 "EPM.LOOKUP_FAILED"},
    .summary = "the endpoint mapper denies access to an account that it knows",
    .cause = "The endpoint mapper of {address} denies access ({status}) to {user}, whose "
             "credentials it accepts: the password is right. A policy that asks for "
             "authentication only (RestrictRemoteClients) does not do that; an RPC filter of the "
             "host does, or the level of authentication ({auth|unknown}) is too low.",
    .reference = "Policy CSP RemoteProcedureCall/RestrictUnauthenticatedRPCClients; "
                 "MS-RPCE 3.3.1.5.2; C706 appendix E",
    .remedies = {{.text = "Look at the RPC filters of the host, and at its policy.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh rpc filter show filter & reg query "
                             "\"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\"",
                  .verify = "msrpc map {host} -u {user}"},
                 {.text = "Ask with an account that may, or with full protection "
                          "(--auth-level privacy).",
                  .run_on = MR_PLACE_CLIENT}},
};
