/*
 * A world for taps: what two hosts say, over TCP in portions of any size or in datagrams, goes as
 * packets (pkt.h) through flows into the taps of a shard; the records are kept in a batch.
 */
#ifndef TAP_WORLD_H
#define TAP_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#include "pkt.h"

typedef struct tap_world {
    mr_flows flows;
    mr_decap decap;
    mr_tap_ctx ctx;
    mr_seen_batch batch;
    mr_totals totals;
    pkt frame;
    uint16_t cport, sport; /* of the connection at hand */
    uint32_t seq[2];
    mr_nsec now;
} tap_world;

static inline void tap_world_init(tap_world *w) {
    mr_flow_sink sink;

    memset(w, 0, offsetof(tap_world, frame));
    w->now = 1000 * MR_SEC;
    mr_seen_init(&w->batch, (size_t)16 << 20);
    w->ctx = (mr_tap_ctx){.batch = &w->batch, .totals = &w->totals, .flows = &w->flows};
    mr_tap_sink(&w->ctx, &sink);
    if (mr_flows_init(&w->flows, NULL, &sink) != 0)
        abort();
    mr_decap_init(&w->decap, NULL);
}

static inline void tap_world_feed(tap_world *w, const mr_packet *packet) {
    mr_segment seg;

    if (mr_decap_feed(&w->decap, packet, &seg) == 0 && mr_flows_feed(&w->flows, &seg) != 0)
        abort();
}

static inline void tap_world_segment(tap_world *w, int from, uint16_t flags, const void *data,
                                     size_t len) {
    w->now += MR_MSEC;
    tap_world_feed(w, pkt_tcp(&w->frame, &(pkt_tcp_args){
        .from = from ? 2 : 1, .to = from ? 1 : 2, .sport = from ? w->sport : w->cport,
        .dport = from ? w->cport : w->sport, .flags = flags, .seq = w->seq[from],
        .ack = w->seq[!from], .data = data, .len = len, .number = ++w->ctx.order,
        .time = w->now}));
    w->seq[from] += (uint32_t)len + ((flags & (MR_TCP_SYN | MR_TCP_FIN)) != 0);
}

/* A connection opens; those before it stay open. */
static inline void tap_world_open(tap_world *w, uint16_t cport, uint16_t sport) {
    w->cport = cport;
    w->sport = sport;
    w->seq[0] = 100;
    w->seq[1] = 200;
    tap_world_segment(w, 0, MR_TCP_SYN, NULL, 0);
    tap_world_segment(w, 1, MR_TCP_SYN | MR_TCP_ACK, NULL, 0);
    tap_world_segment(w, 0, MR_TCP_ACK, NULL, 0);
}

/* One side speaks, in segments of @portion octets. */
static inline void tap_world_say(tap_world *w, int from, const void *data, size_t len,
                                 size_t portion) {
    for (size_t at = 0; at < len; at += portion)
        tap_world_segment(w, from, MR_TCP_ACK | MR_TCP_PSH, (const uint8_t *)data + at,
                          len - at < portion ? len - at : portion);
}

static inline void tap_world_udp(tap_world *w, int from, uint16_t sport, uint16_t dport,
                                 const void *data, size_t len) {
    w->now += MR_MSEC;
    uint64_t number = ++w->ctx.order;
    tap_world_feed(w, pkt_udp(&w->frame, false, from ? 2 : 1, from ? 1 : 2, sport, dport, data,
                              len, number, w->now));
}

/* The capture is over. */
static inline void tap_world_end(tap_world *w) {
    mr_decap_end(&w->decap);
    if (mr_flows_end(&w->flows) != 0)
        abort();
}

static inline void tap_world_deinit(tap_world *w) {
    tap_world_end(w); /* once more: connections that are still open go */
    mr_flows_deinit(&w->flows);
    mr_decap_deinit(&w->decap);
    mr_tap_ctx_deinit(&w->ctx);
    mr_seen_deinit(&w->batch);
    mr_totals_deinit(&w->totals);
}

/* The @nth record of a kind, from 0; NULL: there are not so many. */
static inline const mr_seen *tap_world_find(const tap_world *w, enum mr_seen_kind kind,
                                            size_t nth) {
    for (size_t i = 0; i < w->batch.count; i++)
        if (w->batch.seen[i].kind == kind && nth-- == 0)
            return &w->batch.seen[i];
    return NULL;
}

#endif
