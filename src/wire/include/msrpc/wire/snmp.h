/*
 * SNMPv1 (RFC 1157 4): one question, the description of the system (sysDescr.0), and its answer.
 */
#ifndef MSRPC_WIRE_SNMP_H
#define MSRPC_WIRE_SNMP_H

#include <msrpc/base.h>

typedef struct mr_snmp_answer {
    int32_t id;           /* of the question */
    int64_t status;       /* error-status, 0: none */
    mr_slice description; /* borrows from the message; empty when it is no text */
} mr_snmp_answer;

/* Appends a GetRequest for sysDescr.0 in @community; the buffer's error. */
int mr_snmp_encode_get(int32_t id, const char *community, mr_buf *out);
/* Reads a GetResponse. 0, MR_ERR_MALFORMED. */
int mr_snmp_decode(mr_slice bytes, mr_snmp_answer *answerp, mr_error *err);

#endif
