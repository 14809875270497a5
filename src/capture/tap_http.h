/* Private to the taps of HTTP: one connection, and the tunnels of RPC over HTTP (MS-RPCH) that one
 * or two of them make up. */
#ifndef MSRPC_CAPTURE_TAP_HTTP_H
#define MSRPC_CAPTURE_TAP_HTTP_H

#include "tap_net.h"

/* What the octets of a direction are at the moment. */
enum http_part {
    HTTP_HEAD,   /* of a request or an answer */
    HTTP_BODY,   /* @left octets that nobody reads */
    HTTP_CHUNKS, /* a chunked body (RFC 9112 7.1), @chunk is where in it */
    HTTP_PDUS,   /* @left octets of DCE/RPC */
    HTTP_BANNER, /* of port 593 */
    HTTP_LOST,   /* not to be understood before the next head */
    HTTP_OVER,   /* nothing more of interest */
};

enum http_chunk {
    CHUNK_SIZE,
    CHUNK_EXTENSION, /* the rest of the line that says the size */
    CHUNK_DATA,      /* @left octets, the line end behind them too */
    CHUNK_TRAILER,   /* lines up to an empty one */
};

typedef struct http_side {
    uint8_t part;    /* enum http_part */
    uint8_t chunk;   /* enum http_chunk */
    bool line;       /* CHUNK_TRAILER: the line is not empty */
    uint64_t size;   /* CHUNK_SIZE: as far as its digits came */
    uint64_t left;
    uint8_t *held;   /* a head that has begun */
    uint32_t len, room;
    uint64_t packet; /* of its first octet */
    mr_nsec time;
    tap_frames pdus;
    uint32_t pdu_count;
} http_side;

#define HTTP_WAITING 4

/* A request that waits for its answer. */
typedef struct http_request {
    uint64_t packet;
    mr_nsec time;
    char *method;      /* the memory of all three */
    const char *target, *agent;
    bool rpc_in, rpc_out, rpc_connect;
    bool head;         /* its answer has no body */
    bool credentials;
} http_request;

typedef struct tap_http {
    mr_tap tap;
    http_side side[2];
    http_request waiting[HTTP_WAITING]; /* oldest first */
    uint8_t waiting_count;
    uint8_t errors;    /* told, of requests that have nothing to do with RPC */
    uint16_t others;   /* such requests */
    bool direct;       /* port 593: no HTTP but a banner */
    bool banner;       /* it came, or its absence was told */
    bool rpc_in, rpc_out; /* the channel that it is now */
    struct tap_tunnel *tunnel;
    struct tap_http *next; /* of the tunnel */
    mr_seen_end *told;     /* what the tunnel told at its end, when this one began it */
} tap_http;

/* The PDUs of a channel. */
extern const tap_framing mr_tap_http_pdus;
/* @len octets of PDUs are missing. 0 or MR_ERR_MEMORY. */
int mr_tap_tunnel_gap(tap_http *http, enum mr_dir dir, uint64_t len, const mr_flow_at *at);
/* The connection leaves its tunnel, which ends when no channel can go on without it; *@endp gets
 * what the tunnel has to tell, if this is the place. 0 or MR_ERR_MEMORY. */
int mr_tap_tunnel_leave(tap_http *http, const mr_flow_seen *seen, mr_seen_end *endp);
/* The same where nothing is to be told. */
void mr_tap_tunnel_drop(tap_http *http);

#endif
