/*
 * Link layers: from the first octet of a packet to its EtherType (IEEE 802.3 3.2.6, 802.1Q 9,
 * RFC 1042 SNAP, RFC 2516 PPPoE, RFC 3032 MPLS; Linux cooked and BSD loopback as tcpdump.org's
 * registry of link types lays them out). Nothing is kept but the hardware addresses and the
 * innermost VLAN.
 */
#include "decap_private.h"

#define NESTING 16 /* tags and labels: more are no traffic */

/* IPv4 or IPv6, told by the first nibble, which stays. */
static int by_version(const mr_cursor *c, uint16_t *typep) {
    if (mr_cursor_left(c) == 0)
        return MR_DECAP_SHORT;
    uint8_t version = c->base[c->pos] >> 4;
    if (version != 4 && version != 6)
        return MR_DECAP_FOREIGN;
    *typep = version == 4 ? ETHER_IPV4 : ETHER_IPV6;
    return 0;
}

static int read_mpls(mr_cursor *c, uint16_t *typep) {
    for (int i = 0; i < NESTING; i++) {
        const uint8_t *label = mr_cursor_take(c, 4);
        if (!label)
            return MR_DECAP_SHORT;
        if (label[2] & 1) /* bottom of the stack; what follows tells itself (RFC 4928) */
            return by_version(c, typep);
    }
    return MR_DECAP_FOREIGN;
}

static int read_ppp(mr_cursor *c, uint16_t *typep) {
    uint16_t proto = mr_cursor_read_u8(c);
    if (!(proto & 1)) /* an uncompressed protocol number (RFC 1661 2) */
        proto = (uint16_t)(proto << 8 | mr_cursor_read_u8(c));
    if (!mr_cursor_ok(c))
        return MR_DECAP_SHORT;
    if (proto != 0x0021 && proto != 0x0057)
        return MR_DECAP_FOREIGN;
    *typep = proto == 0x0021 ? ETHER_IPV4 : ETHER_IPV6;
    return 0;
}

/* IEEE 802.2 behind a length: only SNAP with the EtherTypes' OUI carries IP. */
static int read_llc(mr_cursor *c, uint16_t *typep) {
    static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    const uint8_t *p = mr_cursor_take(c, 8);
    if (!p)
        return mr_cursor_left(c) == 0 ? MR_DECAP_SHORT : MR_DECAP_FOREIGN;
    if (memcmp(p, snap, sizeof snap) != 0)
        return MR_DECAP_FOREIGN;
    *typep = be16(p + 6);
    return 0;
}

/* Tags, labels and sessions between the EtherType read first and the network layer. */
static int read_shims(mr_cursor *c, uint16_t type, mr_segment *seg, uint16_t *typep) {
    const uint8_t *p;
    int r;

    for (int i = 0; i < NESTING; i++) {
        switch (type) {
        case ETHER_8021Q:
        case ETHER_8021AD:
        case ETHER_QINQ:
            if (!(p = mr_cursor_take(c, 4)))
                return MR_DECAP_SHORT;
            seg->vlan = be16(p) & 0xfff;
            type = be16(p + 2);
            break;
        case ETHER_MPLS:
        case ETHER_MPLS_UPSTREAM:
            return read_mpls(c, typep);
        case ETHER_PPPOE:
            mr_cursor_skip(c, 6);
            return read_ppp(c, typep);
        default:
            if (type >= 0x600) {
                *typep = type;
                return 0;
            }
            if ((r = read_llc(c, &type)) != 0)
                return r;
        }
    }
    return MR_DECAP_FOREIGN;
}

static int read_ethernet(mr_cursor *c, mr_segment *seg, uint16_t *typep) {
    const uint8_t *p = mr_cursor_take(c, 14);
    if (!p)
        return MR_DECAP_SHORT;
    memcpy(seg->dmac, p, 6);
    memcpy(seg->smac, p + 6, 6);
    seg->macs = true;
    uint16_t type = be16(p + 12);
    if (type == ETHER_IPV4 || type == ETHER_IPV6) {
        *typep = type;
        return 0;
    }
    return read_shims(c, type, seg, typep);
}

/* The sender's hardware address of a cooked header, where it is one of six octets. */
static void read_cooked_mac(const uint8_t *p, uint16_t len, mr_segment *seg) {
    if (len != 6)
        return;
    memcpy(seg->smac, p, 6);
    seg->macs = true;
}

static int read_cooked(mr_cursor *c, bool second, mr_segment *seg, uint16_t *typep) {
    const uint8_t *p = mr_cursor_take(c, second ? 20 : 16);
    if (!p)
        return MR_DECAP_SHORT;
    uint16_t type = second ? be16(p) : be16(p + 14);
    if (second)
        read_cooked_mac(p + 12, p[11], seg);
    else
        read_cooked_mac(p + 6, be16(p + 4), seg);
    if (type < 0x600) /* 1: Novell, 4: 802.2, 12: CAN, ... */
        return MR_DECAP_FOREIGN;
    return read_shims(c, type, seg, typep);
}

int mr_decap_link(mr_cursor *c, const mr_packet *packet, mr_segment *seg, uint16_t *typep) {
    const uint8_t *p;

    switch (packet->link) {
    case MR_LINK_ETHERNET:
        return read_ethernet(c, seg, typep);
    case MR_LINK_SLL:
    case MR_LINK_SLL2:
        return read_cooked(c, packet->link == MR_LINK_SLL2, seg, typep);
    case MR_LINK_NULL:
    case MR_LINK_LOOP:
        /* the number of IPv6 differs by system, the version of the header does not */
        mr_cursor_skip(c, 4);
        return by_version(c, typep);
    case MR_LINK_PPP:
    case MR_LINK_PPP_HDLC:
        p = mr_cursor_left(c) >= 2 ? c->base + c->pos : NULL;
        if (p && p[0] == 0xff && p[1] == 0x03) /* address and control (RFC 1662 3.1) */
            mr_cursor_skip(c, 2);
        return read_ppp(c, typep);
    case 12: /* raw IP in files of some systems, where the number of the device type was kept */
    case 14:
    case MR_LINK_RAW:
    case MR_LINK_IPV4:
    case MR_LINK_IPV6:
        return by_version(c, typep);
    }
    return MR_DECAP_FOREIGN;
}
