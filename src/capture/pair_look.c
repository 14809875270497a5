/*
 * The second reading: which packets of the sender's side carried the octets that never arrived,
 * when, and how often. Only connections with such octets are looked at.
 */
#include "pair_private.h"

#include <stdlib.h>

int mr_pair_look_add(pair_state *state, int at, uint32_t flow, int lane, uint64_t from,
                     uint64_t to, const mr_pair_seen *seen) {
    pair_flow *of = pair_flow_at(&state->view[at], flow);

    if (state->look_count[at] >= state->config->records) {
        state->pair->totals.unsaid++;
        return 0;
    }
    if (state->look_count[at] == state->look_room[at]) {
        uint32_t room = state->look_room[at] ? state->look_room[at] * 2 : 16;
        pair_look *looks = reallocarray(state->looks[at], room, sizeof *looks);
        if (looks == NULL)
            return MR_ERR_MEMORY;
        state->looks[at] = looks;
        state->look_room[at] = room;
    }
    state->looks[at][state->look_count[at]] = (pair_look){
        .flow = flow,
        .next = of->look,
        .lane = (uint8_t)lane,
        .from = from,
        .to = to,
        .seen = *seen,
    };
    of->look = state->look_count[at]++;
    return 0;
}

static bool holds(const pair_flow *flow, uint64_t packet) {
    for (int side = 0; side < 2; side++)
        if (flow->lane[side].packets != 0 && packet >= flow->lane[side].first_packet &&
            packet <= flow->lane[side].last_packet)
            return true;
    return false;
}

static void look(pair_look *look, const mr_segment *seg) {
    uint32_t seq = seg->tcp.seq + ((seg->tcp.flags & MR_TCP_SYN) ? 1 : 0);
    uint64_t from = look->from + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)look->from);

    if (from >= look->to || from + seg->payload_len <= look->from)
        return;
    if (look->count++ == 0) {
        look->packet = seg->packet->number;
        look->time = seg->packet->time;
    }
    look->last_packet = seg->packet->number;
    look->last_time = seg->packet->time;
    if (seg->payload_len > look->largest)
        look->largest = seg->payload_len;
}

void mr_pair_look_feed(pair_state *state, int at, const mr_segment *seg) {
    const pair_view *view = &state->view[at];
    int side;

    if (seg->kind != MR_SEGMENT_TCP || seg->payload_len == 0)
        return;
    for (uint32_t i = mr_pair_view_find(view, mr_pair_segment_hash(view, seg), seg);
         i != PAIR_NONE; i = pair_flow_at(view, i)->older) {
        const pair_flow *flow = pair_flow_at(view, i);
        if (flow->look == PAIR_NONE || !holds(flow, seg->packet->number) ||
            !mr_pair_same_ends(flow, seg, &side))
            continue;
        for (uint32_t j = flow->look; j != PAIR_NONE; j = state->looks[at][j].next)
            if (state->looks[at][j].lane == side)
                look(&state->looks[at][j], seg);
    }
}

int mr_pair_look_end(pair_state *state) {
    int r = 0;

    for (int at = 0; at < 2; at++) {
        for (uint32_t i = 0; i < state->look_count[at] && r == 0; i++) {
            const pair_look *look = &state->looks[at][i];
            mr_pair_seen seen = look->seen;
            int covers = mr_pair_covers_any(state, !at, at, look->time, look->last_time);
            if (look->count == 0 || covers == 0)
                continue;
            seen.certain = covers == 2;
            seen.time = mr_pair_a_time(state, at, look->time);
            seen.last = mr_pair_a_time(state, at, look->last_time);
            seen.packet[at] = look->packet;
            seen.last_packet[at] = look->last_packet;
            seen.count[at] = look->count;
            seen.largest = look->largest;
            r = mr_pair_add(state, &seen);
        }
    }
    return r;
}
