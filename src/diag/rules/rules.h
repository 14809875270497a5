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
