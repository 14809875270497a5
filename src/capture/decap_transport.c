/*
 * What IP carries: TCP (RFC 9293 3.1, its options RFC 2018 and RFC 7323), UDP (RFC 768), ICMP
 * (RFC 792, RFC 1191) and ICMPv6 (RFC 4443) with the packet an error quotes.
 */
#include "decap_private.h"

static void read_tcp_option(const uint8_t *p, size_t len, mr_tcp *tcp) {
    switch (p[0]) {
    case 2:
        if (len == 4)
            tcp->mss = be16(p + 2);
        break;
    case 3:
        if (len == 3)
            tcp->wscale = p[2];
        break;
    case 4:
        tcp->sack_ok = true;
        break;
    case 5:
        for (size_t at = 2; at + 8 <= len && tcp->sacks < MR_TCP_SACKS; at += 8) {
            tcp->sack[tcp->sacks].from = be32(p + at);
            tcp->sack[tcp->sacks++].to = be32(p + at + 4);
        }
        break;
    case 8:
        if (len == 10) {
            tcp->stamped = true;
            tcp->ts_value = be32(p + 2);
            tcp->ts_echo = be32(p + 6);
        }
        break;
    default: /* a kind that tells nothing here */
        break;
    }
}

static void read_tcp_options(const uint8_t *p, size_t len, mr_tcp *tcp) {
    if (len == 12 && p[0] == 1 && p[1] == 1 && p[2] == 8 && p[3] == 10) {
        read_tcp_option(p + 2, 10, tcp); /* what nearly every packet with options has */
        return;
    }
    for (size_t at = 0; at < len;) {
        if (p[at] == 0)
            return;
        if (p[at] == 1) {
            at++;
            continue;
        }
        if (len - at < 2 || p[at + 1] < 2 || p[at + 1] > len - at)
            return;
        read_tcp_option(p + at, p[at + 1], tcp);
        at += p[at + 1];
    }
}

static int read_tcp(mr_cursor *c, uint32_t len, mr_segment *seg) {
    if (len < 20)
        return MR_DECAP_MALFORMED;
    const uint8_t *p = mr_cursor_take(c, 20);
    if (!p)
        return MR_DECAP_SHORT;
    uint32_t head = (p[12] >> 4) * 4u;
    if (head < 20 || head > len)
        return MR_DECAP_MALFORMED;
    seg->kind = MR_SEGMENT_TCP;
    seg->sport = be16(p);
    seg->dport = be16(p + 2);
    seg->tcp.seq = be32(p + 4);
    seg->tcp.ack = be32(p + 8);
    seg->tcp.flags = be16(p + 12) & 0x1ff;
    seg->tcp.window = be16(p + 14);
    seg->tcp.wscale = MR_TCP_NO_SCALE;
    if (head > 20) {
        size_t there = mr_cursor_left(c) < head - 20 ? mr_cursor_left(c) : head - 20;
        read_tcp_options(mr_cursor_take(c, there), there, &seg->tcp);
        seg->tcp.cut = there < head - 20;
    }
    seg->payload_len = len - head;
    return 0;
}

static int read_udp(mr_cursor *c, uint32_t len, mr_segment *seg) {
    if (len < 8)
        return MR_DECAP_MALFORMED;
    const uint8_t *p = mr_cursor_take(c, 8);
    if (!p)
        return MR_DECAP_SHORT;
    uint32_t said = be16(p + 4);
    if (said != 0 && said < 8)
        return MR_DECAP_MALFORMED;
    seg->kind = MR_SEGMENT_UDP;
    seg->sport = be16(p);
    seg->dport = be16(p + 2);
    seg->payload_len = (said != 0 && said < len ? said : len) - 8;
    return 0;
}

/* What of the quoted packet identifies it: ICMP promises eight octets above IP (RFC 792). */
static void read_quoted_ports(mr_cursor *c, mr_quote *quote) {
    const uint8_t *p;

    if (quote->proto != MR_IP_TCP && quote->proto != MR_IP_UDP)
        return;
    if (!(p = mr_cursor_take(c, 4)))
        return;
    quote->sport = be16(p);
    quote->dport = be16(p + 2);
    quote->has_ports = true;
    if (quote->proto == MR_IP_TCP && (p = mr_cursor_take(c, 4))) {
        quote->seq = be32(p);
        quote->has_seq = true;
    }
}

static void read_quote4(mr_cursor *c, mr_quote *quote) {
    const uint8_t *p = mr_cursor_take(c, 20);
    if (!p || p[0] >> 4 != 4 || (p[0] & 15) < 5)
        return;
    quote->family = 4;
    quote->ip_id = be16(p + 4);
    quote->proto = p[9];
    quote->src = host4(p + 12);
    quote->dst = host4(p + 16);
    bool first = (be16(p + 6) & 0x1fff) == 0;
    mr_cursor_skip(c, (p[0] & 15) * 4u - 20);
    if (first)
        read_quoted_ports(c, quote);
}

static void read_quote6(mr_cursor *c, mr_quote *quote) {
    const uint8_t *p = mr_cursor_take(c, 40);
    if (!p || p[0] >> 4 != 6)
        return;
    quote->family = 6;
    quote->proto = p[6];
    quote->src = host6(p + 8);
    quote->dst = host6(p + 24);
    uint32_t len = be16(p + 4);
    if (mr_decap_extensions(c, &quote->proto, &len) != 0)
        return;
    if (quote->proto == IPV6_FRAGMENT) {
        if (!(p = mr_cursor_take(c, 8)))
            return;
        quote->proto = p[0];
        if (be16(p + 2) >> 3 != 0)
            return;
    }
    read_quoted_ports(c, quote);
}

static int read_icmp(mr_cursor *c, uint32_t len, mr_segment *seg) {
    if (len < 8)
        return MR_DECAP_MALFORMED;
    mr_cursor q = *c; /* the payload stays whole for those who want to read on */
    const uint8_t *p = mr_cursor_take(&q, 8);
    if (!p)
        return MR_DECAP_SHORT;
    mr_icmp_message *icmp = &seg->icmp;
    seg->kind = MR_SEGMENT_ICMP;
    seg->payload_len = len;
    icmp->type = p[0];
    icmp->code = p[1];
    if (seg->family == 4) {
        if (icmp->type == 3 && icmp->code == 4)
            icmp->mtu = be16(p + 6);
        if ((icmp->type >= 3 && icmp->type <= 5) || icmp->type == 11 || icmp->type == 12)
            read_quote4(&q, &icmp->quote);
    } else if (icmp->type >= 1 && icmp->type <= 4) {
        if (icmp->type == 2)
            icmp->mtu = be32(p + 4);
        read_quote6(&q, &icmp->quote);
    }
    return 0;
}

/* The Internet checksum (RFC 1071) over the pseudo header and @len captured octets at @p. */
static bool sums_up(const mr_segment *seg, const uint8_t *p, uint32_t len) {
    uint64_t sum = (uint64_t)seg->proto + len;

    if (seg->proto == MR_IP_ICMP) /* has no pseudo header */
        sum = 0;
    else
        for (size_t i = 0; i < (seg->family == 4 ? 4 : 16); i += 2)
            sum += (uint64_t)be16(seg->src.octets + i) + be16(seg->dst.octets + i);
    for (uint32_t i = 0; i + 1 < len; i += 2)
        sum += be16(p + i);
    if (len & 1)
        sum += (uint64_t)p[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

static void verify(const uint8_t *p, uint32_t len, mr_segment *seg) {
    if (seg->kind == MR_SEGMENT_UDP) {
        if (be16(p + 6) == 0 && seg->family == 4) /* the sender left it out */
            return;
        len = seg->payload_len + 8;
    }
    seg->checksum_known = true;
    seg->checksum_bad = !sums_up(seg, p, len);
}

int mr_decap_transport(mr_cursor *c, uint32_t len, bool checksums, mr_segment *seg) {
    const uint8_t *start = c->base + c->pos;
    size_t captured = mr_cursor_left(c);
    int r = 0;

    if (seg->proto == MR_IP_TCP) {
        r = read_tcp(c, len, seg);
    } else if (seg->proto == MR_IP_UDP) {
        r = read_udp(c, len, seg);
    } else if (seg->proto == (seg->family == 4 ? MR_IP_ICMP : MR_IP_ICMPV6)) {
        r = read_icmp(c, len, seg);
    } else {
        seg->kind = MR_SEGMENT_OTHER;
        seg->payload_len = len;
    }
    if (r != 0)
        return r;
    size_t left = mr_cursor_left(c);
    seg->payload = mr_slice_of(c->base + c->pos,
                               left < seg->payload_len ? left : seg->payload_len);
    if (checksums && seg->kind != MR_SEGMENT_OTHER && captured >= len)
        verify(start, len, seg);
    return 0;
}
