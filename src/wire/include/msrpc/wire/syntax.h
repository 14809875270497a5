/*
 * Syntax identifiers on the wire (p_syntax_id_t, C706 12.6.3.1), the transfer syntaxes of MS-RPCE
 * 2.2.4.12, and bind-time feature negotiation (MS-RPCE 3.3.1.5.3): a transfer syntax whose UUID
 * carries a set of bits, answered with the result negotiate_ack.
 */
#ifndef MSRPC_WIRE_SYNTAX_H
#define MSRPC_WIRE_SYNTAX_H

#include <msrpc/base/uuid.h>

#define MR_SYNTAX_SIZE 20 /* octets of a p_syntax_id_t */

extern const mr_syntax mr_syntax_ndr20; /* 8a885d04-1ceb-11c9-9fe8-08002b104860 2.0 */
extern const mr_syntax mr_syntax_ndr64; /* 71710533-beba-4937-8319-b5dbef9ccc36 1.0 */

/* UUID and if_version: the major version in the low half, the minor in the high half. */
mr_syntax mr_cursor_read_syntax(mr_cursor *c);
void mr_buf_write_syntax(mr_buf *buf, const mr_syntax *syntax);

/* The bits of bind-time feature negotiation. */
enum mr_feature {
    MR_FEATURE_SECURITY_MULTIPLEXING = 0x01, /* several security contexts on one connection */
    MR_FEATURE_KEEP_ON_ORPHAN = 0x02,        /* orphaned calls leave the connection open */
};

/* Whether @syntax proposes features; their bits then go to *@bitsp (may be NULL). Any version of
 * the prefix 6cb71c2c-9812-4540 is recognised. */
bool mr_features_get(const mr_syntax *syntax, uint64_t *bitsp);
/* The transfer syntax 6cb71c2c-9812-4540-xxxx-xxxxxxxxxxxx 1.0 that proposes @bits. */
mr_syntax mr_features_syntax(uint64_t bits);

#endif
