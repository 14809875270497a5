/*
 * Kerberos messages that a stranger may send and read (RFC 4120): an AS-REQ without
 * pre-authentication, an AP-REQ in a password change that no key stands behind (RFC 3244), and the
 * KRB-ERROR with which every KDC answers them.
 */
#ifndef MSRPC_WIRE_KRB_H
#define MSRPC_WIRE_KRB_H

#include <msrpc/base.h>

enum mr_krb_message { /* RFC 4120 5.10 */
    MR_KRB_AS_REQ = 10,
    MR_KRB_AS_REP = 11,
    MR_KRB_TGS_REP = 13,
    MR_KRB_AP_REP = 15,
    MR_KRB_ERROR = 30,
};

/* Appends an AS-REQ for @client@@realm to krbtgt/@realm with no pre-authentication; times are
 * far ahead, so no clock is needed. 0 or the buffer's error. */
int mr_krb_encode_as_req(const char *client, const char *realm, uint32_t nonce, mr_buf *out);

/* Appends a password change request of RFC 3244 whose ticket and data are zeros of no key: a
 * server can only reject it. 0 or the buffer's error. */
int mr_krb_encode_kpasswd_probe(const char *realm, mr_buf *out);

typedef struct mr_krb_error {
    uint32_t code;       /* error-code; MR_SPACE_KRB of the code table */
    int64_t server_time; /* Unix seconds */
    uint32_t server_usec;
    mr_slice realm;      /* of the service that answers */
    mr_slice client_realm;
    mr_slice text;       /* e-text */
    mr_slice data;       /* e-data */
} mr_krb_error;

/* The number of the message in @bytes (enum mr_krb_message), 0 when it is none. */
unsigned mr_krb_get_type(mr_slice bytes);
/* Decodes a KRB-ERROR (RFC 4120 5.9.1); slices *borrow*. MR_ERR_MALFORMED. */
int mr_krb_error_decode(mr_slice bytes, mr_krb_error *errorp, mr_error *err);

typedef struct mr_krb_rep {
    mr_slice realm;  /* crealm of an AS-REP */
} mr_krb_rep;

/* Decodes the clear part of an AS-REP; slices *borrow*. MR_ERR_MALFORMED. */
int mr_krb_rep_decode(mr_slice bytes, mr_krb_rep *repp, mr_error *err);

typedef struct mr_kpasswd_reply {
    uint16_t version;
    mr_slice ap_rep;  /* empty: @body is a KRB-ERROR */
    mr_slice body;
} mr_kpasswd_reply;

/* Splits a reply of RFC 3244 2; slices *borrow*. MR_ERR_TRUNCATED, MR_ERR_MALFORMED. */
int mr_kpasswd_decode(mr_slice bytes, mr_kpasswd_reply *replyp, mr_error *err);

#endif
