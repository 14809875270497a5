/*
 * Flows: TCP connections followed through a capture (RFC 9293), and the datagrams beside them.
 * Segments go in, in capture order; out come, through a sink, the octets of each direction in
 * stream order without a copy where the capture has them in order, gaps as events, and at the end
 * of each flow what was seen of TCP itself. Nothing is guessed: octets that were not captured are a
 * gap, the first copy of an octet wins and a different later copy is counted.
 *
 * Directions: MR_FROM_CLIENT is the side that sent the first SYN. Of a flow whose handshake the
 * capture does not have (@midstream) the server is the side with the better known port; a tap that
 * learns better from the protocol sets @turned. Positions count from the first octet of a
 * direction's stream. Memory: 128 octets per flow for every packet, some 300 beside it, about 450
 * more for a direction that was disturbed, and the octets that wait for a hole to fill, under a cap
 * per direction and one for all.
 *
 * With N shards, N of these see every packet and each keeps those flows that fall to it; a TCP
 * flow, the ICMP errors about it and its datagrams fall to the same one. What a sink is told of one
 * flow does not depend on the number of shards, as long as no cap over all flows is reached.
 */
#ifndef MSRPC_CAPTURE_FLOW_H
#define MSRPC_CAPTURE_FLOW_H

#include <msrpc/capture/decap.h>

enum mr_flow_side {
    MR_FROM_CLIENT = 0, /* also the index of what the client has or sent */
    MR_FROM_SERVER = 1,
};

enum mr_flow_state {
    MR_FLOW_SYN,     /* SYN seen, nothing else */
    MR_FLOW_SYN_ACK, /* answered, not confirmed: half open */
    MR_FLOW_OPEN,
    MR_FLOW_CLOSING, /* one FIN */
    MR_FLOW_CLOSED,  /* a FIN of either side, or of the only side that was captured */
    MR_FLOW_RESET,
};

enum mr_flow_end {
    MR_FLOW_END_CAPTURE, /* the capture ended before the flow did */
    MR_FLOW_END_CLOSED,  /* FIN or RST, and then silence */
    MR_FLOW_END_IDLE,    /* silent for too long */
    MR_FLOW_END_REUSED,  /* another connection began on its ports */
    MR_FLOW_END_LIMIT,   /* pushed out by the cap on flows */
};

/* One direction of a flow, as every packet needs it. */
typedef struct mr_flow_lane {
    uint32_t start;   /* sequence number of position 0 */
    uint32_t next;    /* of the next octet to deliver */
    uint32_t top;     /* behind the last octet sent */
    uint32_t ack;     /* the highest acknowledgement this side sent */
    uint32_t packets;
    uint16_t window;  /* as sent last */
    uint16_t ip_id;
    uint16_t largest; /* payload of one packet, saturated */
    uint16_t wraps;   /* times @next passed zero since @start */
    uint8_t ttl;
    uint8_t flags;    /* private */
    uint16_t through; /* the largest payload that was certainly acknowledged */
} mr_flow_lane;

/* A flow, *borrowed* by sinks until its end; they write @user and @turned only. */
typedef struct mr_flow {
    mr_host host[2];   /* indexed by enum mr_flow_side */
    uint16_t port[2];
    uint16_t vlan;
    uint8_t family;
    uint8_t state;     /* enum mr_flow_state */
    uint32_t index;    /* private */
    bool used;         /* private */
    bool midstream;    /* its beginning is not in the capture */
    bool turned;       /* the sides are the other way round, says a tap */
    uint8_t waiting;   /* private */
    void *user;        /* the sink's own */
    mr_nsec last;      /* time of the last packet */
    mr_flow_lane lane[2];
} mr_flow;

#define MR_FLOW_TIMES 8
#define MR_FLOW_NO_IP_ID 0x10000

/* The first RST of a direction, with what is known of its sender to compare it with. */
typedef struct mr_flow_reset {
    uint32_t count;
    uint64_t packet;      /* 0: none */
    mr_nsec time;
    mr_nsec idle;         /* since the packet before it in the flow */
    uint32_t ip_id;       /* or MR_FLOW_NO_IP_ID */
    uint32_t usual_ip_id; /* of the sender's packet before, or MR_FLOW_NO_IP_ID */
    uint32_t seq_off;     /* |seq - what the receiver expects|, valid with known_seq */
    uint16_t window;
    uint16_t usual_window;
    uint16_t flags;
    uint8_t ttl;
    uint8_t usual_ttl;    /* 0: the sender sent nothing before */
    uint8_t state;        /* of the flow before: enum mr_flow_state */
    bool known_seq;       /* the receiver's expectation is known */
    bool exact;           /* seq is exactly it: accepted (RFC 5961 3.2) */
    bool in_window;       /* answered with a challenge ACK, if not exact */
    bool answers_syn;     /* refused: RST,ACK to the SYN */
    bool other_mac;       /* from another hardware address than the sender's first packet */
    uint16_t payload_len;
} mr_flow_reset;

/* What was seen of one side as a sender. Times are of the capture; packet numbers 0: never. */
typedef struct mr_flow_side_seen {
    uint32_t packets;
    uint64_t octets;          /* of its stream, delivered and gaps together */
    uint64_t missing;         /* of them, gaps */
    uint32_t gaps;
    uint32_t isn;             /* valid with syn_packet */
    uint64_t first_packet;
    uint64_t syn_packet;      /* SYN of the client, SYN-ACK of the server */
    mr_nsec syn_time;
    uint64_t syn_last_packet;
    uint16_t syns;            /* sent, the first one too */
    uint16_t syn_flags;
    uint16_t mss;             /* of the SYN, 0: no option */
    uint8_t wscale;           /* of the SYN, MR_TCP_NO_SCALE: no option */
    bool sack_ok;
    bool stamped;
    bool macs;
    uint8_t mac[6];           /* of its first packet */
    uint8_t ttl;              /* of its last packet that was no RST */
    uint8_t ttl_min;
    uint8_t ttl_max;
    bool mac_changed;         /* a SYN, SYN-ACK or RST came from another one */
    bool df;                  /* of its last data packet that was sent again, or of the SYN */
    uint32_t syn_delay[MR_FLOW_TIMES]; /* microseconds since syn_time of the SYNs sent again */
    uint64_t fin_packet;
    mr_nsec fin_time;
    bool fin_acked;
    bool fin_second;          /* it answers the other side's FIN, wherever the capture has that */
    bool isn_changed;         /* a second SYN-ACK began elsewhere: another host, or a cookie */
    uint32_t duplicates;      /* packets captured twice: not counted again anywhere else */
    uint32_t reordered;       /* segments that came late by a little */
    uint32_t retransmits;     /* segments with data sent again */
    uint32_t spurious;        /* of them, in haste: the first copy is known to have arrived */
    uint32_t keepalives;
    uint32_t window_probes;
    uint32_t dup_acks;
    uint32_t challenge_acks;  /* answers to a SYN that acknowledge something else (RFC 5961 4) */
    uint32_t acked_unseen;    /* its ACKs of octets that the capture does not have */
    uint32_t conflicts;       /* octets sent again with another content, while both were at hand */
    uint32_t strays;          /* segments far outside any window, ignored */
    uint64_t retransmit_packet; /* the first and the last */
    uint64_t retransmit_last_packet;
    mr_nsec retransmit_time;
    mr_nsec retransmit_last_time;
    uint32_t retransmit_min;  /* payload octets of the smallest and largest segment sent again */
    uint32_t retransmit_max;
    uint32_t largest;         /* payload octets of the largest segment, and */
    uint32_t through;         /* of the largest that was certainly acknowledged */
    uint32_t stuck_seq;       /* the last segment sent again: */
    uint32_t stuck_len;
    uint32_t stuck_times;     /* again; 0: none */
    mr_nsec stuck_time;       /* when it was first sent again */
    bool stuck;               /* it was not acknowledged by the end of the flow */
    uint32_t unacked;         /* octets not acknowledged by the end of the flow */
    uint32_t zero_windows;    /* spans in which this side's window was 0 */
    bool zero_open;           /* the last of them lasts until the end of the flow */
    uint64_t zero_packet;     /* that began the longest */
    mr_nsec zero_longest;
    mr_nsec zero_total;
    mr_nsec zero_since;       /* the one that lasts, or the last */
    uint64_t zero_since_packet;
    mr_flow_reset reset;
    uint32_t went_on;         /* packets with new octets behind its own reset: not it sent that */
} mr_flow_side_seen;

/* The TCP observations of a flow. */
typedef struct mr_flow_seen {
    uint64_t id;              /* number of its first packet, and the file's index << 48 */
    mr_nsec first;
    mr_nsec last;
    uint64_t last_packet;
    mr_nsec opened;           /* when the client's ACK completed the handshake; 0: never */
    uint64_t opened_packet;
    mr_nsec idle_longest;     /* silence between two packets, of at least one second */
    mr_nsec idle_last;        /* the last such silence */
    uint64_t idle_packet;     /* that ended the longest */
    uint64_t idle_last_packet;
    uint32_t after_reset;     /* packets with data after a RST: somebody did not believe it */
    uint32_t icmp;            /* errors about it; the first: */
    uint64_t icmp_packet;
    uint32_t icmp_mtu;
    uint8_t icmp_type;
    uint8_t icmp_code;
    bool simultaneous;        /* both sides sent a SYN */
    bool one_way;             /* only one side was ever captured */
    bool half_open;           /* SYN-ACK seen, never confirmed */
    bool checksums_bad;       /* at least one, where they were verified */
    bool truncated;           /* the capture cut payload away */
    bool reuse;               /* its ports were another flow's before, in this capture */
    uint8_t end;              /* enum mr_flow_end */
    uint8_t state;            /* enum mr_flow_state, the last */
    mr_flow_side_seen side[2];
} mr_flow_seen;

/* Where octets come from. */
typedef struct mr_flow_at {
    uint64_t position; /* in the stream of the direction */
    uint64_t packet;   /* the one that carries the octets; of a gap, the one that shows it */
    mr_nsec time;      /* its time */
    mr_nsec now;       /* latest time of the capture so far: never steps back */
} mr_flow_at;

/* A sink is not interested: in the flow (open), in the rest of the direction (data, gap). Headers
 * are still tracked. */
#define MR_FLOW_IGNORE 1

/* All but @ctx may be NULL. Negative results are fatal and forwarded by the call that feeds. */
typedef struct mr_flow_sink {
    void *ctx;
    /* A flow begins with @segment. 0 or MR_FLOW_IGNORE. */
    int (*open)(void *ctx, mr_flow *flow, const mr_segment *segment);
    /* The next octets of a direction, *borrowed*. 0 or MR_FLOW_IGNORE. */
    int (*data)(void *ctx, mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                const mr_flow_at *at);
    /* The next @len octets were not captured. 0 or MR_FLOW_IGNORE. */
    int (*gap)(void *ctx, mr_flow *flow, enum mr_flow_side from, uint64_t len,
               const mr_flow_at *at);
    /* The flow is over; both are gone afterwards. Of several flows that end nearby, the order of
     * these calls means nothing. */
    int (*end)(void *ctx, mr_flow *flow, const mr_flow_seen *seen);
    /* UDP, ICMP, ARP and IP protocols that are not looked into. */
    int (*datagram)(void *ctx, const mr_segment *segment);
    /* A datagram whose fragments never became complete. */
    int (*lost)(void *ctx, const mr_fragments_lost *lost);
} mr_flow_sink;

typedef struct mr_flows_config {
    uint64_t key[2];      /* of the hash: random, the same for all shards of a run */
    uint32_t shard;       /* this one */
    uint32_t shards;      /* of so many; 0: 1 */
    bool vlans;           /* the VLAN tells flows apart */
    bool manual;          /* flows end by mr_flows_expire only, or with their own next packet: when
                           * depends on nothing but the capture */
    uint32_t flows;       /* most at a time; 0: 4 Mi */
    uint32_t lane_octets; /* most that wait for a hole to fill, per direction; 0: 512 KiB */
    uint64_t all_octets;  /* in all flows; 0: 16 MiB */
    mr_nsec idle;         /* silence that ends an open flow; 0: 4 h */
    mr_nsec idle_opening; /* one that never opened; 0: 3 min */
    mr_nsec linger;       /* a closed one; 0: 10 s */
} mr_flows_config;

typedef struct mr_flow_slot mr_flow_slot;
typedef struct mr_flow_chunk mr_flow_chunk;

typedef struct mr_flows {
    mr_flows_config config;
    mr_flow_sink sink;
    mr_nsec now;            /* latest time seen */
    uint32_t count;         /* flows open now */
    uint32_t peak;          /* most at a time */
    uint64_t total;         /* ever */
    uint64_t waiting;       /* octets that wait for holes to fill, with their upkeep */
    uint64_t waiting_peak;
    /* private: */
    mr_flow_slot *slots;
    uint32_t mask;
    mr_flow_chunk **chunks;
    uint32_t chunk_count;
    uint32_t chunk_size;
    uint32_t free_index;
    uint32_t hand;
    uint32_t rare_count;
    int failed;             /* by what cannot say so at once */
    struct flow_rare *spare; /* for want of memory */
    mr_flow_seen told;      /* the last */
} mr_flows;

/* Starts with @config (NULL: all defaults) and @sink, which is copied. 0 or MR_ERR_MEMORY. */
int mr_flows_init(mr_flows *flows, const mr_flows_config *config, const mr_flow_sink *sink);
/* Frees; tells the sink nothing. */
void mr_flows_deinit(mr_flows *flows);

/* Takes one segment, in capture order; drops what belongs to another shard. 0, MR_ERR_MEMORY, or
 * what the sink failed with. */
int mr_flows_feed(mr_flows *flows, const mr_segment *segment);
/* For mr_decap_config.lost, with the flows as ctx: forwards to the sink of the right shard. */
void mr_flows_lost(void *flows, const mr_fragments_lost *lost);

/* Ends the flows that were silent for too long at @now, oldest first. */
int mr_flows_expire(mr_flows *flows, mr_nsec now);
/* The capture is over: delivers what waits, ends every flow, oldest first. Call mr_decap_end
 * before. */
int mr_flows_end(mr_flows *flows);

/* The id of @flow, as in mr_flow_seen. */
uint64_t mr_flows_get_id(const mr_flows *flows, const mr_flow *flow);
/* What was seen of @flow until now; *borrowed* until the next call on @flows. */
const mr_flow_seen *mr_flows_get_seen(mr_flows *flows, mr_flow *flow);

/* Octets of memory in use, of the table and of what waits. */
size_t mr_flows_memory(const mr_flows *flows);

/* The round trip as the handshake shows it, wherever the capture was taken; 0 when unknown. */
mr_nsec mr_flow_seen_rtt(const mr_flow_seen *seen);

/* The shard of @shards that TCP or UDP between two endpoints falls to. */
uint32_t mr_flow_shard(const uint64_t key[2], uint32_t shards, const mr_host *a, uint16_t a_port,
                       const mr_host *b, uint16_t b_port);

#endif
