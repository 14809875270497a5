/* The first words of TLS (RFC 8446 4.1, RFC 5246 7.4.1): a ClientHello, and whether a ServerHello
 * or an alert comes back. No handshake follows; this is no TLS implementation. */
#ifndef MSRPC_WIRE_TLS_HELLO_H
#define MSRPC_WIRE_TLS_HELLO_H

#include <msrpc/base.h>

typedef struct mr_tls_hello {
    bool alert;           /* an alert answered: @alert_level and @alert_code (MR_SPACE_TLS_ALERT) */
    uint8_t alert_level, alert_code;
    uint16_t version;     /* of the ServerHello: 0x0303 is TLS 1.2, 0x0304 TLS 1.3 */
    uint16_t cipher;
} mr_tls_hello;

/* Appends a ClientHello for TLS 1.0 to 1.2 with @random; @server_name (may be NULL) goes into SNI
 * when it is no address. 0 or the buffer's error. */
int mr_tls_encode_client_hello(const uint8_t random[32], const char *server_name, mr_buf *out);
/* Length of the record @bytes begins with: 0; 1 when more octets are needed to tell;
 * MR_ERR_MALFORMED when it is no TLS record. */
int mr_tls_get_size(mr_slice bytes, size_t *lenp);
/* Decodes a whole first record. MR_ERR_TRUNCATED, MR_ERR_MALFORMED. */
int mr_tls_hello_decode(mr_slice record, mr_tls_hello *hellop, mr_error *err);
/* "TLS 1.2"; other numbers are written into @out. */
const char *mr_tls_version_name(uint16_t version, char out[16]);

#endif
