/*
 * The machine that is configured as DNS server says that nothing serves port 53 there.
 */
#include "rules.h"

const mr_rule mr_rule_name_no_service = {
    .id = "NAME.NO_SERVICE",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .require = {{.any = {MR_FACT_NAME_NO_SERVICE}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_RCODE,
                        MR_FACT_NAME_LAME, MR_FACT_NAME_NODATA, MR_FACT_NAME_PTR_NONE}}},
    .explains = {"NAME.TIMEOUT"},
    .summary = "nothing answers DNS at the server that was asked",
    .cause = "{server} was asked as DNS server, but rejects the question (ICMP port unreachable): "
             "its DNS service is stopped, or it is no DNS server.",
    .reference = "RFC 1122 4.1.3.1",
    .remedies = {{.text = "Start the DNS service there.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe start DNS",
                  .verify = "msrpc diagnose {host} --phase 1"},
                 {.text = "Or let this machine ask another DNS server.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4"}},
};
