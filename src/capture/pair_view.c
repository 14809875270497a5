/*
 * One capture as the comparison needs it: a summary per TCP connection, found by its two endpoints;
 * a new SYN with another initial sequence number is another connection of the same endpoints. A
 * packet that the capture holds twice (mirrored both ways) counts once: an honest sender repeats no
 * sooner than after PAIR_COPY.
 */
#include "flow_private.h"
#include "pair_private.h"

#include <stdlib.h>

#define PAIR_COPY (2 * MR_MSEC)
#define PAIR_EPOCH ((uint64_t)1 << 32) /* positions begin here, so that none falls below 0 */

int mr_pair_view_init(pair_view *view, const mr_pair_config *config, const uint64_t key[2],
                      mr_pair_place *place) {
    *view = (pair_view){
        .flow_max = config->flows,
        .gram_max = config->datagrams,
        .key = {key[0], key[1]},
        .place = place,
    };
    view->slot_mask = view->gram_mask = view->host_mask = 1023;
    view->slots = calloc(view->slot_mask + 1, sizeof *view->slots);
    view->gram_slots = calloc(view->gram_mask + 1, sizeof *view->gram_slots);
    view->hosts = calloc(view->host_mask + 1, sizeof *view->hosts);
    view->anchors = calloc(PAIR_ANCHORS, sizeof *view->anchors);
    if (view->slots == NULL || view->gram_slots == NULL || view->hosts == NULL ||
        view->anchors == NULL)
        return MR_ERR_MEMORY;
    return 0;
}

void mr_pair_view_deinit(pair_view *view) {
    for (uint32_t i = 0; i < view->flow_count; i++)
        for (int side = 0; side < 2; side++)
            mr_pair_range_free(&pair_flow_at(view, i)->lane[side]);
    for (uint32_t i = 0; i * PAIR_CHUNK < view->flow_count; i++)
        free(view->chunks[i]);
    free(view->chunks);
    free(view->slots);
    free(view->grams);
    free(view->gram_slots);
    free(view->answers);
    free(view->hosts);
    free(view->anchors);
    *view = (pair_view){.chunks = NULL};
}

uint64_t mr_pair_segment_hash(const pair_view *view, const mr_segment *seg) {
    return mr_flow_hash(view->key, seg->family, &seg->src, seg->sport, &seg->dst, seg->dport);
}

bool mr_pair_same_ends(const pair_flow *flow, const mr_segment *seg, int *sidep) {
    for (int side = 0; side < 2; side++) {
        if (flow->family == seg->family && flow->port[side] == seg->sport &&
            flow->port[!side] == seg->dport &&
            memcmp(&flow->host[side], &seg->src, sizeof seg->src) == 0 &&
            memcmp(&flow->host[!side], &seg->dst, sizeof seg->dst) == 0) {
            *sidep = side;
            return true;
        }
    }
    return false;
}

uint32_t mr_pair_view_find(const pair_view *view, uint64_t hash, const mr_segment *seg) {
    int side;

    for (uint32_t i = (uint32_t)hash & view->slot_mask; view->slots[i] != 0;
         i = (i + 1) & view->slot_mask) {
        const pair_flow *flow = pair_flow_at(view, view->slots[i] - 1);
        if (flow->hash == hash && mr_pair_same_ends(flow, seg, &side))
            return view->slots[i] - 1;
    }
    return PAIR_NONE;
}

static int grow_slots(pair_view *view) {
    uint32_t mask = view->slot_mask * 2 + 1;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);

    if (slots == NULL)
        return MR_ERR_MEMORY;
    for (uint32_t old = 0; old <= view->slot_mask; old++) {
        if (view->slots[old] == 0)
            continue;
        uint32_t i = (uint32_t)pair_flow_at(view, view->slots[old] - 1)->hash & mask;
        while (slots[i] != 0)
            i = (i + 1) & mask;
        slots[i] = view->slots[old];
    }
    free(view->slots);
    view->slots = slots;
    view->slot_mask = mask;
    return 0;
}

static void put_slot(pair_view *view, uint64_t hash, uint32_t older, uint32_t index) {
    uint32_t i = (uint32_t)hash & view->slot_mask;

    while (view->slots[i] != 0 && (older == PAIR_NONE || view->slots[i] != older + 1))
        i = (i + 1) & view->slot_mask;
    view->slots[i] = index + 1;
}

static int add_chunk(pair_view *view) {
    uint32_t chunk = view->flow_count / PAIR_CHUNK;

    if (chunk == view->chunk_room) {
        uint32_t room = view->chunk_room ? view->chunk_room * 2 : 16;
        pair_flow **chunks = reallocarray(view->chunks, room, sizeof *chunks);
        if (chunks == NULL)
            return MR_ERR_MEMORY;
        view->chunks = chunks;
        view->chunk_room = room;
    }
    view->chunks[chunk] = malloc(PAIR_CHUNK * sizeof **view->chunks);
    return view->chunks[chunk] ? 0 : MR_ERR_MEMORY;
}

/* Who is the client of a connection that begins with @seg? */
static bool from_client(const mr_segment *seg) {
    if (seg->tcp.flags & MR_TCP_SYN)
        return (seg->tcp.flags & MR_TCP_ACK) == 0;
    return seg->dport < seg->sport;
}

static int add_flow(pair_view *view, uint64_t hash, uint32_t older, const mr_segment *seg,
                    pair_flow **flowp) {
    int side = from_client(seg) ? 0 : 1;

    if (view->flow_count == view->flow_max) {
        view->place->beyond++;
        *flowp = NULL;
        return 0;
    }
    if (view->flow_count % PAIR_CHUNK == 0 && add_chunk(view) != 0)
        return MR_ERR_MEMORY;
    if (view->flow_count >= view->slot_mask / 2 && grow_slots(view) != 0)
        return MR_ERR_MEMORY;
    pair_flow *flow = pair_flow_at(view, view->flow_count);
    *flow = (pair_flow){
        .family = seg->family,
        .midstream = (seg->tcp.flags & MR_TCP_SYN) == 0,
        .older = older,
        .mate = PAIR_NONE,
        .look = PAIR_NONE,
        .hash = hash,
        .lane = {{.wscale = MR_TCP_NO_SCALE}, {.wscale = MR_TCP_NO_SCALE}},
    };
    flow->host[side] = seg->src;
    flow->host[!side] = seg->dst;
    flow->port[side] = seg->sport;
    flow->port[!side] = seg->dport;
    put_slot(view, hash, older, view->flow_count++);
    *flowp = flow;
    return 0;
}

/* Whether @seg, a SYN, begins another connection than @flow, of the same endpoints. */
static bool is_another(const pair_flow *flow, int side, const mr_segment *seg) {
    const pair_lane *lane = &flow->lane[side];

    if ((seg->tcp.flags & (MR_TCP_SYN | MR_TCP_ACK | MR_TCP_RST)) != MR_TCP_SYN)
        return false;
    if (lane->syns != 0)
        return lane->isn != seg->tcp.seq;
    return lane->packets != 0 || side == 1;
}

uint64_t mr_pair_position(const pair_lane *lane, uint32_t seq) {
    return lane->top + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)lane->top);
}

static void note_syn(pair_lane *lane, const mr_segment *seg) {
    if (lane->syns++ == 0) {
        lane->isn = seg->tcp.seq;
        lane->stamp = seg->tcp.ts_value;
        lane->mss = seg->tcp.mss;
        lane->wscale = seg->tcp.wscale;
        lane->sack_ok = seg->tcp.sack_ok;
        lane->stamped = seg->tcp.stamped;
        lane->syn_packet = seg->packet->number;
        lane->syn_time = seg->packet->time;
        if (!lane->begun)
            lane->base = lane->top = PAIR_EPOCH + seg->tcp.seq + 1;
        lane->begun = true;
    }
    lane->syn_last_packet = seg->packet->number;
    lane->syn_last_time = seg->packet->time;
}

static void note_reset(pair_lane *lane, const mr_segment *seg) {
    if (lane->rsts++ == 0) {
        lane->rst_packet = seg->packet->number;
        lane->rst_time = seg->packet->time;
        lane->rst_ttl = seg->ttl;
    }
}

static int note_data(pair_lane *lane, const mr_segment *seg) {
    uint32_t seq = seg->tcp.seq + ((seg->tcp.flags & MR_TCP_SYN) ? 1 : 0);
    uint64_t fresh;

    if (!lane->begun)
        lane->base = lane->top = PAIR_EPOCH + seq;
    lane->begun = true;
    uint64_t position = mr_pair_position(lane, seq), end = position + seg->payload_len;
    if (seg->payload_len <= 1 && end <= lane->top)
        return 0; /* a probe: keep-alive or zero window */
    if (lane->top - position > PAIR_EPOCH / 4 && lane->top > position)
        return 0; /* of another connection, long ago */
    if (seg->payload.len < seg->payload_len)
        lane->cut = true;
    int r = mr_pair_range_add(lane, position, seg->payload_len, seg->payload, seg->packet->number,
                              seg->packet->time, &fresh);
    if (r != 0)
        return r;
    lane->sent += seg->payload_len;
    if (seg->payload_len > lane->largest)
        lane->largest = seg->payload_len;
    if (end > lane->top)
        lane->top = end;
    if (fresh != 0) {
        lane->data_packet = seg->packet->number;
        lane->data_time = seg->packet->time;
    }
    return 0;
}

static bool is_copy(pair_lane *lane, const mr_segment *seg) {
    const mr_tcp *tcp = &seg->tcp;
    bool copy = lane->packets != 0 && lane->copy_seq == tcp->seq &&
                lane->copy_len == seg->payload_len && lane->copy_flags == tcp->flags &&
                lane->copy_stamp == tcp->ts_value && lane->copy_ack == tcp->ack &&
                lane->copy_id == seg->ip_id &&
                (tcp->flags & MR_TCP_SYN || seg->payload_len != 0) &&
                seg->packet->time - lane->copy_time < PAIR_COPY;

    lane->copy_seq = tcp->seq;
    lane->copy_len = seg->payload_len;
    lane->copy_flags = tcp->flags;
    lane->copy_stamp = tcp->ts_value;
    lane->copy_ack = tcp->ack;
    lane->copy_id = seg->ip_id;
    lane->copy_time = seg->packet->time;
    return copy;
}

static int feed_lane(pair_view *view, pair_lane *lane, const mr_segment *seg) {
    const mr_tcp *tcp = &seg->tcp;

    if (is_copy(lane, seg)) {
        view->place->duplicates++;
        return 0;
    }
    if (lane->packets++ == 0) {
        lane->first_packet = seg->packet->number;
        lane->first_time = seg->packet->time;
    }
    lane->last_packet = seg->packet->number;
    lane->last_time = seg->packet->time;
    if (tcp->flags & MR_TCP_RST) {
        note_reset(lane, seg);
        return 0;
    }
    if (lane->ttl == 0)
        lane->ttl = seg->ttl;
    if (tcp->flags & MR_TCP_SYN)
        note_syn(lane, seg);
    else
        lane->after_syn++;
    if ((tcp->flags & MR_TCP_FIN) && lane->fin_packet == 0) {
        lane->fin_packet = seg->packet->number;
        lane->fin_time = seg->packet->time;
    }
    if ((tcp->flags & MR_TCP_ACK) &&
        (!lane->has_ack || (int32_t)(tcp->ack - lane->ack) > 0)) {
        lane->ack = tcp->ack;
        lane->has_ack = true;
    }
    return seg->payload_len != 0 ? note_data(lane, seg) : 0;
}

/* The connection that an ICMP error is about, if it is known. */
static void feed_icmp(pair_view *view, const mr_segment *seg) {
    const mr_quote *quote = &seg->icmp.quote;

    if (quote->family == 0 || quote->proto != MR_IP_TCP || !quote->has_ports)
        return;
    mr_segment like = {
        .family = quote->family,
        .src = quote->src,
        .dst = quote->dst,
        .sport = quote->sport,
        .dport = quote->dport,
    };
    uint32_t index = mr_pair_view_find(view, mr_pair_segment_hash(view, &like), &like);
    if (index != PAIR_NONE)
        pair_flow_at(view, index)->icmp = true;
}

static int feed_tcp(pair_view *view, const mr_segment *seg) {
    uint64_t hash = mr_pair_segment_hash(view, seg);
    uint32_t index = mr_pair_view_find(view, hash, seg);
    pair_flow *flow = NULL;
    int side = 0, r;

    if (index != PAIR_NONE) {
        flow = pair_flow_at(view, index);
        (void)mr_pair_same_ends(flow, seg, &side);
        if (is_another(flow, side, seg))
            flow = NULL;
    }
    if (flow == NULL) {
        if ((r = add_flow(view, hash, index, seg, &flow)) != 0 || flow == NULL)
            return r;
        (void)mr_pair_same_ends(flow, seg, &side);
    }
    if ((seg->tcp.flags & MR_TCP_RST) == 0)
        mr_pair_anchor_add(view, seg, side == 0, !flow->midstream);
    return feed_lane(view, &flow->lane[side], seg);
}

int mr_pair_view_feed(pair_view *view, const mr_segment *seg) {
    int r = mr_pair_host_add(view, seg);

    if (r != 0)
        return r;
    switch ((enum mr_segment_kind)seg->kind) {
    case MR_SEGMENT_TCP:
        return feed_tcp(view, seg);
    case MR_SEGMENT_UDP:
        return mr_pair_gram_add(view, seg);
    case MR_SEGMENT_ICMP:
        feed_icmp(view, seg);
        return 0;
    case MR_SEGMENT_ARP:
    case MR_SEGMENT_OTHER:
        return 0;
    }
    return 0;
}
