/*
 * What every rule file includes: the form of a rule, its declaration and that of its test, and the
 * Windows codes that more than one rule names.
 */
#ifndef MSRPC_DIAG_RULES_H
#define MSRPC_DIAG_RULES_H

#define MR_RULE_SOURCE
#include <msrpc/diag/rule.h>

#define MR_RULE(name)                    \
    extern const mr_rule mr_rule_##name; \
    bool mr_test_##name(const mr_fact *fact);
#include "rules.list"
#undef MR_RULE

/* What the probes of one dead address give; a rule that knows why it is dead explains them. */
#define FINDINGS_OF_A_DEAD_ADDRESS                                                        \
    "TCP.HOST_SILENT", "TCP.HOST_UNREACHABLE", "TCP.NET_UNREACHABLE",                     \
        "TCP.ADMIN_PROHIBITED", "LOCAL.NO_NEIGHBOUR", "LOCAL.NO_ROUTE", "LOCAL.NO_SOURCE"

/* What a port gives that does not answer a SYN; a rule that knows who drops it explains them. */
#define FINDINGS_OF_A_SILENT_PORT                                                         \
    "TCP.MAPPER_FILTERED", "TCP.DYNAMIC_FILTERED", "TCP.RANGE_FILTERED",                  \
        "TCP.ENDPOINT_FILTERED", "TCP.HOST_SILENT", "TCP.ADDRESS_BLOCKED"

/* What data gives that is never acknowledged. */
#define FINDINGS_OF_SWALLOWED_DATA                                                        \
    "EPM.SWALLOWED", "EPM.LARGE_LOST", "EPM.SILENT", "RPC.SWALLOWED", "RPC.LARGE_LOST",   \
        "RPC.SILENT", "TCP.DATA_SWALLOWED", "TCP.MTU_HOLE"

/* What the server still says where Kerberos failed before, and NTLM in its place did not do. */
#define FINDINGS_OF_A_REFUSED_LOGON                                                       \
    "SMB.LOGON_FAILED", "RPC.AUTH_FAILED", "RPC.TOKEN_REFUSED", "RPC.NAK",                \
        "NTLM.FALLBACK_REFUSED"

/*
 * Members of remedies that several rules advise: where, what is run, what it may break, how it is
 * taken back. The rule says why, and how to verify it.
 */
#define WHO_HAS_THE_PORT                                                                  \
    .run_on = MR_PLACE_SERVER, .shell = MR_SHELL_POWERSHELL,                              \
    .command = "Get-Process -Id (Get-NetTCPConnection -State Listen -LocalPort "          \
               "{port}).OwningProcess"
#define RESTART_THE_SERVICE                                                               \
    .run_on = MR_PLACE_SERVER, .shell = MR_SHELL_POWERSHELL,                              \
    .command = "Restart-Service -Name {service} -Force",                                  \
    .risk = "Interrupts the users of {service} and stops services that depend on it.",    \
    .undo = "Start-Service -Name {service}"
#define SEE_ENDS_OF_SERVICES                                                              \
    .run_on = MR_PLACE_SERVER, .shell = MR_SHELL_POWERSHELL,                              \
    .command = "Get-WinEvent -FilterHashtable "                                           \
               "@{{LogName='System';Id=7031,7034,7036} -MaxEvents 20"
#define CLAMP_THE_MSS                                                                     \
    .run_on = MR_PLACE_NETWORK, .shell = MR_SHELL_SH,                                     \
    .command = "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN "            \
               "-j TCPMSS --clamp-mss-to-pmtu",                                           \
    .risk = "Changes every TCP connection through that router.",                          \
    .undo = "iptables -t mangle -D FORWARD -p tcp --tcp-flags SYN,RST SYN "               \
            "-j TCPMSS --clamp-mss-to-pmtu"
#define PURGE_TICKETS                                                                     \
    .run_on = MR_PLACE_CLIENT, .shell = MR_SHELL_CMD, .command = "klist purge",           \
    .risk = "Open sessions get new tickets; a program without the password may have to "  \
            "log on again.",                                                              \
    .undo = "klist get krbtgt"
/* A whole remedy. */
#define LET_MEMBERS_ONLY_REACH_THE_PORT                                                   \
    {.text = "On the firewall, let only domain members and management networks reach "    \
             "TCP {port} of {address}.",                                                  \
     .run_on = MR_PLACE_FIREWALL,                                                         \
     .verify = "msrpc port {host} --ports {port}"}

/* The next test where only full packets seem to get lost, and what it means that they do not. */
#define PING_WITH_FULL_PACKETS(otherwise)                                                 \
    {.command = "ping -M do -s 1472 -c 3 {address}",                                      \
     .branches = {{"no answer, while -s 1200 is answered",                                \
                   "the path drops full-size packets"},                                   \
                  {"answered", otherwise}}}

#define RPC_SEC_PKG_ERROR 0x721u
#define NCA_PROTO_ERROR 0x1c01000bu /* Samba's answer to an auth3 that it does not accept */
/* Whether the caller logged on as nobody: a null session. */
#define IS_NOBODY(fact) ((fact)->user && strcmp((fact)->user, "anonymous") == 0)

#define WIN32_ACCESS_DENIED 5
#define WIN32_DUP_NAME 52
#define WIN32_BAD_NETPATH 53
#define WIN32_HOST_NOT_FOUND 11001
#define WIN32_NO_SUCH_USER 1317
#define WIN32_NO_SUCH_DOMAIN 1355
#define WIN32_SERVER_UNAVAILABLE 1722
#define WIN32_SERVER_TOO_BUSY 1723
#define WIN32_CALL_FAILED 1726
#define WIN32_CALL_FAILED_DNE 1727
#define WIN32_PROTOCOL_ERROR 1728
#define WIN32_EPT_NOT_REGISTERED 1753
#define WIN32_DSA_NOT_FOUND 8524

#endif
