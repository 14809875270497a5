/*
 * One packet taken apart: link layer, then IPv4 (RFC 791), IPv6 (RFC 8200) or ARP (RFC 826), then
 * what IP carries. Fragments wait in frag.c. Every octet count comes in two kinds, on the wire and
 * captured, and the second never exceeds the first.
 */
#include "decap_private.h"

#define EXTENSIONS 16

void mr_decap_init(mr_decap *decap, const mr_decap_config *config) {
    *decap = (mr_decap){0};
    if (config)
        decap->config = *config;
    if (!decap->config.datagrams)
        decap->config.datagrams = 256;
    if (!decap->config.octets)
        decap->config.octets = 4u << 20;
    if (!decap->config.fragment_time)
        decap->config.fragment_time = 30 * MR_SEC;
}

void mr_decap_deinit(mr_decap *decap) {
    mr_fragments_free(decap->fragments);
    decap->fragments = NULL;
}

int mr_decap_extensions(mr_cursor *c, uint8_t *protop, uint32_t *lenp) {
    for (int i = 0; i < EXTENSIONS; i++) {
        const uint8_t *p;
        uint32_t len;

        switch (*protop) {
        case 0:   /* hop-by-hop options */
        case 43:  /* routing */
        case 60:  /* destination options */
        case 135: /* mobility */
        case MR_IP_AH:
            if (mr_cursor_left(c) < 2)
                return MR_DECAP_SHORT;
            p = c->base + c->pos;
            len = *protop == MR_IP_AH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
            if (len > *lenp)
                return MR_DECAP_MALFORMED;
            *protop = p[0];
            *lenp -= len;
            mr_cursor_skip(c, len);
            if (!mr_cursor_ok(c))
                return MR_DECAP_SHORT;
            break;
        default:
            return 0;
        }
    }
    return MR_DECAP_MALFORMED;
}

/* A fragment: kept, and when its datagram is whole, read. */
static int read_fragment(mr_decap *decap, const mr_fragment *fragment, mr_segment *seg) {
    mr_slice bytes;
    uint32_t len;
    int r = mr_fragments_feed(decap, fragment, seg, &bytes, &len);
    if (r != 0)
        return r;
    mr_cursor c = mr_cursor_of(bytes);
    if (seg->family == 6 || seg->proto == MR_IP_AH) {
        r = mr_decap_extensions(&c, &seg->proto, &len);
        if (r != 0)
            return r;
    }
    return mr_decap_transport(&c, len, decap->config.checksums, seg);
}

static int read_ipv4(mr_decap *decap, mr_cursor *c, uint32_t wire, mr_segment *seg) {
    const uint8_t *p = mr_cursor_take(c, 20);
    if (!p)
        return MR_DECAP_SHORT;
    uint32_t head = (p[0] & 15) * 4u, total = be16(p + 2);
    if (p[0] >> 4 != 4 || head < 20)
        return MR_DECAP_MALFORMED;
    if (total == 0) /* the card was to cut it up (segmentation offload) */
        total = wire;
    if (total < head)
        return MR_DECAP_MALFORMED;
    uint16_t place = be16(p + 6);
    seg->family = 4;
    seg->ip_id = be16(p + 4);
    seg->df = place & 0x4000;
    seg->ttl = p[8];
    seg->proto = p[9];
    seg->src = host4(p + 12);
    seg->dst = host4(p + 16);
    if (mr_cursor_left(c) > total - 20)
        c->end = c->pos + (total - 20); /* what follows is padding */
    if (head > 20) {
        mr_cursor_skip(c, head - 20);
        if (!mr_cursor_ok(c))
            return MR_DECAP_SHORT;
    }
    uint32_t len = total - head;
    if (place & 0x3fff) {
        mr_fragment fragment = {.id = seg->ip_id, .offset = (place & 0x1fff) * 8u, .len = len,
                                .more = place & 0x2000};
        fragment.bytes = mr_slice_of(c->base + c->pos, mr_cursor_left(c));
        return read_fragment(decap, &fragment, seg);
    }
    if (seg->proto == MR_IP_AH) {
        int r = mr_decap_extensions(c, &seg->proto, &len);
        if (r != 0)
            return r;
    }
    return mr_decap_transport(c, len, decap->config.checksums, seg);
}

static int read_ipv6(mr_decap *decap, mr_cursor *c, uint32_t wire, mr_segment *seg) {
    const uint8_t *p = mr_cursor_take(c, 40);
    if (!p)
        return MR_DECAP_SHORT;
    if (p[0] >> 4 != 6)
        return MR_DECAP_MALFORMED;
    uint32_t len = be16(p + 4);
    if (len == 0) /* a jumbogram (RFC 2675), or segmentation offload */
        len = wire > 40 ? wire - 40 : 0;
    seg->family = 6;
    seg->proto = p[6];
    seg->ttl = p[7];
    seg->src = host6(p + 8);
    seg->dst = host6(p + 24);
    if (mr_cursor_left(c) > len)
        c->end = c->pos + len;
    int r = mr_decap_extensions(c, &seg->proto, &len);
    if (r != 0)
        return r;
    if (seg->proto != IPV6_FRAGMENT)
        return mr_decap_transport(c, len, decap->config.checksums, seg);
    if (len < 8)
        return MR_DECAP_MALFORMED;
    if (!(p = mr_cursor_take(c, 8)))
        return MR_DECAP_SHORT;
    seg->proto = p[0];
    mr_fragment fragment = {.id = be32(p + 4), .offset = be16(p + 2) & 0xfff8u, .len = len - 8,
                            .more = p[3] & 1};
    fragment.bytes = mr_slice_of(c->base + c->pos, mr_cursor_left(c));
    if (fragment.offset != 0 || fragment.more)
        return read_fragment(decap, &fragment, seg);
    len -= 8; /* an atomic fragment: whole (RFC 6946) */
    r = mr_decap_extensions(c, &seg->proto, &len);
    return r != 0 ? r : mr_decap_transport(c, len, decap->config.checksums, seg);
}

static int read_arp(mr_cursor *c, mr_segment *seg) {
    static const uint8_t ip_on_ethernet[6] = {0, 1, 8, 0, 6, 4};
    const uint8_t *p = mr_cursor_take(c, 28);
    if (!p)
        return MR_DECAP_SHORT;
    if (memcmp(p, ip_on_ethernet, sizeof ip_on_ethernet) != 0)
        return MR_DECAP_FOREIGN;
    seg->kind = MR_SEGMENT_ARP;
    seg->family = 4;
    seg->arp.op = be16(p + 6);
    memcpy(seg->arp.sha, p + 8, 6);
    seg->src = host4(p + 14);
    memcpy(seg->arp.tha, p + 18, 6);
    seg->dst = host4(p + 24);
    return 0;
}

int mr_decap_feed(mr_decap *decap, const mr_packet *packet, mr_segment *segp) {
    mr_cursor c = mr_cursor_of(packet->bytes);
    uint32_t wire = packet->len > packet->fcs ? packet->len - packet->fcs : 0;
    mr_segment seg = {.packet = packet, .first = packet->number};
    uint16_t type = 0;

    c.big = true;
    if (c.end > wire)
        c.end = wire;
    int r = mr_decap_link(&c, packet, &seg, &type);
    if (r != 0)
        return r;
    wire -= (uint32_t)c.pos;
    if (type == ETHER_IPV4)
        r = read_ipv4(decap, &c, wire, &seg);
    else if (type == ETHER_IPV6)
        r = read_ipv6(decap, &c, wire, &seg);
    else if (type == ETHER_ARP)
        r = read_arp(&c, &seg);
    else
        r = MR_DECAP_FOREIGN;
    if (r == 0)
        *segp = seg;
    return r;
}
