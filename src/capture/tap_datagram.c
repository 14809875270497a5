/*
 * Datagrams and other packets without a connection: each goes by its port to the service that it
 * belongs to. What the small files of the taps share stands here too.
 */
#include <stdlib.h>

#include "tap_net.h"

#define SCRATCH_MAX ((size_t)4 << 20)
#define PORT_KDC 88
#define PORT_PASSWORD 464
#define PORT_IKE 500
#define PORT_IKE_NAT 4500

struct mr_tap_net *mr_tap_net_get(mr_tap_ctx *ctx) {
    if (ctx->net != NULL)
        return ctx->net;
    ctx->net = calloc(1, sizeof(*ctx->net));
    if (ctx->net != NULL)
        mr_arena_init(&ctx->net->scratch, SCRATCH_MAX);
    return ctx->net;
}

void mr_tap_net_free(mr_tap_ctx *ctx) {
    if (ctx->net != NULL) {
        mr_arena_deinit(&ctx->net->scratch);
        free(ctx->net->esp);
    }
    free(ctx->net);
    ctx->net = NULL;
}

mr_seen *mr_tap_place_add(const tap_place *place, enum mr_seen_kind kind) {
    if (place->segment != NULL)
        return mr_tap_add_datagram(place->ctx, kind, place->segment);
    return mr_tap_add(place->tap, kind, place->dir, place->packet, place->time);
}

static bool on_port(const mr_segment *segment, uint16_t port) {
    return segment->sport == port || segment->dport == port;
}

static int udp(mr_tap_ctx *ctx, const mr_segment *segment) {
    const tap_place place = {.ctx = ctx, .segment = segment, .packet = segment->packet->number,
                             .time = segment->packet->time};
    mr_slice bytes = segment->payload;
    int names = mr_tap_names_service(segment->sport, segment->dport);

    if (bytes.len == 0)
        return 0;
    if (names >= 0)
        return mr_tap_names_message(&place, (enum mr_seen_names)names, bytes, segment->payload_len);
    if (on_port(segment, PORT_KDC))
        return mr_tap_krb_message(&place, bytes, segment->payload_len, false);
    if (on_port(segment, PORT_PASSWORD))
        return mr_tap_krb_password(&place, bytes, segment->payload_len);
    if (on_port(segment, PORT_IKE) || on_port(segment, PORT_IKE_NAT))
        return mr_tap_ike_datagram(ctx, segment);
    return 0;
}

int mr_tap_datagram(mr_tap_ctx *ctx, const mr_segment *segment) {
    switch ((enum mr_segment_kind)segment->kind) {
    case MR_SEGMENT_UDP:
        return udp(ctx, segment);
    case MR_SEGMENT_ICMP:
        return mr_tap_icmp_datagram(ctx, segment);
    case MR_SEGMENT_ARP:
        return mr_tap_arp_datagram(ctx, segment);
    case MR_SEGMENT_OTHER:
        return segment->proto == MR_IP_ESP ? mr_tap_esp_datagram(ctx, segment) : 0;
    case MR_SEGMENT_TCP:
        return 0;
    }
    return 0;
}
