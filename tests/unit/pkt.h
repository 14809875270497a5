/*
 * Packets to order, for tests of what reads captures: Ethernet or raw IP frames with IPv4 or IPv6
 * and TCP, UDP or ICMP, checksums right. A frame is built into a pkt and stays there.
 *
 *     pkt p;
 *     pkt_tcp(&p, &(pkt_tcp_args){.from = 1, .to = 2, .sport = 1025, .dport = 135,
 *                                 .flags = MR_TCP_SYN, .seq = 100});
 *     mr_decap_feed(&decap, &p.packet, &seg);
 */
#ifndef PKT_H
#define PKT_H

#include <msrpc/capture/decap.h>

typedef struct pkt {
    mr_packet packet; /* bytes lie in @room */
    size_t len;
    uint8_t room[66000];
} pkt;

typedef struct pkt_tcp_args {
    uint8_t from, to;         /* last octet of 10.0.0.x, or of 2001:db8::x */
    uint16_t sport, dport;
    bool six;                 /* IPv6 */
    bool raw;                 /* no Ethernet header */
    uint16_t flags;
    uint32_t seq, ack;
    uint16_t window;          /* 0: 8192, see zero_window */
    bool zero_window;
    const uint8_t *options;
    size_t options_len;       /* a multiple of 4 */
    const void *data;
    size_t len;
    size_t cut;               /* octets of the end that were not captured */
    uint16_t ip_id;           /* 0: counted by pkt_number */
    uint8_t ttl;              /* 0: 64 */
    mr_nsec time;
    uint64_t number;
} pkt_tcp_args;

static inline void pkt_add(pkt *p, const void *data, size_t len) {
    if (len > 0 && p->len + len <= sizeof p->room) {
        memcpy(p->room + p->len, data, len);
        p->len += len;
    }
}
static inline void pkt_u8(pkt *p, unsigned v) {
    uint8_t b = (uint8_t)v;
    pkt_add(p, &b, 1);
}
static inline void pkt_u16(pkt *p, unsigned v) {
    pkt_u8(p, v >> 8);
    pkt_u8(p, v & 0xff);
}
static inline void pkt_u32(pkt *p, uint32_t v) {
    pkt_u16(p, v >> 16);
    pkt_u16(p, v & 0xffff);
}
static inline void pkt_zero(pkt *p, size_t len) {
    while (len-- > 0)
        pkt_u8(p, 0);
}
static inline void pkt_put16(pkt *p, size_t at, unsigned v) {
    p->room[at] = (uint8_t)(v >> 8);
    p->room[at + 1] = (uint8_t)v;
}

static inline void pkt_begin(pkt *p) {
    p->len = 0;
}
/* The frame is complete: @link, all of it captured. */
static inline const mr_packet *pkt_end(pkt *p, uint16_t link, uint64_t number, mr_nsec time) {
    p->packet = (mr_packet){.number = number, .time = time, .timed = true, .link = link,
                            .len = (uint32_t)p->len, .bytes = mr_slice_of(p->room, p->len)};
    return &p->packet;
}
/* As if the capture had stopped @cut octets before the end. */
static inline void pkt_cut(pkt *p, size_t cut) {
    p->packet.bytes.len -= cut < p->packet.bytes.len ? cut : p->packet.bytes.len;
}

static inline void pkt_ethernet(pkt *p, uint8_t from, uint8_t to, uint16_t type) {
    const uint8_t macs[12] = {2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from};
    pkt_add(p, macs, sizeof macs);
    pkt_u16(p, type);
}

static inline uint32_t pkt_sum(uint32_t sum, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        sum += (i & 1) ? data[i] : (uint32_t)data[i] << 8;
    return sum;
}
static inline uint16_t pkt_fold(uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* @place: flags and fragment offset as the header has them; @len: octets that follow. */
static inline void pkt_ipv4(pkt *p, uint8_t from, uint8_t to, uint8_t proto, uint16_t id,
                            uint16_t place, uint8_t ttl, size_t len) {
    size_t at = p->len;
    pkt_u16(p, 0x4500);
    pkt_u16(p, (unsigned)len + 20);
    pkt_u16(p, id);
    pkt_u16(p, place);
    pkt_u8(p, ttl);
    pkt_u8(p, proto);
    pkt_u16(p, 0);
    pkt_u32(p, 0x0a000000u | from);
    pkt_u32(p, 0x0a000000u | to);
    pkt_put16(p, at + 10, pkt_fold(pkt_sum(0, p->room + at, 20)));
}
static inline void pkt_ipv6(pkt *p, uint8_t from, uint8_t to, uint8_t next, uint8_t ttl,
                            size_t len) {
    pkt_u32(p, 0x60000000);
    pkt_u16(p, (unsigned)len);
    pkt_u8(p, next);
    pkt_u8(p, ttl);
    for (int i = 0; i < 2; i++) {
        pkt_u32(p, 0x20010db8);
        pkt_zero(p, 11);
        pkt_u8(p, i ? to : from);
    }
}
static inline void pkt_ip(pkt *p, bool six, uint8_t from, uint8_t to, uint8_t proto, uint16_t id,
                          uint8_t ttl, size_t len) {
    if (six)
        pkt_ipv6(p, from, to, proto, ttl, len);
    else
        pkt_ipv4(p, from, to, proto, id, 0x4000, ttl, len);
}

/* Writes the checksum of the @proto message that begins at @at, @field octets into it. The
 * addresses stand right before it. */
static inline void pkt_checksum(pkt *p, bool six, size_t at, size_t field, uint8_t proto) {
    size_t hosts = six ? 32 : 8;
    uint32_t sum = pkt_sum(0, p->room + at - hosts, hosts);
    sum = pkt_sum(sum + proto + (uint32_t)(p->len - at), p->room + at, p->len - at);
    pkt_put16(p, at + field, pkt_fold(sum));
}

static inline const mr_packet *pkt_tcp(pkt *p, const pkt_tcp_args *a) {
    size_t head = 20 + a->options_len;
    uint16_t id = a->ip_id ? a->ip_id : (uint16_t)(a->number * 3 + a->from);

    pkt_begin(p);
    if (!a->raw)
        pkt_ethernet(p, a->from, a->to, a->six ? 0x86dd : 0x0800);
    pkt_ip(p, a->six, a->from, a->to, 6, id, a->ttl ? a->ttl : 64, head + a->len);
    size_t at = p->len;
    pkt_u16(p, a->sport);
    pkt_u16(p, a->dport);
    pkt_u32(p, a->seq);
    pkt_u32(p, a->ack);
    pkt_u16(p, (unsigned)(head / 4) << 12 | a->flags);
    pkt_u16(p, a->zero_window ? 0 : a->window ? a->window : 8192);
    pkt_u32(p, 0);
    pkt_add(p, a->options, a->options_len);
    pkt_add(p, a->data, a->len);
    pkt_checksum(p, a->six, at, 16, 6);
    pkt_end(p, a->raw ? MR_LINK_RAW : MR_LINK_ETHERNET, a->number, a->time);
    pkt_cut(p, a->cut);
    return &p->packet;
}

static inline const mr_packet *pkt_udp(pkt *p, bool six, uint8_t from, uint8_t to,
                                       uint16_t sport, uint16_t dport, const void *data,
                                       size_t len, uint64_t number, mr_nsec time) {
    pkt_begin(p);
    pkt_ethernet(p, from, to, six ? 0x86dd : 0x0800);
    pkt_ip(p, six, from, to, 17, (uint16_t)number, 64, len + 8);
    size_t at = p->len;
    pkt_u16(p, sport);
    pkt_u16(p, dport);
    pkt_u16(p, (unsigned)len + 8);
    pkt_u16(p, 0);
    pkt_add(p, data, len);
    pkt_checksum(p, six, at, 6, 17);
    return pkt_end(p, MR_LINK_ETHERNET, number, time);
}

#endif
