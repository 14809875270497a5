/*
 * Inside flows: a flow has a hot part (mr_flow) and a cold one, at the same place of a chunk. The
 * cold part is touched when a packet is more than the next one of its direction; what a sound
 * connection has no use for is in a rare part of each side, made when it is first written. All
 * three together are the mr_flow_seen that is told.
 */
#ifndef MSRPC_CAPTURE_FLOW_PRIVATE_H
#define MSRPC_CAPTURE_FLOW_PRIVATE_H

#include <msrpc/base/result.h>
#include <msrpc/capture/flow.h>

enum lane_flag {
    LANE_STARTED = 0x01, /* start, next and top are valid */
    LANE_QUIET = 0x02,   /* the sink wants no octets */
    LANE_FIN = 0x04,     /* the FIN was seen, cold.fin is its place */
    LANE_ACKED = 0x08,   /* ack is valid */
    LANE_ZERO = 0x10,    /* the window is zero */
    LANE_LATEST = 0x20,  /* sent the flow's last packet */
    LANE_AGAIN = 0x40,   /* what was sent again is not acknowledged yet */
};

/* A segment, or a part of one, that waits for a hole to fill. */
typedef struct flow_piece {
    struct flow_piece *next;
    uint64_t packet;
    mr_nsec time;
    uint32_t seq;
    uint32_t len;  /* on the wire */
    uint32_t have; /* captured, in @octets */
    uint8_t octets[];
} flow_piece;

typedef struct flow_wait {
    flow_piece *held;    /* in order of seq, not overlapping, all beyond next */
    flow_piece *tail;
    uint32_t held_count;
    uint32_t held_octets;
    uint32_t stray_run;
    uint32_t again;      /* timestamp of the segment that was sent again last */
    uint32_t again_first; /* LANE_AGAIN: of the first, */
    uint32_t again_count; /* how many, */
    uint32_t again_end;   /* behind them all */
    mr_nsec again_time;   /* and when the last one was sent */
    bool again_soon;      /* which was sooner than a delayed acknowledgement may come */
    uint32_t hasty;      /* found to be sent in haste before the other side could say so */
    mr_nsec hole_since;  /* when the hole at next opened */
    mr_nsec hole_acked;  /* when its octets were acknowledged; MR_NSEC_NEVER: not yet */
} flow_wait;

/* What holes, retransmissions, closed windows and resets leave behind. Of @seen only what
 * flow_side has not. */
typedef struct flow_rare {
    mr_flow_side_seen seen;
    flow_wait wait;
} flow_rare;

/* What is told of every side, as in mr_flow_side_seen. */
typedef struct flow_side {
    flow_rare *rare;     /* NULL: none */
    uint64_t first_packet;
    uint64_t syn_packet;
    uint64_t fin_packet;
    mr_nsec syn_time;
    mr_nsec fin_time;
    uint32_t isn;
    uint32_t fin;        /* sequence number of the FIN */
    uint32_t dup_acks;
    uint32_t keepalives;
    uint16_t syns;
    uint16_t syn_flags;
    uint16_t mss;
    uint8_t mac[6];
    uint8_t wscale;
    uint8_t ttl_min;
    uint8_t ttl_max;
    bool sack_ok : 1;
    bool stamped : 1;
    bool macs : 1;
    bool mac_changed : 1;
    bool df : 1;
    bool fin_acked : 1;
    bool fin_second : 1;
    bool isn_changed : 1;
} flow_side;

/* The same of the whole flow, as in mr_flow_seen. */
typedef struct flow_cold {
    uint64_t id;
    uint64_t last_packet;
    mr_nsec sent[2];     /* when a side's last octets so far went out, by enum mr_flow_side */
    uint64_t opened_packet;
    uint64_t idle_packet;
    uint64_t idle_last_packet;
    uint64_t icmp_packet;
    mr_nsec first;
    mr_nsec opened;
    mr_nsec idle_longest;
    mr_nsec idle_last;
    uint32_t after_reset;
    uint32_t icmp;
    uint32_t icmp_mtu;
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint8_t end;
    bool simultaneous : 1;
    bool checksums_bad : 1;
    bool truncated : 1;
    bool reuse : 1;
    flow_side side[2];
} flow_cold;

#define CHUNK_BITS 8
#define CHUNK_FLOWS (1u << CHUNK_BITS)

struct mr_flow_chunk {
    mr_flow hot[CHUNK_FLOWS];
    flow_cold cold[CHUNK_FLOWS];
};

static inline mr_flow *flow_at(const mr_flows *flows, uint32_t index) {
    return &flows->chunks[index >> CHUNK_BITS]->hot[index & (CHUNK_FLOWS - 1)];
}
static inline flow_cold *cold_of(const mr_flows *flows, const mr_flow *flow) {
    return &flows->chunks[flow->index >> CHUNK_BITS]->cold[flow->index & (CHUNK_FLOWS - 1)];
}

/* The rare part of side @from, to write; without memory a place that nobody reads, and the feed
 * fails (flow_table.c). */
flow_rare *mr_flow_rare(mr_flows *flows, const mr_flow *flow, int from);
/* The same to read. */
static inline const flow_rare *rare_of(const mr_flows *flows, const mr_flow *flow, int from) {
    static const flow_rare none = {.wait.hole_acked = MR_NSEC_NEVER};
    const flow_rare *rare = cold_of(flows, flow)->side[from].rare;
    return rare ? rare : &none;
}

/* Sequence numbers compare as distances (RFC 9293 3.4). */
static inline int32_t seq_diff(uint32_t a, uint32_t b) {
    return (int32_t)(a - b);
}
static inline bool seq_after(uint32_t a, uint32_t b) {
    return seq_diff(a, b) > 0;
}
/* Times of a capture may step back. */
static inline mr_nsec since(mr_nsec now, mr_nsec then) {
    return now > then ? now - then : 0;
}
static inline uint64_t lane_position(const mr_flow_lane *lane) {
    return ((uint64_t)lane->wraps << 32) + lane->next - lane->start;
}
static inline void lane_start(mr_flow_lane *lane, uint32_t seq) {
    lane->start = lane->next = lane->top = seq;
    lane->wraps = 0;
    lane->flags |= LANE_STARTED;
}

/* flow_table.c: the hash table and the chunks. */
uint64_t mr_flow_hash(const uint64_t key[2], uint8_t family, const mr_host *a, uint16_t a_port,
                      const mr_host *b, uint16_t b_port);
uint32_t mr_flow_shard_of(uint64_t hash, uint32_t shards);
/* The flow of an endpoint pair, NULL: none; *@fromp says which side @a is. */
mr_flow *mr_flow_find(const mr_flows *flows, uint64_t hash, uint8_t family, uint16_t vlan,
                      const mr_host *a, uint16_t a_port, const mr_host *b, uint16_t b_port,
                      int *fromp);
/* A zeroed flow under @hash, its key unset; NULL without memory. */
mr_flow *mr_flow_add(mr_flows *flows, uint64_t hash);
void mr_flow_remove(mr_flows *flows, mr_flow *flow);
int mr_flow_table_init(mr_flows *flows);
void mr_flow_table_deinit(mr_flows *flows);

/* tcp_track.c: one packet of @flow, sent by side @from. */
int mr_flow_track(mr_flows *flows, mr_flow *flow, int from, const mr_segment *seg);
/* Puts together what was seen of @flow. */
void mr_flow_tell(const mr_flows *flows, const mr_flow *flow, mr_flow_seen *seenp);
/* Whether @seg, a SYN or SYN-ACK, begins another connection than @flow is. */
bool mr_flow_is_reuse(const mr_flows *flows, const mr_flow *flow, int from, const mr_segment *seg);

/* flow_order.c: octets into stream order. @seq is that of the first payload octet. */
int mr_flow_deliver(mr_flows *flows, mr_flow *flow, int from, uint32_t seq,
                    const mr_segment *seg);
/* Declares holes of side @from up to @limit to be gaps and delivers what is held before it. */
int mr_flow_flush(mr_flows *flows, mr_flow *flow, int from, uint32_t limit, uint64_t packet);
/* Whether octets of side @from that are acknowledged and not there may only be out of order. */
bool mr_flow_may_come(mr_flows *flows, const mr_flow *flow, int from);
/* Looks whether a hole was acknowledged long enough ago. */
int mr_flow_settle(mr_flows *flows, mr_flow *flow, uint64_t packet);
/* The flow is over: everything goes out. */
int mr_flow_flush_all(mr_flows *flows, mr_flow *flow);
void mr_flow_free_held(mr_flows *flows, mr_flow *flow, int from);

#endif
