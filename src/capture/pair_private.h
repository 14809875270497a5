/* What the parts of the comparison of two captures share: one capture's view of the traffic. */
#ifndef MSRPC_CAPTURE_PAIR_PRIVATE_H
#define MSRPC_CAPTURE_PAIR_PRIVATE_H

#include <msrpc/capture/pair.h>

#define PAIR_RANGES 64        /* of a direction; past them it is not compared */
#define PAIR_ANCHORS 16384    /* packets of a capture kept to find the other clock */
#define PAIR_HOSTS 65536
#define PAIR_NONE UINT32_MAX
#define PAIR_CHUNK 256
#define PAIR_MISSING 16       /* missing ranges of a direction that are looked at closely */

/* Octets [from, to) of a direction, with the sum of octet * PAIR_ROOT^position modulo 2^64: sums of
 * neighbours add up, so that it does not depend on how the octets were cut into packets. */
typedef struct pair_range {
    uint64_t from;
    uint64_t to;
    uint64_t sum;
    uint64_t packet; /* the first one, and its time */
    mr_nsec time;
    struct pair_range *next;
} pair_range;

typedef struct pair_lane {
    pair_range *ranges;     /* ascending, disjoint, not touching */
    pair_range first;       /* where a list of one lives */
    uint64_t base;          /* position of octet 0: behind the SYN, or the first seen */
    uint64_t top;           /* behind the highest position */
    uint64_t sent;          /* octets, repeated ones too, but no probes */
    uint64_t syn_packet;
    uint64_t syn_last_packet;
    uint64_t first_packet;
    uint64_t last_packet;
    uint64_t data_packet;   /* that carried new octets, the last */
    uint64_t fin_packet;
    uint64_t rst_packet;
    mr_nsec syn_time;
    mr_nsec syn_last_time;
    mr_nsec first_time;
    mr_nsec last_time;
    mr_nsec data_time;
    mr_nsec fin_time;
    mr_nsec rst_time;
    mr_nsec copy_time;      /* of the last packet, to know it when it is captured twice: */
    uint32_t copy_seq;
    uint32_t copy_len;
    uint32_t copy_stamp;
    uint32_t copy_ack;
    uint16_t copy_id;
    uint16_t copy_flags;
    uint32_t isn;
    uint32_t stamp;         /* of the first SYN */
    uint32_t ack;           /* the highest acknowledgement it sent */
    uint32_t packets;
    uint32_t syns;
    uint32_t rsts;
    uint32_t after_syn;     /* packets that are neither SYN nor RST */
    uint32_t largest;
    uint16_t range_count;
    uint16_t mss;
    uint8_t wscale;
    uint8_t ttl;            /* of its first packet that was no RST; 0: none */
    uint8_t rst_ttl;
    bool begun;             /* positions are known */
    bool has_ack;
    bool sack_ok;
    bool stamped;
    bool cut;               /* the capture cut octets: sums mean nothing */
    bool overflow;          /* past PAIR_RANGES */
} pair_lane;

typedef struct pair_flow {
    mr_host host[2];        /* 0 the client */
    uint16_t port[2];
    uint8_t family;
    bool midstream;
    bool icmp;              /* an ICMP error quotes it */
    uint32_t older;         /* flow of the same addresses and ports, PAIR_NONE: none */
    uint32_t mate;          /* in the other view */
    uint32_t look;          /* the first question about it */
    uint64_t hash;
    pair_lane lane[2];
} pair_flow;

typedef struct pair_anchor {
    uint64_t key;
    mr_nsec time;
    uint8_t ttl;
    bool from_client;
    bool sure;              /* of that */
} pair_anchor;

typedef struct pair_gram { /* a datagram of a service that is compared */
    uint64_t key;           /* of its octets, its service's port and its direction */
    mr_nsec time;
    mr_nsec last;
    uint64_t packet;
    uint64_t last_packet;
    mr_host host[2];        /* 0 the client */
    uint16_t port[2];
    uint16_t id;            /* of the message, to find the answer to a question */
    uint8_t family;
    uint8_t ttl;
    bool answer;
    uint32_t count;         /* copies */
    uint32_t mate;
} pair_gram;

typedef struct pair_host {
    mr_host host;
    uint8_t family;         /* 0: free */
    uint8_t ttl;            /* of its first packet that was no RST */
    uint32_t from;          /* packets, of IP, it sent */
    uint32_t to;
    bool arp;               /* it answered or asked by ARP */
    bool both;              /* serves something that both captures have, under this address */
} pair_host;

typedef struct pair_view {
    pair_flow **chunks;     /* of PAIR_CHUNK flows, which never move */
    uint32_t flow_count, chunk_room, flow_max;
    uint32_t *slots;        /* index + 1 of the youngest flow of a tuple */
    uint32_t slot_mask;
    pair_gram *grams;
    uint32_t gram_count, gram_room, gram_max;
    uint32_t *gram_slots;
    uint32_t gram_mask;
    uint64_t *answers;      /* sorted: exchanges that have one */
    uint32_t answer_count;
    pair_host *hosts;
    uint32_t host_count, host_mask;
    uint64_t single;        /* packets of IP to one host */
    uint32_t constant;      /* hosts that all of them are from or to */
    pair_anchor *anchors;
    uint32_t anchor_count;
    uint64_t anchor_mask;
    uint64_t key[2];
    mr_pair_place *place;
} pair_view;

static inline pair_flow *pair_flow_at(const pair_view *view, uint32_t index) {
    return &view->chunks[index / PAIR_CHUNK][index % PAIR_CHUNK];
}

/* A question of the second reading: which packets carried the octets [from, to)? */
typedef struct pair_look {
    uint32_t flow;
    uint32_t next;          /* another one of the same flow, PAIR_NONE: none */
    uint8_t lane;
    uint64_t from, to;      /* positions */
    uint64_t packet, last_packet;
    mr_nsec time, last_time;
    uint32_t count;
    uint32_t largest;
    mr_pair_seen seen;      /* the record that waits for it */
} pair_look;

typedef struct pair_state {
    pair_view view[2];
    const mr_pair_config *config;
    mr_pair *pair;
    mr_pair_seen *seen;
    uint32_t seen_count, seen_room;
    pair_look *looks[2];
    uint32_t look_count[2], look_room[2];
} pair_state;

/* pair_range.c */
uint64_t mr_pair_power(uint64_t exponent);
uint64_t mr_pair_sum(mr_slice octets, uint64_t position);
/* Adds octets; *newp: how many of them are new. */
int mr_pair_range_add(pair_lane *lane, uint64_t position, uint32_t len, mr_slice octets,
                      uint64_t packet, mr_nsec time, uint64_t *newp);
void mr_pair_range_free(pair_lane *lane);
/* The parts of @a's ranges that @b, shifted by -@shift, does not have; how many were written. */
uint32_t mr_pair_range_missing(const pair_lane *a, const pair_lane *b, int64_t shift,
                               uint64_t (*out)[2], uint32_t room);
uint64_t mr_pair_range_octets(const pair_lane *lane);

/* pair_view.c */
int mr_pair_view_init(pair_view *view, const mr_pair_config *config, const uint64_t key[2],
                      mr_pair_place *place);
void mr_pair_view_deinit(pair_view *view);
int mr_pair_view_feed(pair_view *view, const mr_segment *seg);
/* The youngest flow between these, either way round; PAIR_NONE. */
uint32_t mr_pair_view_find(const pair_view *view, uint64_t hash, const mr_segment *seg);
uint64_t mr_pair_segment_hash(const pair_view *view, const mr_segment *seg);
uint64_t mr_pair_position(const pair_lane *lane, uint32_t seq);
bool mr_pair_same_ends(const pair_flow *flow, const mr_segment *seg, int *sidep);

/* pair_host.c */
pair_host *mr_pair_host_find(const pair_view *view, uint8_t family, const mr_host *host);
int mr_pair_host_add(pair_view *view, const mr_segment *seg);
/* Counts them, once everything is read. */
void mr_pair_host_end(pair_view *view);
/* Both captures have something that this host serves, under the same address. */
void mr_pair_host_both(pair_state *state, uint8_t family, const mr_host *host);
/* Whether what the capture @at lacks of the traffic to this host did not come by: the two captures
 * share other traffic of it, or it is the one host that every packet of @at is from or to. */
bool mr_pair_host_on_path(const pair_state *state, int at, uint8_t family, const mr_host *host);
/* Which capture a host is nearer to: 0, 1, or -1 where TTLs do not tell. */
int mr_pair_host_side(const pair_state *state, uint8_t family, const mr_host *host);

/* pair_gram.c */
int mr_pair_gram_add(pair_view *view, const mr_segment *seg);
int mr_pair_gram_match(pair_state *state);
int mr_pair_gram_judge(pair_state *state);

/* pair_clock.c */
void mr_pair_anchor_add(pair_view *view, const mr_segment *seg, bool from_client, bool sure);
int mr_pair_clock_estimate(const pair_view *a, const pair_view *b, mr_pair_clock *clockp);

/* pair_match.c */
int mr_pair_match(pair_state *state);

/* pair_judge.c */
int mr_pair_judge(pair_state *state);
/* How far the capture @at shows that it ran at @time of the capture @of: 0 it did not, 1 nearly, 2
 * it did. */
int mr_pair_covers(const pair_state *state, int at, int of, mr_nsec time);
/* The same for something repeated from @time to @last: once is enough. */
int mr_pair_covers_any(const pair_state *state, int at, int of, mr_nsec time, mr_nsec last);
mr_nsec mr_pair_a_time(const pair_state *state, int of, mr_nsec time);
int mr_pair_add(pair_state *state, const mr_pair_seen *seen);

/* pair_look.c */
/* Takes @seen in custody until the capture @at was read again. */
int mr_pair_look_add(pair_state *state, int at, uint32_t flow, int lane, uint64_t from,
                     uint64_t to, const mr_pair_seen *seen);
void mr_pair_look_feed(pair_state *state, int at, const mr_segment *seg);
/* Adds the records whose questions were answered. */
int mr_pair_look_end(pair_state *state);

#endif
