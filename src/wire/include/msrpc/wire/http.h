/*
 * Heads of HTTP/1 messages (RFC 9112), as RPC over HTTP (MS-RPCH 2.1.2) and the web servers before
 * it speak them. Slices *borrow* from the octets given; header values are without the blanks
 * around them.
 */
#ifndef MSRPC_WIRE_HTTP_H
#define MSRPC_WIRE_HTTP_H

#include <msrpc/base.h>

#define MR_HTTP_HEAD_MAX 32768 /* octets of a head */
#define MR_HTTP_HEADERS_MAX 64

typedef struct mr_http_header {
    mr_slice name, value;
} mr_http_header;

typedef struct mr_http_head {
    bool response;
    uint8_t minor;          /* of the version: HTTP/1.@minor */
    mr_slice method;        /* request: "RPC_IN_DATA" */
    mr_slice target;        /* request: "/rpc/rpcproxy.dll?server:593" */
    uint16_t status;        /* response */
    mr_slice reason;        /* response: "RPC Error: 6ba" */
    size_t size;            /* octets of the head, its empty line included */
    mr_http_header headers[MR_HTTP_HEADERS_MAX]; /* the first ones */
    uint8_t header_count;
    bool has_length;
    uint64_t length;        /* Content-Length */
    bool chunked;
    bool has_rpc_error;     /* the reason told an RPC status, MS-RPCH 2.1.2.1.3 */
    uint32_t rpc_error;     /* Win32: 0x6ba is RPC_S_SERVER_UNAVAILABLE */
} mr_http_head;

/* Whether @bytes can begin a head: 1 yes as far as they go, 0 no. */
int mr_http_is_head(mr_slice bytes);
/* Decodes the head that @bytes begin with. 0; 1 when its end is not there yet; MR_ERR_LIMIT when
 * it does not come within MR_HTTP_HEAD_MAX; MR_ERR_MALFORMED. */
int mr_http_head_decode(mr_slice bytes, mr_http_head *headp, mr_error *err);
/* The @nth header (from 0) of that name in any case; the empty slice when there is none. */
mr_slice mr_http_find_header(const mr_http_head *head, const char *name, size_t nth);

#endif
