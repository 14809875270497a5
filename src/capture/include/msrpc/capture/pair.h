/*
 * Two captures of the same traffic, taken at two places A (0) and B (1) of one path: where did it
 * die? Connections are matched by addresses and ports, and where a device between translates those,
 * by initial sequence numbers, time stamps or the octets themselves; datagrams by their octets.
 * What was sent is compared by ranges of sequence numbers, never packet by packet, for offload
 * merges and splits packets. The clocks' offset and drift come from packets that both captures
 * hold, both ways; an asymmetric delay cannot be told from an offset, so bounds come with it.
 *
 * Nothing is said about what only one capture could have seen: absence counts only where the other
 * one holds traffic of that host in that direction, ran at that time (its packets before and after
 * show it, else the record is not @certain), lost nothing, and is not contradicted by what the
 * peers acknowledged. Whole captures are held as one summary per connection, of a range of octets
 * per direction and more only while there are holes, under the caps of the configuration.
 */
#ifndef MSRPC_CAPTURE_PAIR_H
#define MSRPC_CAPTURE_PAIR_H

#include <msrpc/base/arena.h>
#include <msrpc/capture/decap.h>
#include <msrpc/capture/file.h>

enum mr_pair_kind {
    MR_PAIR_SYN_LOST,         /* SYNs sent, none arrived at the far place */
    MR_PAIR_SYN_UNANSWERED,   /* SYNs passed the far place, and nothing came back there */
    MR_PAIR_SYN_ACK_LOST,     /* answered at the far place, no answer at the near one */
    MR_PAIR_ACK_LOST,         /* the client's last word of the handshake did not arrive */
    MR_PAIR_DATA_LOST,        /* octets sent that never arrived, however often sent */
    MR_PAIR_LOSS,             /* packets lost and sent again: in the end all arrived */
    MR_PAIR_UNANSWERED,       /* the client's octets passed the far place, then silence until the
                                 client gave up */
    MR_PAIR_RESET_FORGED,     /* a reset that the one it names did not send */
    MR_PAIR_CHANGED,          /* options or octets differ */
    MR_PAIR_QUERY_LOST,       /* a datagram to a name server or KDC did not arrive */
    MR_PAIR_QUERY_UNANSWERED, /* it passed the far place, and nothing came back there */
    MR_PAIR_ANSWER_LOST,      /* answered at the far place, no answer at the near one */
};

/* What MR_PAIR_CHANGED found. */
enum mr_pair_change {
    MR_PAIR_MSS = 0x01,     /* another value, or taken out */
    MR_PAIR_WSCALE = 0x02,
    MR_PAIR_SACK = 0x04,
    MR_PAIR_STAMPS = 0x08,
    MR_PAIR_ISN = 0x10,     /* sequence numbers rewritten */
    MR_PAIR_PAYLOAD = 0x20, /* octets of equal ranges differ */
};

/* A connection or exchange as one place has it. */
typedef struct mr_pair_tuple {
    uint8_t family;  /* 4, 6; 0: that place does not have it */
    mr_host client;
    mr_host server;
    uint16_t client_port;
    uint16_t server_port;
} mr_pair_tuple;

/* What was found about one connection or exchange. Arrays are indexed by the capture, 0 for A and 1
 * for B; packet numbers are of its file, 0: none. */
typedef struct mr_pair_seen {
    enum mr_pair_kind kind;
    uint8_t near;          /* the capture nearer to the client */
    bool back;             /* it died, or changed, on the way from the server to the client */
    bool both;             /* RESET_FORGED: both ends got one */
    bool certain;          /* the capture that lacks it ran before and after, and lost nothing */
    bool at_host;          /* nothing lies between the far place and the server: its packets come
                              there with an initial TTL */
    bool acked;            /* UNANSWERED: the server's TCP took the octets in */
    bool opened;           /* the handshake was complete at the client */
    uint8_t proto;         /* MR_IP_TCP, MR_IP_UDP */
    mr_pair_tuple at[2];
    uint64_t packet[2];    /* the evidence: the first one */
    uint64_t last_packet[2];
    mr_nsec time;          /* of the evidence, first and last, by A's clock */
    mr_nsec last;
    uint32_t count[2];     /* copies seen there: SYNs, SYN-ACKs, segments with these octets,
                              datagrams */
    uint64_t from;         /* DATA_LOST, CHANGED payload: octets of the stream, from 0 where its */
    uint64_t to;           /* beginning is known; @to is behind the last one */
    uint64_t octets;       /* that were lost, in all ranges */
    uint32_t ranges;
    uint32_t largest;      /* payload octets of the largest segment that was lost, and of the */
    uint32_t through;      /* largest that arrived */
    mr_nsec wait;          /* UNANSWERED: how long the client waited */
    int16_t hops;          /* routers between the two places, told by TTL; negative: unknown */
    uint8_t changed;       /* enum mr_pair_change */
    uint16_t mss[2];       /* 0: no option */
    uint8_t wscale[2];     /* MR_TCP_NO_SCALE: no option */
} mr_pair_seen;

/* Clocks: B's clock shows A's plus @offset plus (t - @at) * @drift / 10^9. */
typedef struct mr_pair_clock {
    bool known;            /* at least one packet is in both */
    bool both_ways;        /* packets of both directions bound it from both sides */
    bool steady;           /* one offset and drift agree with every packet: no clock was set */
    int64_t offset;        /* nanoseconds, at A's time @at */
    int64_t err;           /* the offset is within this, whatever the delay either way */
    int64_t drift;         /* parts in 10^9; 0 while it cannot be told from none */
    int64_t drift_err;
    mr_nsec at;
    uint32_t samples[2];   /* packets from A to B, and from B to A */
} mr_pair_clock;

typedef struct mr_pair_place { /* one capture */
    uint64_t packets;
    uint64_t dropped;      /* as the capture says */
    uint64_t missed;       /* octets that it lacks and that were acknowledged: it lost them */
    uint64_t duplicates;   /* packets that it holds twice */
    uint64_t flows;        /* connections */
    uint64_t alone;        /* of them, not in the other capture */
    uint64_t uncovered;    /* of them, at times when the other one did not run: nothing is said */
    uint64_t beyond;       /* connections and datagrams past the caps: not compared */
    mr_nsec first;
    mr_nsec last;
    bool cut;              /* the file ends in the midst of a record */
} mr_pair_place;

typedef struct mr_pair_totals {
    mr_pair_place place[2];
    mr_pair_clock clock;
    uint64_t matched;      /* connections in both */
    uint64_t translated;   /* of them, with other addresses or ports */
    uint64_t datagrams;    /* matched */
    uint64_t unsaid;       /* records past the cap */
} mr_pair_totals;

typedef struct mr_pair_config {
    uint32_t flows;        /* most connections of a capture; 0: 256 Ki */
    uint32_t datagrams;    /* most datagrams of a capture; 0: 256 Ki */
    uint32_t records;      /* most records; 0: 4096 */
    mr_nsec patience;      /* silence of this length is no answer; 0: 3 s */
    mr_nsec slack;         /* how far past a capture's first or last packet something is still said,
                              not @certain; 0: 30 s */
    /* Octets done and in all of both, from time to time; may be NULL. Not 0 ends the run with
     * MR_ERR_CANCELLED. */
    int (*progress)(void *ctx, uint64_t done, uint64_t size);
    void *ctx;
} mr_pair_config;

typedef struct mr_pair {
    mr_arena arena;
    mr_pair_totals totals;
    mr_pair_seen *seen;    /* in order of time; *in @arena* */
    size_t count;
} mr_pair;

/* Reads the captures @paths[0] (A) and @paths[1] (B), twice where a difference needs a closer look,
 * so that neither is a pipe. @config NULL for the defaults. Where the TTL does not tell which place
 * is nearer to a client, A is. *pairp is filled when this returns 0, and *takes* memory until
 * mr_pair_deinit. Errors of mr_capture_file_init and _read, MR_ERR_MEMORY, MR_ERR_CANCELLED. */
int mr_pair_run(const mr_pair_config *config, const char *const paths[2], mr_pair *pairp,
                mr_error *err);
/* A zeroed one is fine. */
void mr_pair_deinit(mr_pair *pair);

/* A's time of a moment of B, and the other way round. */
mr_nsec mr_pair_clock_to_a(const mr_pair_clock *clock, mr_nsec b);
mr_nsec mr_pair_clock_to_b(const mr_pair_clock *clock, mr_nsec a);

/* "syn-lost", "reset-forged", ...: the name of a kind in tests and logs; never NULL. */
const char *mr_pair_kind_name(enum mr_pair_kind kind);

#endif
