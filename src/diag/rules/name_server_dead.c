/*
 * One DNS server is silent while another answers: names resolve, slowly.
 */
#include "rules.h"

const mr_rule mr_rule_name_server_dead = {
    .id = "NAME.SERVER_DEAD",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_TIMEOUT}},
                {.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_NODATA,
                         MR_FACT_NAME_RCODE, MR_FACT_NAME_PTR_NONE, MR_FACT_NAME_LAME},
                 .differs = MR_F(SERVER)}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_NODATA,
                         MR_FACT_NAME_RCODE, MR_FACT_NAME_PTR_NONE, MR_FACT_NAME_LAME},
                .same = MR_F(SERVER)}},
    .explains = {"NAME.SLOW"},
    .summary = "one DNS server does not answer",
    .cause = "DNS {#server:server|servers} {server} did not answer, {1.server} did. Each lookup "
             "that starts at a dead server loses seconds, and RPC clients may give up.",
    .reference = "RFC 1035 7.2",
    .remedies = {{.text = "Repair it, or take it out of the list of DNS servers (DHCP, network "
                          "settings).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4",
                  .verify = "msrpc diagnose {host} --phase 1"}},
};
