/*
 * What the network says of itself: errors of ICMP (RFC 792) and ICMPv6 (RFC 4443) with the packet
 * they quote, who has an address on a link (ARP, RFC 826, and IPv6's neighbours, RFC 4861 4.3 and
 * 4.4), and datagrams whose fragments never became whole.
 */
#include "tap_net.h"

enum { UNREACHABLE = 3, TIME_EXCEEDED = 11, PARAMETER = 12 };      /* ICMP types */
enum { V6_UNREACHABLE = 1, V6_PARAMETER = 4 };                     /* ICMPv6: 1 to 4 are errors */
enum { V6_SOLICITATION = 135, V6_ADVERTISEMENT = 136 };
enum { OPT_SOURCE = 1, OPT_TARGET = 2 };

#define NEIGHBOUR 24 /* octets before the options of a solicitation or advertisement */

static mr_ip ip_of(uint8_t family, const mr_host *host) {
    return (mr_ip){.host = *host, .family = family};
}

/* The hardware address in option @wanted; all zero when there is none. */
static void neighbour_mac(mr_slice options, uint8_t wanted, uint8_t mac[6]) {
    memset(mac, 0, 6);
    while (options.len >= 8) {
        size_t len = options.data[1] * 8u;

        if (len == 0 || len > options.len)
            return;
        if (options.data[0] == wanted) {
            memcpy(mac, options.data + 2, 6);
            return;
        }
        options = mr_slice_sub(options, len, SIZE_MAX);
    }
}

/* The sender of an advertisement is the address it speaks of, which need not be its source. */
static int neighbour(mr_tap_ctx *ctx, const mr_segment *segment) {
    bool reply = segment->icmp.type == V6_ADVERTISEMENT;
    mr_slice body = segment->payload;
    mr_host target = {{0}};

    if (body.len < NEIGHBOUR)
        return 0;
    memcpy(target.octets, body.data + 8, sizeof target.octets);
    mr_seen *seen = mr_tap_add_datagram(ctx, MR_SEEN_ARP, segment);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    mr_seen_arp arp = {
        .reply = reply,
        .sender = ip_of(6, reply ? &target : &segment->src),
        .target = ip_of(6, reply ? &segment->dst : &target),
    };
    neighbour_mac(mr_slice_sub(body, NEIGHBOUR, SIZE_MAX), reply ? OPT_TARGET : OPT_SOURCE,
                  arp.mac);
    seen->u.arp = arp;
    return 0;
}

static bool is_error(const mr_segment *segment) {
    uint8_t type = segment->icmp.type;

    if (segment->family == 6)
        return type >= V6_UNREACHABLE && type <= V6_PARAMETER;
    return type == UNREACHABLE || type == TIME_EXCEEDED || type == PARAMETER;
}

int mr_tap_icmp_datagram(mr_tap_ctx *ctx, const mr_segment *segment) {
    const mr_icmp_message *icmp = &segment->icmp;
    const mr_quote *quote = &icmp->quote;

    if (segment->family == 6 && (icmp->type == V6_SOLICITATION || icmp->type == V6_ADVERTISEMENT))
        return neighbour(ctx, segment);
    if (!is_error(segment))
        return 0;
    mr_seen *seen = mr_tap_add_datagram(ctx, MR_SEEN_ICMP, segment);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.icmp = (mr_seen_icmp){
        .family = segment->family, .type = icmp->type, .code = icmp->code, .mtu = icmp->mtu,
        .protocol = quote->proto, .has_ports = quote->has_ports,
        .from = ip_of(quote->family, &quote->src), .to = ip_of(quote->family, &quote->dst),
        .from_port = quote->sport, .to_port = quote->dport,
    };
    return 0;
}

int mr_tap_arp_datagram(mr_tap_ctx *ctx, const mr_segment *segment) {
    const mr_arp *arp = &segment->arp;

    if (arp->op != 1 && arp->op != 2)
        return 0;
    mr_seen *seen = mr_tap_add_datagram(ctx, MR_SEEN_ARP, segment);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.arp = (mr_seen_arp){
        .reply = arp->op == 2,
        .sender = ip_of(4, &segment->src), .target = ip_of(4, &segment->dst),
    };
    memcpy(seen->u.arp.mac, arp->sha, sizeof seen->u.arp.mac);
    return 0;
}
