/*
 * What is refused on named pipes leaks over TCP: the settings that restrict anonymous access
 * (RestrictNullSessAccess, NullSessionPipes; Samba's restrict anonymous) guard pipes, and another
 * door leads to the same interface. The leak is proven; that the pipes refuse is certain only where
 * they were asked too.
 */
#include "rules.h"

const mr_rule mr_rule_audit_tcp_bypass = {
    .id = "AUDIT.TCP_BYPASS",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .sure = {.any = {MR_FACT_AUDIT_PIPE_DENIED}, .same = MR_F(ADDRESS)},
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_AUDIT_USERS, MR_FACT_AUDIT_GROUPS, MR_FACT_AUDIT_POLICY,
                         MR_FACT_AUDIT_TRANSLATION}}},
    .forbid = {{.any = {MR_FACT_AUDIT_PIPE_OPEN}, .same = MR_F(ADDRESS)}},
    .summary = "leaks over TCP, whatever the named pipes refuse",
    .cause = "{interface} answers strangers on TCP port {port} of {address}. Settings that "
             "restrict anonymous access guard the named pipes (port 445) and need not govern "
             "this door: a host that looks closed there can leak here all the same.",
    .reference = "MS-RPCE 2.1.1.1, 2.1.1.2; smb.conf(5), restrict anonymous",
    .remedies = {{.text = "On the firewall, let only domain members and management networks reach "
                          "TCP {port} of {address}: closing port 445 alone does not close the "
                          "host.",
                  .run_on = MR_PLACE_FIREWALL,
                  .verify = "msrpc audit {host}"}},
    .next = {.command = "rpcclient -U% {host} -c enumdomusers",
             .branches = {{"NT_STATUS_ACCESS_DENIED", "the pipes are restricted and TCP goes "
                                                      "around it"},
                          {"the same accounts", "nothing is restricted anywhere: close both "
                                                "doors"}}},
};
