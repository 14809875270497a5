/*
 * A world for flows: packets by pkt.h go through decap into flows; a sink keeps the octets of both
 * directions (a gap as at most 64 dots) and what was seen at the end. Client 10.0.0.1:40000, server
 * 10.0.0.2:135. The sink checks what always holds: positions grow without a break.
 */
#ifndef FLOW_WORLD_H
#define FLOW_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include <msrpc/capture/flow.h>

#include "pkt.h"

enum { WORLD_STREAM = 1 << 18, WORLD_QUIET = 2 };

/* Holds in a release build too. */
#define WORLD_CHECK(holds) ((holds) ? (void)0 : abort())

typedef struct world {
    mr_flows flows;
    mr_decap decap;
    pkt frame;
    uint64_t number;
    mr_nsec now;
    int opened, ended, datagrams, lost, fail;
    int ignore; /* what open answers */
    int ignore_after; /* data calls until the sink has enough; 0: never */
    uint64_t places[64][2]; /* of the flows that began last: where their streams are */
    char text[2][WORLD_STREAM];
    size_t len[2];
    uint64_t gaps[2];
    mr_flow_seen seen; /* of the flow that ended last */
    mr_flow flow;
    mr_flow *open; /* that began last */
} world;

static int world_open(void *ctx, mr_flow *flow, const mr_segment *seg) {
    world *w = ctx;
    (void)seg;
    flow->user = w->places[w->opened++ % 64];
    memset(flow->user, 0, sizeof w->places[0]);
    w->open = flow;
    w->len[0] = w->len[1] = 0;
    return w->ignore;
}
static void world_put(world *w, int from, const void *data, size_t len) {
    size_t room = WORLD_STREAM - w->len[from];
    len = len < room ? len : room;
    if (data)
        memcpy(w->text[from] + w->len[from], data, len);
    else
        memset(w->text[from] + w->len[from], '.', len);
    w->len[from] += len;
}
static int world_data(void *ctx, mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                      const mr_flow_at *at) {
    world *w = ctx;
    uint64_t *place = (uint64_t *)flow->user + from;
    WORLD_CHECK(at->position == *place && octets.len > 0);
    *place += octets.len;
    world_put(w, from, octets.data, octets.len);
    return w->ignore_after && --w->ignore_after == 0 ? MR_FLOW_IGNORE : w->fail;
}
static int world_gap(void *ctx, mr_flow *flow, enum mr_flow_side from, uint64_t len,
                     const mr_flow_at *at) {
    world *w = ctx;
    uint64_t *place = (uint64_t *)flow->user + from;
    WORLD_CHECK(at->position == *place && len > 0);
    *place += len;
    w->gaps[from] += len;
    world_put(w, from, NULL, len < 64 ? len : 64);
    return 0;
}
static int world_end(void *ctx, mr_flow *flow, const mr_flow_seen *seen) {
    world *w = ctx;
    const uint64_t *place = flow->user;
    WORLD_CHECK((flow->lane[0].flags | flow->lane[1].flags) & WORLD_QUIET ||
                (place[0] == seen->side[0].octets && place[1] == seen->side[1].octets));
    w->ended++;
    w->seen = *seen;
    w->flow = *flow;
    return 0;
}
static int world_datagram(void *ctx, const mr_segment *seg) {
    (void)seg;
    ((world *)ctx)->datagrams++;
    return 0;
}
static int world_lost(void *ctx, const mr_fragments_lost *lost) {
    (void)lost;
    ((world *)ctx)->lost++;
    return 0;
}

static inline void world_init(world *w, const mr_flows_config *config) {
    memset(w, 0, offsetof(world, text));
    w->len[0] = w->len[1] = w->gaps[0] = w->gaps[1] = 0;
    w->now = 1000 * MR_SEC;
    const mr_flow_sink sink = {w, world_open, world_data, world_gap, world_end, world_datagram,
                         world_lost};
    WORLD_CHECK(mr_flows_init(&w->flows, config, &sink) == 0);
    mr_decap_init(&w->decap, &(mr_decap_config){.lost = mr_flows_lost, .ctx = &w->flows});
}
static inline void world_deinit(world *w) {
    mr_flows_deinit(&w->flows);
    mr_decap_deinit(&w->decap);
}
static inline int world_feed(world *w, const mr_packet *packet) {
    mr_segment seg;
    int r = mr_decap_feed(&w->decap, packet, &seg);
    return r != 0 ? r : mr_flows_feed(&w->flows, &seg);
}
static inline int world_finish(world *w) {
    mr_decap_end(&w->decap);
    int r = mr_flows_end(&w->flows);
    WORLD_CHECK(r != 0 || (w->flows.count == 0 && w->flows.waiting == 0));
    return r;
}

/* One packet of the conversation, a millisecond and a half after the last. */
static inline int world_tcp_args(world *w, int from, pkt_tcp_args a) {
    a.number = ++w->number;
    w->now += 3 * MR_MSEC / 2;
    a.time = w->now;
    if (!a.from) {
        a.from = from ? 2 : 1;
        a.to = from ? 1 : 2;
    }
    if (!a.sport) {
        a.sport = from ? 135 : 40000;
        a.dport = from ? 40000 : 135;
    }
    return world_feed(w, pkt_tcp(&w->frame, &a));
}
static inline int world_tcp(world *w, int from, uint16_t flags, uint32_t seq, uint32_t ack,
                            const char *data) {
    return world_tcp_args(w, from, (pkt_tcp_args){.flags = flags, .seq = seq, .ack = ack,
                                                  .data = data, .len = data ? strlen(data) : 0});
}
/* The handshake: the client's stream begins at @client + 1, the server's at @server + 1. */
static inline void world_shake(world *w, uint32_t client, uint32_t server) {
    world_tcp(w, 0, MR_TCP_SYN, client, 0, NULL);
    world_tcp(w, 1, MR_TCP_SYN | MR_TCP_ACK, server, client + 1, NULL);
    world_tcp(w, 0, MR_TCP_ACK, client + 1, server + 1, NULL);
}

#endif
