/* What the two files of Kerberos share; each read poisons its cursor when the form is broken. */
#ifndef MSRPC_WIRE_KRB_PRIVATE_H
#define MSRPC_WIRE_KRB_PRIVATE_H

#include <msrpc/wire/ber.h>
#include <msrpc/wire/krb.h>

int mr_krb_malformed(mr_error *err, const mr_cursor *c, const char *what);
/* KerberosTime (RFC 4120 5.2.3) as Unix seconds. */
static inline int64_t mr_krb_read_time(mr_cursor *c) {
    return mr_ber_read_time(c, MR_BER_GENERALIZED_TIME);
}
uint32_t mr_krb_read_u32(mr_cursor *c);
mr_krb_name mr_krb_read_name(mr_cursor *c);
/* The inner sequence of a message with application number @type. */
mr_cursor mr_krb_open_message(mr_slice bytes, unsigned type);

#endif
