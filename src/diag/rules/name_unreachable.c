/*
 * Nothing gets to the DNS server: this machine has no way to send, or a router says so.
 */
#include "rules.h"

const mr_rule mr_rule_name_unreachable = {
    .id = "NAME.UNREACHABLE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .require = {{.any = {MR_FACT_NAME_UNREACHABLE}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_RCODE,
                        MR_FACT_NAME_LAME, MR_FACT_NAME_NODATA, MR_FACT_NAME_PTR_NONE}}},
    .explains = {"NAME.TIMEOUT", "NAME.NO_SERVICE"},
    .summary = "the DNS server cannot be reached",
    .cause = "Nothing gets from {from|this machine} to DNS {#server:server|servers} {server}: "
             "\"{other}\". The network is down or has no route there, or a firewall says no.",
    .reference = "RFC 1122 3.2.2.1",
    .remedies = {{.text = "Look at this machine's addresses and routes.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ip route get {server.host}",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
