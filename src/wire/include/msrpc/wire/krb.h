/*
 * Kerberos messages that a stranger may send and read (RFC 4120): an AS-REQ without
 * pre-authentication, an AP-REQ in a password change that no key stands behind (RFC 3244), the
 * KRB-ERROR with which every KDC answers them, and the clear parts of everything else that travels
 * between clients, KDCs and services.
 */
#ifndef MSRPC_WIRE_KRB_H
#define MSRPC_WIRE_KRB_H

#include <msrpc/base.h>

enum mr_krb_message { /* RFC 4120 5.10 */
    MR_KRB_AS_REQ = 10,
    MR_KRB_AS_REP = 11,
    MR_KRB_TGS_REQ = 12,
    MR_KRB_TGS_REP = 13,
    MR_KRB_AP_REQ = 14,
    MR_KRB_AP_REP = 15,
    MR_KRB_ERROR = 30,
};

/* Error codes that decide something (RFC 4120 7.5.9, RFC 6113 2); base/codes has them all. */
enum mr_krb_code {
    MR_KRB_C_PRINCIPAL_UNKNOWN = 6,
    MR_KRB_S_PRINCIPAL_UNKNOWN = 7,
    MR_KRB_POLICY = 12,
    MR_KRB_BADOPTION = 13,
    MR_KRB_CLIENT_REVOKED = 18,
    MR_KRB_KEY_EXPIRED = 23,
    MR_KRB_PREAUTH_FAILED = 24,
    MR_KRB_PREAUTH_REQUIRED = 25,
    MR_KRB_TICKET_EXPIRED = 32,
    MR_KRB_TICKET_EARLY = 33,
    MR_KRB_NOT_US = 35,
    MR_KRB_SKEW = 37,
    MR_KRB_MODIFIED = 41,
    MR_KRB_BADKEYVER = 44,
    MR_KRB_NOKEY = 45,
    MR_KRB_RESPONSE_TOO_BIG = 52,
    MR_KRB_MORE_PREAUTH = 91,
};

/* Appends an AS-REQ for @client@@realm to krbtgt/@realm with no pre-authentication; times are
 * far ahead, so no clock is needed. 0 or the buffer's error. */
int mr_krb_encode_as_req(const char *client, const char *realm, uint32_t nonce, mr_buf *out);

/* Appends a password change request of RFC 3244 whose ticket and data are zeros of no key: a
 * server can only reject it. 0 or the buffer's error. */
int mr_krb_encode_kpasswd_probe(const char *realm, mr_buf *out);

#define MR_KRB_PARTS 4   /* of a principal's name that are kept */
#define MR_KRB_LIST 16   /* encryption types and pre-authentications that are kept */

typedef struct mr_krb_name { /* RFC 4120 5.2.2 */
    int32_t type;
    uint8_t count;       /* parts kept */
    mr_slice parts[MR_KRB_PARTS]; /* "cifs", "fs1.lab.test" */
} mr_krb_name;

typedef struct mr_krb_error {
    uint32_t code;       /* error-code; MR_SPACE_KRB of the code table */
    int64_t server_time; /* Unix seconds */
    uint32_t server_usec;
    int64_t client_time; /* as the client said it; 0: not told */
    uint32_t client_usec;
    mr_slice realm;      /* of the service that answers */
    mr_krb_name server;
    mr_slice client_realm;
    mr_krb_name client;
    mr_slice text;       /* e-text */
    mr_slice data;       /* e-data */
} mr_krb_error;

/* The number of the message in @bytes (enum mr_krb_message), 0 when it is none. */
unsigned mr_krb_get_type(mr_slice bytes);
/* Decodes a KRB-ERROR (RFC 4120 5.9.1); slices *borrow*. MR_ERR_MALFORMED. */
int mr_krb_error_decode(mr_slice bytes, mr_krb_error *errorp, mr_error *err);
/* The same of one whose end is missing: fields that are not whole are empty. MR_ERR_MALFORMED: not
 * even its code is there. */
int mr_krb_error_peek(mr_slice bytes, mr_krb_error *errorp);

/* What a KRB-ERROR's data say, as far as they are of a known form (RFC 4120 5.9.1; MS-KILE 2.2.1,
 * 2.2.2); else all is empty. */
typedef struct mr_krb_error_data {
    int32_t padata[MR_KRB_LIST];  /* pre-authentications the KDC takes */
    uint8_t padata_count;
    int32_t etypes[MR_KRB_LIST];  /* of PA-ETYPE-INFO2 */
    uint8_t etype_count;
    mr_slice salt;                /* of its first entry */
    bool has_status;
    uint32_t status;              /* NTSTATUS of KERB-ERROR-DATA: why really */
} mr_krb_error_data;
void mr_krb_error_data_decode(mr_slice data, mr_krb_error_data *datap);

/* How often a KDC's answer, KRB-ERROR or AS-REP, wants a password hashed into a key at most: the
 * largest count of its PA-ETYPE-INFO2 (RFC 4120 5.2.7.5, RFC 3962 4: four octets, 0 for 2^32), 0
 * where none is told. Whoever hashes asks first: it is a stranger's word. MR_ERR_MALFORMED when
 * what may tell one breaks its form. */
int mr_krb_get_iterations(mr_slice bytes, uint64_t *countp, mr_error *err);

/* ---- AS and TGS ---- */

typedef struct mr_krb_request { /* RFC 4120 5.4.1; the type is enum mr_krb_message */
    uint8_t type;
    mr_krb_name client;           /* of an AS-REQ */
    mr_krb_name server;
    mr_slice realm;               /* of the KDC that is asked */
    uint32_t options;
    int64_t till;                 /* Unix seconds */
    uint32_t nonce;
    int32_t etypes[MR_KRB_LIST];  /* best first */
    uint8_t etype_count;
    int32_t padata[MR_KRB_LIST];  /* types: 2 an encrypted time stamp, 1 a ticket, ... */
    uint8_t padata_count;
} mr_krb_request;
/* Decodes an AS-REQ or TGS-REQ; slices *borrow*. MR_ERR_MALFORMED. */
int mr_krb_request_decode(mr_slice bytes, mr_krb_request *requestp, mr_error *err);

typedef struct mr_krb_ticket { /* RFC 4120 5.3, the clear part */
    mr_slice realm;
    mr_krb_name server;
    int32_t etype;
    uint32_t kvno;                /* 0: not told */
} mr_krb_ticket;

typedef struct mr_krb_reply { /* RFC 4120 5.4.2 */
    uint8_t type;
    mr_slice client_realm;
    mr_krb_name client;
    mr_krb_ticket ticket;
    int32_t etype;                /* of the part sealed for the client */
    uint32_t kvno;
} mr_krb_reply;
/* Decodes an AS-REP or TGS-REP; slices *borrow*. MR_ERR_MALFORMED. */
int mr_krb_reply_decode(mr_slice bytes, mr_krb_reply *replyp, mr_error *err);

typedef struct mr_krb_ap { /* RFC 4120 5.5.1 */
    uint32_t options;             /* 0x20000000 mutual authentication, 0x40000000 session key */
    mr_krb_ticket ticket;
    int32_t etype;                /* of the authenticator */
} mr_krb_ap;
/* Decodes an AP-REQ; slices *borrow*. MR_ERR_MALFORMED. */
int mr_krb_ap_decode(mr_slice bytes, mr_krb_ap *app, mr_error *err);

/* Length of the message over TCP that @bytes begin with, its four octets included (RFC 4120
 * 7.2.2): 0; 1 when more octets are needed; MR_ERR_MALFORMED. */
int mr_krb_get_size(mr_slice bytes, size_t *lenp);

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
