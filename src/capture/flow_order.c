/*
 * Octets into stream order. In order they go straight to the sink; behind a hole a copy waits. A
 * hole becomes a gap when the receiver has acknowledged its octets (so the capture lost them) and
 * either the other side goes on talking or a little time passed, when the caps are reached, and
 * when the flow ends. Invariant: lane->next only grows, and everything it passes was handed out
 * as octets or as a gap, once.
 */
#include "flow_private.h"

#include <stdlib.h>

#define GRACE (5 * MR_MSEC) /* a capture may have an ACK before the octets it acknowledges */
#define PIECES_MAX 1024u

static void advance(mr_flow_lane *lane, uint32_t len) {
    lane->next += len;
    if (lane->next < len)
        lane->wraps++;
    if (seq_after(lane->next, lane->top))
        lane->top = lane->next;
}

static uint64_t piece_cost(const flow_piece *piece) {
    return sizeof *piece + piece->have;
}

/* Takes the first piece out. */
static flow_piece *unlink_head(mr_flows *flows, flow_wait *wait) {
    flow_piece *piece = wait->held;

    wait->held = piece->next;
    if (!wait->held)
        wait->tail = NULL;
    wait->held_count--;
    wait->held_octets -= (uint32_t)piece_cost(piece);
    flows->waiting -= piece_cost(piece);
    return piece;
}

void mr_flow_free_held(mr_flows *flows, mr_flow *flow, int from) {
    flow_rare *rare = cold_of(flows, flow)->side[from].rare;

    while (rare && rare->wait.held)
        free(unlink_head(flows, &rare->wait));
    flow->waiting &= (uint8_t)~(1u << from);
}

/* The sink's answer: 0, or negative. */
static int answered(mr_flows *flows, mr_flow *flow, int from, int r) {
    if (r == MR_FLOW_IGNORE) {
        flow->lane[from].flags |= LANE_QUIET;
        mr_flow_free_held(flows, flow, from);
        return 0;
    }
    return r;
}

static int give_gap(mr_flows *flows, mr_flow *flow, int from, uint32_t len, uint64_t packet,
                    mr_nsec time) {
    mr_flow_lane *lane = &flow->lane[from];
    mr_flow_side_seen *seen = &mr_flow_rare(flows, flow, from)->seen;
    mr_flow_at at = {lane_position(lane), packet, time, flows->now};

    seen->gaps++;
    seen->missing += len;
    advance(lane, len);
    if (!flows->sink.gap)
        return 0;
    return answered(flows, flow, from,
                    flows->sink.gap(flows->sink.ctx, flow, (enum mr_flow_side)from, len, &at));
}

/* @len octets at next, the first @octets.len of them captured. */
static int give(mr_flows *flows, mr_flow *flow, int from, mr_slice octets, uint32_t len,
                uint64_t packet, mr_nsec time) {
    mr_flow_lane *lane = &flow->lane[from];
    int r = 0;

    if (octets.len > 0) {
        mr_flow_at at = {lane_position(lane), packet, time, flows->now};
        advance(lane, (uint32_t)octets.len);
        if (flows->sink.data) {
            r = flows->sink.data(flows->sink.ctx, flow, (enum mr_flow_side)from, octets, &at);
            r = answered(flows, flow, from, r);
        }
    }
    if (r != 0 || octets.len == len)
        return r;
    cold_of(flows, flow)->truncated = true;
    if (lane->flags & LANE_QUIET) {
        advance(lane, len - (uint32_t)octets.len);
        return 0;
    }
    return give_gap(flows, flow, from, len - (uint32_t)octets.len, packet, time);
}

/* Hands out what is held at next, and corrects the waiting bit. */
static int drain(mr_flows *flows, mr_flow *flow, int from) {
    flow_rare *rare = cold_of(flows, flow)->side[from].rare;
    flow_wait *wait = rare ? &rare->wait : NULL;
    mr_flow_lane *lane = &flow->lane[from];
    int r = 0;

    while (r == 0 && wait && wait->held && !seq_after(wait->held->seq, lane->next)) {
        /* out of the list first: the sink may end the interest, which frees the rest */
        flow_piece *piece = unlink_head(flows, wait);
        r = give(flows, flow, from, mr_slice_of(piece->octets, piece->have), piece->len,
                 piece->packet, piece->time);
        free(piece);
    }
    if (!(wait && wait->held) && !seq_after(lane->top, lane->next))
        flow->waiting &= (uint8_t)~(1u << from);
    return r;
}

int mr_flow_flush(mr_flows *flows, mr_flow *flow, int from, uint32_t limit, uint64_t packet) {
    flow_wait *wait = &mr_flow_rare(flows, flow, from)->wait;
    mr_flow_lane *lane = &flow->lane[from];
    uint32_t fin = cold_of(flows, flow)->side[from].fin;
    int r = 0;

    if ((lane->flags & LANE_FIN) && seq_after(limit, fin))
        limit = fin;
    wait->hole_acked = MR_NSEC_NEVER;
    while (r == 0 && !(lane->flags & LANE_QUIET) && seq_after(limit, lane->next)) {
        uint32_t end = limit;
        if (wait->held && seq_after(limit, wait->held->seq))
            end = wait->held->seq;
        if (seq_after(end, lane->next))
            r = give_gap(flows, flow, from, end - lane->next, packet, flows->now);
        if (r == 0 && !(lane->flags & LANE_QUIET))
            r = drain(flows, flow, from);
    }
    if (wait->held)
        wait->hole_since = flows->now;
    else
        flow->waiting &= (uint8_t)~(1u << from);
    return r;
}

/* Nothing is missing before what is held: it waits for the other side's octets. */
static bool is_held_back(mr_flows *flows, const mr_flow *flow, int from) {
    const flow_piece *piece = rare_of(flows, flow, from)->wait.held;

    return piece && !seq_after(piece->seq, flow->lane[from].next);
}

bool mr_flow_may_come(mr_flows *flows, const mr_flow *flow, int from) {
    const mr_flow_lane *receiver = &flow->lane[!from];

    if (!(flow->waiting & 1u << from) || !(receiver->flags & LANE_ACKED) ||
        !seq_after(receiver->ack, flow->lane[from].next) || is_held_back(flows, flow, from))
        return false;
    mr_nsec acked = rare_of(flows, flow, from)->wait.hole_acked;
    return acked == MR_NSEC_NEVER || flows->now - acked < GRACE;
}

/* What was held back for the other side's octets, when those have come or are given up. */
static int release(mr_flows *flows, mr_flow *flow) {
    int r = 0;

    for (int from = 0; from < 2 && r == 0; from++)
        if ((flow->waiting & 1u << from) && is_held_back(flows, flow, from) &&
            !mr_flow_may_come(flows, flow, !from))
            r = drain(flows, flow, from);
    return r;
}

int mr_flow_settle(mr_flows *flows, mr_flow *flow, uint64_t packet) {
    for (int from = 0; from < 2; from++) {
        if (!(flow->waiting & 1u << from) || is_held_back(flows, flow, from))
            continue;
        flow_wait *wait = &mr_flow_rare(flows, flow, from)->wait;
        const mr_flow_lane *receiver = &flow->lane[!from];
        if (!(receiver->flags & LANE_ACKED) || !seq_after(receiver->ack, flow->lane[from].next)) {
            wait->hole_acked = MR_NSEC_NEVER;
        } else if (wait->hole_acked == MR_NSEC_NEVER) {
            wait->hole_acked = flows->now;
        } else if (flows->now - wait->hole_acked >= GRACE) {
            int r = mr_flow_flush(flows, flow, from, receiver->ack, packet);
            if (r != 0)
                return r;
        }
    }
    return release(flows, flow);
}

int mr_flow_flush_all(mr_flows *flows, mr_flow *flow) {
    int r = 0, first = is_held_back(flows, flow, 0); /* what it waited for goes before it */

    for (int i = 0; i < 2 && r == 0; i++) {
        int from = i ? !first : first;
        mr_flow_lane *lane = &flow->lane[from];
        const mr_flow_lane *receiver = &flow->lane[!from];
        const flow_piece *tail = rare_of(flows, flow, from)->wait.tail;
        uint64_t packet = cold_of(flows, flow)->last_packet;
        if (!(flow->waiting & 1u << from) || (lane->flags & LANE_QUIET))
            continue;
        if (tail)
            r = mr_flow_flush(flows, flow, from, tail->seq + tail->len, packet);
        if (r == 0 && (receiver->flags & LANE_ACKED) && seq_after(receiver->ack, lane->next))
            r = mr_flow_flush(flows, flow, from, receiver->ack, packet);
    }
    return r;
}

/* Counts octets of @octets, whose first has @seq, that differ from those of @piece. */
static uint32_t differing(const flow_piece *piece, uint32_t seq, mr_slice octets) {
    uint32_t from = seq_after(seq, piece->seq) ? seq : piece->seq;
    uint32_t a_end = seq + (uint32_t)octets.len, b_end = piece->seq + piece->have, count = 0;
    uint32_t end = seq_after(a_end, b_end) ? b_end : a_end;

    if (!seq_after(end, from))
        return 0;
    const uint8_t *a = octets.data + (from - seq), *b = piece->octets + (from - piece->seq);
    if (memcmp(a, b, end - from) == 0)
        return 0;
    for (uint32_t i = 0; i < end - from; i++)
        count += a[i] != b[i];
    return count;
}

/* A piece of @len octets between @*link and what follows it. */
static int add_piece(mr_flows *flows, flow_wait *wait, flow_piece **link, uint32_t seq,
                     mr_slice octets, uint32_t len, const mr_packet *packet) {
    flow_piece *piece = malloc(sizeof *piece + octets.len);
    if (!piece)
        return MR_ERR_MEMORY;
    *piece = (flow_piece){.next = *link, .packet = packet->number, .time = packet->time,
                          .seq = seq, .len = len, .have = (uint32_t)octets.len};
    if (octets.len > 0)
        memcpy(piece->octets, octets.data, octets.len);
    if (!*link)
        wait->tail = piece;
    *link = piece;
    wait->held_count++;
    wait->held_octets += (uint32_t)piece_cost(piece);
    flows->waiting += piece_cost(piece);
    if (flows->waiting > flows->waiting_peak)
        flows->waiting_peak = flows->waiting;
    return 0;
}

/* Keeps the parts of [@seq, @seq + @len) that are not held already. */
static int hold(mr_flows *flows, mr_flow *flow, int from, uint32_t seq, mr_slice octets,
                uint32_t len, const mr_packet *packet) {
    flow_rare *rare = mr_flow_rare(flows, flow, from);
    flow_wait *wait = &rare->wait;
    flow_piece **link = &wait->held;
    int r = 0;

    if (rare == flows->spare)
        return MR_ERR_MEMORY;
    if (wait->tail && !seq_after(wait->tail->seq + wait->tail->len, seq))
        link = &wait->tail->next; /* behind all, as nearly always */
    if (!wait->held) {
        wait->hole_since = flows->now;
        wait->hole_acked = MR_NSEC_NEVER;
    }
    while (len > 0 && r == 0) {
        flow_piece *piece = *link;
        uint32_t part = len;
        if (piece && !seq_after(piece->seq + piece->len, seq)) {
            link = &piece->next;
            continue;
        }
        if (piece) {
            if (!seq_after(piece->seq, seq))
                part = 0;
            else if (piece->seq - seq < len)
                part = piece->seq - seq;
        }
        if (part > 0) {
            r = add_piece(flows, wait, link, seq, mr_slice_sub(octets, 0, part), part, packet);
        } else {
            rare->seen.conflicts += differing(piece, seq, octets);
            part = piece->seq + piece->len - seq < len ? piece->seq + piece->len - seq : len;
        }
        seq += part;
        octets = mr_slice_sub(octets, part, octets.len);
        len -= part;
    }
    flow->waiting |= (uint8_t)(1u << from);
    return r;
}

static bool is_full(const mr_flows *flows, const mr_flow *flow, int from, size_t more) {
    const flow_wait *wait = &rare_of(flows, flow, from)->wait;

    more += sizeof(flow_piece);
    return wait->held_count >= PIECES_MAX || wait->held_octets + more > flows->config.lane_octets ||
           flows->waiting + more > flows->config.all_octets;
}

/* Room behind a hole, or the hole becomes a gap. 0: [seq, seq + len) is held; 1: it is next. */
static int wait_or_flush(mr_flows *flows, mr_flow *flow, int from, uint32_t seq, mr_slice octets,
                         uint32_t len, const mr_packet *packet) {
    if (!is_full(flows, flow, from, octets.len)) {
        int r = hold(flows, flow, from, seq, octets, len, packet);
        if (r != MR_ERR_MEMORY)
            return r;
    }
    int r = mr_flow_flush(flows, flow, from, seq, packet->number);
    return r != 0 ? r : 1;
}

/* Keeps a segment back until the octets that it acknowledges have come. 0: done; 1: no room. */
static int hold_back(mr_flows *flows, mr_flow *flow, int from, uint32_t seq,
                     const mr_segment *seg) {
    mr_slice octets = seg->payload;
    uint32_t len = seg->payload_len, next = flow->lane[from].next;

    if (is_full(flows, flow, from, octets.len))
        return 1;
    if (seq_after(next, seq)) {
        uint32_t old = next - seq;
        if (old >= len)
            return 0;
        octets = mr_slice_sub(octets, old, octets.len);
        len -= old;
        seq = next;
    }
    int r = hold(flows, flow, from, seq, octets, len, seg->packet);
    return r == MR_ERR_MEMORY ? 1 : r;
}

/* How many of @len octets at next are not held; counts those that differ from what is. */
static uint32_t clear_run(mr_flows *flows, mr_flow *flow, int from, mr_slice octets,
                          uint32_t len) {
    flow_rare *rare = cold_of(flows, flow)->side[from].rare;
    const flow_piece *piece = rare ? rare->wait.held : NULL;
    uint32_t next = flow->lane[from].next, end;

    if (!piece || piece->seq - next >= len)
        return len;
    end = piece->seq;
    for (; piece && piece->seq == end; piece = piece->next) { /* all that goes out with it */
        rare->seen.conflicts += differing(piece, next, octets);
        end += piece->len;
    }
    return rare->wait.held->seq - next;
}

int mr_flow_deliver(mr_flows *flows, mr_flow *flow, int from, uint32_t seq,
                    const mr_segment *seg) {
    mr_flow_lane *lane = &flow->lane[from];
    mr_slice octets = seg->payload;
    uint32_t len = seg->payload_len;
    int r = 0;

    if (!(lane->flags & LANE_QUIET) && mr_flow_may_come(flows, flow, !from)) {
        r = hold_back(flows, flow, from, seq, seg);
        if (r == 1)
            r = mr_flow_flush(flows, flow, !from, lane->ack, seg->packet->number);
        else
            return r;
    }
    while (r == 0 && !(lane->flags & LANE_QUIET)) {
        int32_t ahead = seq_diff(seq, lane->next);
        if (ahead > 0) {
            r = wait_or_flush(flows, flow, from, seq, octets, len, seg->packet);
            if (r != 1)
                return r;
            r = 0;
            continue;
        }
        uint32_t old = lane->next - seq; /* the first copy won */
        if (old >= len)
            return 0;
        seq += old;
        octets = mr_slice_sub(octets, old, octets.len);
        len -= old;
        uint32_t part = flow->waiting ? clear_run(flows, flow, from, octets, len) : len;
        r = give(flows, flow, from, mr_slice_sub(octets, 0, part), part, seg->packet->number,
                 seg->packet->time);
        if (part == len && !flow->waiting)
            return r;
        if (r == 0 && !(lane->flags & LANE_QUIET))
            r = drain(flows, flow, from);
    }
    return r;
}
