/*
 * From a packet to what it carries above IP: a TCP segment, a UDP datagram, an ICMP message or an
 * ARP message. Link layers: Ethernet with 802.1Q, 802.1ad, MPLS and PPPoE, 802.3 with SNAP, PPP,
 * Linux cooked v1 and v2, BSD loopback, raw IP. IPv4 (RFC 791) and IPv6 (RFC 8200) with options,
 * extension headers and fragments, which are put together under caps; where fragments overlap the
 * first octets win (RFC 5722 explains why nobody honest overlaps). No length is believed: padding
 * behind the IP datagram is not payload, octets that a snap length cut away are counted and never
 * made up. Numbers are in host order, addresses in network order.
 */
#ifndef MSRPC_CAPTURE_DECAP_H
#define MSRPC_CAPTURE_DECAP_H

#include <msrpc/capture/packet.h>

typedef struct mr_host {
    uint8_t octets[16]; /* IPv4 in the first four, the rest zero */
} mr_host;

enum mr_segment_kind {
    MR_SEGMENT_OTHER, /* IP with a protocol that is not looked into (ESP, GRE, ...) */
    MR_SEGMENT_TCP,
    MR_SEGMENT_UDP,
    MR_SEGMENT_ICMP, /* ICMP (RFC 792) and ICMPv6 (RFC 4443): @family tells */
    MR_SEGMENT_ARP,
};

enum mr_ip_proto {
    MR_IP_ICMP = 1,
    MR_IP_TCP = 6,
    MR_IP_UDP = 17,
    MR_IP_ESP = 50,
    MR_IP_AH = 51,
    MR_IP_ICMPV6 = 58,
};

/* Flags of a TCP header (RFC 9293 3.1). */
enum mr_tcp_flag {
    MR_TCP_FIN = 0x001,
    MR_TCP_SYN = 0x002,
    MR_TCP_RST = 0x004,
    MR_TCP_PSH = 0x008,
    MR_TCP_ACK = 0x010,
    MR_TCP_URG = 0x020,
    MR_TCP_ECE = 0x040,
    MR_TCP_CWR = 0x080,
    MR_TCP_NS = 0x100,
};

#define MR_TCP_NO_SCALE 0xff
#define MR_TCP_SACKS 4

typedef struct mr_tcp {
    uint32_t seq;
    uint32_t ack;      /* valid with MR_TCP_ACK */
    uint16_t flags;    /* enum mr_tcp_flag */
    uint16_t window;   /* as sent, not scaled */
    uint16_t mss;      /* 0: no such option */
    uint8_t wscale;    /* MR_TCP_NO_SCALE: no such option (RFC 7323) */
    bool sack_ok;      /* SACK permitted (RFC 2018) */
    bool stamped;      /* timestamps: */
    bool cut;          /* options are not all there */
    uint8_t sacks;     /* blocks in @sack */
    uint32_t ts_value;
    uint32_t ts_echo;
    struct {
        uint32_t from;
        uint32_t to; /* first octet behind the block */
    } sack[MR_TCP_SACKS];
} mr_tcp;

/* The packet that an ICMP error quotes: as much of it as is there. */
typedef struct mr_quote {
    uint8_t family; /* 4, 6; 0: nothing is quoted */
    uint8_t proto;
    bool has_ports;
    bool has_seq;   /* TCP */
    uint16_t ip_id; /* IPv4 */
    uint16_t sport;
    uint16_t dport;
    uint32_t seq;
    mr_host src;
    mr_host dst;
} mr_quote;

typedef struct mr_icmp_message {
    uint8_t type;
    uint8_t code;
    uint32_t mtu; /* of the next hop, for "fragmentation needed" and "packet too big"; else 0 */
    mr_quote quote;
} mr_icmp_message;

typedef struct mr_arp {
    uint16_t op;    /* 1 request, 2 reply (RFC 826); src and dst are the protocol addresses */
    uint8_t sha[6]; /* the sender's hardware address, as the message says it */
    uint8_t tha[6];
} mr_arp;

/* What a packet carries. @packet and @payload are *borrowed*: the payload of a datagram that was
 * put together from fragments lives in the decap, until its next feed. */
typedef struct mr_segment {
    const mr_packet *packet; /* the last one of a fragmented datagram */
    uint64_t first;          /* number of the first packet: less than packet->number when fragments
                                were put together */
    uint8_t kind;            /* enum mr_segment_kind */
    uint8_t family;          /* 4, 6 */
    uint8_t proto;           /* enum mr_ip_proto, or another number of the registry */
    uint8_t ttl;             /* or hop limit */
    bool df;                 /* IPv4: don't fragment */
    bool fragments;          /* put together */
    bool overlap;            /* its fragments overlapped with different octets */
    bool macs;               /* smac, dmac are there */
    bool checksum_known;     /* verified, which must be asked for */
    bool checksum_bad;
    uint16_t ip_id;          /* IPv4 */
    uint16_t vlan;           /* of the innermost tag, 0: none */
    uint16_t sport;          /* TCP, UDP */
    uint16_t dport;
    mr_host src;
    mr_host dst;
    uint8_t smac[6];
    uint8_t dmac[6];
    uint32_t payload_len;    /* octets on the wire, never less than payload.len */
    mr_slice payload;        /* above TCP or UDP; above IP otherwise; *borrowed* */
    union {
        mr_tcp tcp;
        mr_icmp_message icmp;
        mr_arp arp;
    };
} mr_segment;

/* What mr_decap_feed found, when it is no segment. */
enum mr_decap_outcome {
    MR_DECAP_SEGMENT = 0,
    MR_DECAP_HELD,      /* a fragment that waits for others */
    MR_DECAP_FOREIGN,   /* not IP and not ARP, or a link type without decoder */
    MR_DECAP_SHORT,     /* the capture cut it before its headers end */
    MR_DECAP_MALFORMED, /* headers that contradict themselves */
};

/* A datagram whose fragments never became complete. */
typedef struct mr_fragments_lost {
    uint64_t first_packet;
    uint64_t last_packet;
    mr_nsec first;
    mr_nsec last;
    uint8_t family;
    uint8_t proto;
    bool has_ports;     /* the first fragment was there */
    bool timed_out;     /* else pushed out by the caps, or the capture ended */
    uint16_t sport;
    uint16_t dport;
    uint32_t id;
    uint32_t octets;    /* of the IP payload that came */
    uint32_t total;     /* of the IP payload; 0: the last fragment never came */
    uint32_t fragments; /* that came */
    mr_host src;
    mr_host dst;
} mr_fragments_lost;

typedef struct mr_decap_config {
    bool checksums;        /* verify them; off by default, for senders leave them to their cards */
    uint32_t datagrams;    /* fragmented ones kept at a time; 0: 256 */
    uint32_t octets;       /* of memory for them; 0: 4 MiB */
    mr_nsec fragment_time; /* how long one waits; 0: 30 s, a little less than hosts do */
    void (*lost)(void *ctx, const mr_fragments_lost *lost); /* may be NULL */
    void *ctx;
} mr_decap_config;

typedef struct mr_fragment_set mr_fragment_set;

typedef struct mr_decap {
    mr_decap_config config;
    mr_fragment_set *fragments; /* made with the first fragment */
    uint64_t overlaps;          /* fragments that overlapped with different octets */
} mr_decap;

/* Starts with @config (NULL: all defaults); allocates nothing. */
void mr_decap_init(mr_decap *decap, const mr_decap_config *config);
/* Frees; reports nothing. */
void mr_decap_deinit(mr_decap *decap);

/* Takes @packet apart. 0: *segp is filled and lives as long as the packet and until the next feed;
 * positive: enum mr_decap_outcome, *segp is untouched; MR_ERR_MEMORY. */
int mr_decap_feed(mr_decap *decap, const mr_packet *packet, mr_segment *segp);

/* Reports and forgets the datagrams that wait for fragments since before @now - fragment_time. */
void mr_decap_expire(mr_decap *decap, mr_nsec now);
/* The capture is over: reports and forgets all of them. */
void mr_decap_end(mr_decap *decap);

#endif
