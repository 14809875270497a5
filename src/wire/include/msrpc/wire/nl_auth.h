/*
 * NL_AUTH_MESSAGE (MS-NRPC 2.2.1.3.1): the tokens of Netlogon's secure channel (auth type 68).
 * Slices *borrow*; names are octets of an OEM code page.
 */
#ifndef MSRPC_WIRE_NL_AUTH_H
#define MSRPC_WIRE_NL_AUTH_H

#include <msrpc/base.h>

typedef struct mr_nl_auth {
    bool response;     /* of the server; it has no names */
    mr_slice domain;   /* NetBIOS names; empty: not told */
    mr_slice computer;
} mr_nl_auth;

/* MR_ERR_TRUNCATED, or MR_ERR_MALFORMED for another type of message. */
int mr_nl_auth_decode(mr_slice bytes, mr_nl_auth *messagep, mr_error *err);
/* Appends to @out and returns its error. */
int mr_nl_auth_encode(const mr_nl_auth *message, mr_buf *out);

#endif
