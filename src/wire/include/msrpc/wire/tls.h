/*
 * TLS as somebody sees it who has no key (RFC 8446, RFC 5246): records, alerts, the hellos, and the
 * certificates of TLS 1.2 and older with their names and dates (RFC 5280). Nothing is verified.
 * Slices *borrow*.
 */
#ifndef MSRPC_WIRE_TLS_H
#define MSRPC_WIRE_TLS_H

#include <msrpc/wire/tls_hello.h>

enum mr_tls_content { /* RFC 8446 5.1 */
    MR_TLS_CHANGE_CIPHER = 20,
    MR_TLS_ALERT = 21,
    MR_TLS_HANDSHAKE = 22,
    MR_TLS_DATA = 23,
};

enum mr_tls_handshake { /* RFC 8446 4, RFC 5246 7.4 */
    MR_TLS_CLIENT_HELLO = 1,
    MR_TLS_SERVER_HELLO = 2,
    MR_TLS_CERTIFICATE = 11,
};

typedef struct mr_tls_record {
    uint8_t type;        /* enum mr_tls_content */
    uint16_t version;
    mr_slice body;
    size_t size;         /* octets, its head included */
} mr_tls_record;
/* The record that @bytes begin with: 0; 1 when more octets are needed; MR_ERR_MALFORMED when it is
 * none. */
int mr_tls_record_decode(mr_slice bytes, mr_tls_record *recordp);

/* An alert in clear is two octets long; a longer record is sealed: MR_ERR_MALFORMED. */
int mr_tls_alert_decode(mr_slice body, uint8_t *levelp, uint8_t *codep);

/* The next handshake message of the joined bodies of handshake records: 0; 1 when it is not all
 * there. */
int mr_tls_read_handshake(mr_cursor *c, uint8_t *typep, mr_slice *bodyp);

typedef struct mr_tls_client_hello {
    uint16_t version;    /* highest offered, supported_versions (RFC 8446 4.2.1) too */
    mr_slice server_name; /* SNI, RFC 6066 3 */
    mr_slice alpn;       /* the first protocol offered, RFC 7301 */
} mr_tls_client_hello;
int mr_tls_client_hello_decode(mr_slice body, mr_tls_client_hello *hellop, mr_error *err);

typedef struct mr_tls_server_hello {
    uint16_t version;    /* agreed, supported_versions too */
    uint16_t cipher;
    bool retry;          /* it is a HelloRetryRequest */
} mr_tls_server_hello;
int mr_tls_server_hello_decode(mr_slice body, mr_tls_server_hello *hellop, mr_error *err);

/* The first certificate of a Certificate message of TLS 1.2 or older (RFC 5246 7.4.2): DER. */
int mr_tls_certificate_decode(mr_slice body, mr_slice *derp, mr_error *err);

#define MR_X509_NAMES 16

typedef struct mr_x509 { /* RFC 5280 4.1 */
    mr_slice subject;    /* the common name, or empty */
    mr_slice issuer;
    bool self_signed;    /* subject and issuer are the same octets */
    int64_t not_before, not_after; /* Unix seconds */
    mr_slice dns[MR_X509_NAMES];   /* DNS names of subjectAltName, the first ones */
    uint8_t dns_count;
    mr_slice ip[MR_X509_NAMES];    /* addresses of it: 4 or 16 octets */
    uint8_t ip_count;
} mr_x509;
/* Decodes what a person asks of a certificate. MR_ERR_TRUNCATED, MR_ERR_MALFORMED. */
int mr_x509_decode(mr_slice der, mr_x509 *certp, mr_error *err);

#endif
