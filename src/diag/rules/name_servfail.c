/*
 * Every server that was asked failed: a forwarder or a delegation behind it is broken, the zone
 * has expired, or its signatures do not hold.
 */
#include "rules.h"

const mr_rule mr_rule_name_servfail = {
    .id = "NAME.SERVFAIL",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 2)}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_NODATA}},
               {.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}}},
    .summary = "the DNS server failed to answer",
    .cause = "The DNS server {server|of this machine} is alive but could not answer for {name} "
             "(SERVFAIL): a server it depends on does not answer, the zone has expired there, or "
             "DNSSEC validation failed.",
    .reference = "RFC 1035 4.1.1",
    .remedies = {{.text = "On the DNS server, test its forwarders and the delegation.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_CMD,
                  .command = "dcdiag /test:dns /DnsForwarders /DnsDelegation",
                  .verify = "msrpc diagnose {host} --phase 1"},
                 {.text = "Look at the state of its zones: one that is paused or expired answers "
                          "so.",
                  .run_on = MR_PLACE_DNS,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsServerZone | Format-Table ZoneName,ZoneType,IsPaused"}},
};
