/* Private to the taps: what they do with the messages of a service, whatever carried them, and the
 * frames of streams that say their own lengths. */
#ifndef MSRPC_CAPTURE_TAP_NET_H
#define MSRPC_CAPTURE_TAP_NET_H

#include "tap.h"

/* What these taps share in a shard: made with the first use, freed by mr_tap_net_free. */
struct mr_tap_net {
    mr_arena scratch;          /* for one message */
    struct tap_tunnel *tunnels[64]; /* of RPC over HTTP that are open, by their cookies */
    struct mr_tap_esp *esp;    /* who protects packets to whom */
};
/* NULL without memory. */
struct mr_tap_net *mr_tap_net_get(mr_tap_ctx *ctx);

/* Where a message was: in a connection or a datagram. */
typedef struct tap_place {
    mr_tap_ctx *ctx;
    mr_tap *tap;               /* of a connection, or */
    const mr_segment *segment; /* a datagram */
    enum mr_dir dir;
    uint64_t packet;           /* of its first octet */
    mr_nsec time;
} tap_place;

/* The record for what was found at a place; NULL without memory. */
mr_seen *mr_tap_place_add(const tap_place *place, enum mr_seen_kind kind);

/* A clock on the wire, in nanoseconds since 1970; 0 before. */
static inline mr_nsec mr_tap_clock(int64_t seconds, uint32_t nanoseconds) {
    const int64_t most = INT64_MAX / 1000000000; /* the year 2262 */

    if (seconds < 0 || (seconds == 0 && nanoseconds == 0))
        return 0;
    return (mr_nsec)(seconds < most ? seconds : most) * MR_SEC + nanoseconds;
}

/* The service of names on these ports (enum mr_seen_names), or -1. */
int mr_tap_names_service(uint16_t sport, uint16_t dport);
/* A message of @service of which @bytes were captured, of @len on the wire. Nothing is added for
 * what tells nothing. 0 or MR_ERR_MEMORY. */
int mr_tap_names_message(const tap_place *place, enum mr_seen_names service, mr_slice bytes,
                         size_t len);
/* A Kerberos message, alone or (@in_rpc) inside another protocol. The same results. */
int mr_tap_krb_message(const tap_place *place, mr_slice bytes, size_t len, bool in_rpc);
/* One of the password service (RFC 3244). The same results. */
int mr_tap_krb_password(const tap_place *place, mr_slice bytes, size_t len);
int mr_tap_icmp_datagram(mr_tap_ctx *ctx, const mr_segment *segment);
int mr_tap_arp_datagram(mr_tap_ctx *ctx, const mr_segment *segment);
/* UDP ports 500 and 4500. */
int mr_tap_ike_datagram(mr_tap_ctx *ctx, const mr_segment *segment);
int mr_tap_esp_datagram(mr_tap_ctx *ctx, const mr_segment *segment);

/* ---- frames ---- */

/* One direction of a stream whose frames begin with their length. */
typedef struct tap_frames {
    uint8_t *held;   /* the frame that has begun */
    uint32_t len, room;
    uint64_t packet; /* of its first octet */
    mr_nsec time;
    uint64_t skip;   /* octets that belong to no frame of interest */
    bool lost;       /* where the next frame begins is not known */
} tap_frames;

typedef struct tap_framing {
    uint32_t head;   /* octets that tell the length */
    uint32_t max;    /* octets of a frame that are kept */
    /* The length of the frame that @head begins, the head included: 0, or negative when it is none.
     * More than the head may be there to look at. */
    int (*measure)(mr_slice head, size_t *lenp);
    /* A frame of @len octets, of which the first @max are here, fewer of one that is cut (see
     * mr_tap_frames_cut). 0, MR_FLOW_IGNORE, negative. */
    int (*frame)(mr_tap *tap, const tap_place *place, mr_slice octets, size_t len);
} tap_framing;

/* What came of a direction is cut into frames. Results of the frame function. */
int mr_tap_frames_feed(tap_frames *frames, const tap_framing *framing, mr_tap *tap, enum mr_dir dir,
                       mr_slice octets, const mr_flow_at *at);
/* To be called before mr_tap_frames_gap by protocols that learn from the beginning of a frame:
 * hands on what is held of one. Results of the frame function. */
int mr_tap_frames_cut(tap_frames *frames, const tap_framing *framing, mr_tap *tap,
                      enum mr_dir dir);
/* @len octets are missing. Where they lie in a frame of known length the next one is found behind
 * it, else at the beginning of a segment that looks like one. */
void mr_tap_frames_gap(tap_frames *frames, const tap_framing *framing, uint64_t len);
void mr_tap_frames_deinit(tap_frames *frames);

#endif
