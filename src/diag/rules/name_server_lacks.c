/*
 * One DNS server does not know a name that another knows.
 */
#include "rules.h"

bool mr_test_name_server_lacks(const mr_fact *fact) {
    return fact->kind != MR_FACT_NAME_RCODE || fact->rcode == 3;
}

const mr_rule mr_rule_name_server_lacks = {
    .id = "NAME.SERVER_LACKS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_RCODE, MR_FACT_NAME_NODATA, MR_FACT_NAME_ALIAS_DANGLING}},
                {.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}, .differs = MR_F(SERVER)}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED, MR_FACT_NAME_MALFORMED},
                .same = MR_F(SERVER)}},
    .test = mr_test_name_server_lacks,
    .summary = "one DNS server does not know the name",
    .cause = "DNS {#server:server|servers} {server} {#server:says|say} that {name} does not exist "
             "or has no such record; {1.server} {#1.server:has|have} it. A client that asks the "
             "former first fails: that answer is final, no other server is asked.",
    .reference = "RFC 1035 7.2, RFC 2308 5",
    .remedies = {{.text = "Let the zone replicate to that server, or take a server that does not "
                          "serve the domain out of the list of DNS servers.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "repadmin /showrepl",
                  .verify = "msrpc name {host}"},
                 {.text = "It may have kept an old answer; forget what it cached.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Clear-DnsServerCache -Force"}},
};
