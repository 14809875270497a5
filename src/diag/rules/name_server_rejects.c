/*
 * One DNS server cannot be asked, and the client is told so, while another answers.
 */
#include "rules.h"

const mr_rule mr_rule_name_server_rejects = {
    .id = "NAME.SERVER_REJECTS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_NO_SERVICE, MR_FACT_NAME_UNREACHABLE}},
                {.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_NODATA,
                         MR_FACT_NAME_RCODE, MR_FACT_NAME_PTR_NONE, MR_FACT_NAME_LAME},
                 .differs = MR_F(SERVER)}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_NODATA,
                        MR_FACT_NAME_RCODE, MR_FACT_NAME_PTR_NONE, MR_FACT_NAME_LAME},
                .same = MR_F(SERVER)},
               {.any = {MR_FACT_NAME_TIMEOUT}, .same = MR_F(SERVER)}},
    .summary = "one DNS server cannot be asked",
    .cause = "DNS {#server:server|servers} {server} cannot be asked (\"{other|port "
             "unreachable}\"), {1.server} answered. Clients are told so and go on to the next "
             "server: names resolve as long as that one answers.",
    .reference = "RFC 1122 4.1.3.1, RFC 1035 7.2",
    .remedies = {{.text = "Start the DNS service there, or take the server out of the list of DNS "
                          "servers (DHCP, network settings).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
