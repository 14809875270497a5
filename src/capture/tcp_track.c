/*
 * What TCP itself shows, packet by packet: the handshake, what was sent again and whether it had
 * to be, windows, ends and resets (RFC 9293, RFC 5961, RFC 6298). A packet that is just the next
 * one of its direction touches the hot part and the first line of the cold one; a sound connection
 * has no rare part.
 */
#include "flow_private.h"

#define TWICE_TIME MR_MSEC       /* the same packet seen again within this: captured twice */
#define REORDER_TIME (3 * MR_MSEC)
#define ACK_DELAY (200 * MR_MSEC) /* RFC 1122 4.2.3.2 allows 500; hosts wait 40 to 200 */
#define IDLE_TIME MR_SEC         /* a silence worth a note */
#define FAR (1 << 26)            /* octets beyond any sensible window */
#define FAR_RUN 4                /* so many in a row are no strays */

/* One packet on its way through. */
typedef struct track {
    mr_flows *flows;
    mr_flow *flow;
    const mr_segment *seg;
    int from;
    mr_flow_lane *s; /* the sender's */
    mr_flow_lane *o; /* the other side's */
    uint32_t seq;    /* of the first payload octet */
    uint32_t end;    /* behind the last, FIN included */
} track;

static flow_side *side_of(const track *t) {
    return &cold_of(t->flows, t->flow)->side[t->from];
}

/* What a sound connection has not. */
static mr_flow_side_seen *seen_of(const track *t) {
    return &mr_flow_rare(t->flows, t->flow, t->from)->seen;
}

static void note_first(track *t) {
    const mr_segment *seg = t->seg;
    flow_side *seen = side_of(t);

    seen->first_packet = seg->packet->number;
    seen->ttl_min = seen->ttl_max = seg->ttl;
    seen->wscale = MR_TCP_NO_SCALE;
    seen->macs = seg->macs;
    memcpy(seen->mac, seg->smac, sizeof seen->mac);
}

static void note_ttl(track *t) {
    flow_side *seen = side_of(t);
    if (t->seg->ttl < seen->ttl_min)
        seen->ttl_min = t->seg->ttl;
    if (t->seg->ttl > seen->ttl_max)
        seen->ttl_max = t->seg->ttl;
    t->s->ttl = t->seg->ttl;
}

static void note_idle(track *t, mr_nsec idle) {
    flow_cold *seen = cold_of(t->flows, t->flow);
    seen->idle_last = idle;
    seen->idle_last_packet = t->seg->packet->number;
    if (idle > seen->idle_longest) {
        seen->idle_longest = idle;
        seen->idle_packet = t->seg->packet->number;
    }
}

static bool other_mac(const track *t) {
    const flow_side *seen = side_of(t);
    return seen->macs && t->seg->macs && memcmp(seen->mac, t->seg->smac, sizeof seen->mac) != 0;
}

/* Whether the capture has this very packet already: a mirror port shows it on its way in and out.
 * A sender that repeats itself does so later and under another IP id; what fills a hole is new. */
static bool is_captured_twice(const track *t) {
    const mr_segment *seg = t->seg;
    const mr_flow_lane *s = t->s;
    bool hole = t->flow->waiting & 1u << t->from;

    if (s->packets == 0 || !seg->packet->timed || seq_after(t->end, hole ? s->next : s->top) ||
        ((s->flags & LANE_ACKED) && seq_after(seg->tcp.ack, s->ack)))
        return false;
    if ((seg->tcp.flags & MR_TCP_RST) && t->flow->state != MR_FLOW_RESET)
        return false; /* a forger may copy the id of what he saw */
    bool same = t->end == s->top && seg->tcp.window == s->window && seg->tcp.ack == s->ack;
    if (seg->family == 4 && seg->ip_id != 0) {
        if (seg->ip_id == s->ip_id)
            return same;
        int behind = (int16_t)(s->ip_id - seg->ip_id);
        return seg->payload_len > 0 && behind > 0 && behind < 16;
    }
    return seg->payload_len > 0 && (s->flags & LANE_LATEST) && same;
}

/* The most the receiver's window can reach, for the sender @t->s. */
static uint32_t window_of(const track *t, const mr_flow_lane *receiver) {
    const flow_cold *seen = cold_of(t->flows, t->flow);
    uint8_t scale = seen->side[!t->from].wscale;

    if (!seen->side[0].syn_packet || !seen->side[1].syn_packet)
        scale = 0;
    else if (scale == MR_TCP_NO_SCALE || seen->side[t->from].wscale == MR_TCP_NO_SCALE)
        scale = 0; /* both must offer it (RFC 7323 2.2) */
    return (uint32_t)receiver->window << (scale < 14 ? scale : 14);
}

static void note_reset(track *t, mr_flow_reset *reset) {
    const mr_segment *seg = t->seg;
    const mr_flow_lane *s = t->s, *o = t->o; /* s->packets counts this one */

    *reset = (mr_flow_reset){
        .packet = seg->packet->number, .time = seg->packet->time,
        .idle = since(seg->packet->time, t->flow->last),
        .ip_id = seg->family == 4 ? seg->ip_id : MR_FLOW_NO_IP_ID,
        .usual_ip_id = seg->family == 4 && s->packets > 1 ? s->ip_id : MR_FLOW_NO_IP_ID,
        .window = seg->tcp.window, .usual_window = s->window, .flags = seg->tcp.flags,
        .ttl = seg->ttl, .usual_ttl = s->ttl, .state = t->flow->state,
        .other_mac = other_mac(t), .payload_len = (uint16_t)seg->payload_len};
    if (t->flow->state == MR_FLOW_SYN && t->from == MR_FROM_SERVER && s->packets == 1) {
        reset->answers_syn = true;
        reset->exact = (seg->tcp.flags & MR_TCP_ACK) && seg->tcp.ack == o->top;
        reset->in_window = reset->known_seq = reset->exact;
    } else if (o->flags & LANE_ACKED) {
        int32_t off = seq_diff(seg->tcp.seq, o->ack);
        bool next = (s->flags & LANE_STARTED) && seg->tcp.seq == s->top;
        reset->known_seq = true;
        reset->exact = off == 0 || next;
        reset->seq_off = next ? 0 : (uint32_t)(off < 0 ? -(int64_t)off : off);
        reset->in_window = reset->exact || (off > 0 && (uint32_t)off < window_of(t, o));
    }
}

static int track_reset(track *t) {
    mr_flow_side_seen *seen = seen_of(t);
    int r = 0;

    if (t->flow->waiting) /* what came before it comes before it */
        r = mr_flow_flush_all(t->flows, t->flow);
    if (seen->reset.count == 0)
        note_reset(t, &seen->reset);
    seen->reset.count++;
    if (other_mac(t))
        side_of(t)->mac_changed = true;
    t->flow->state = MR_FLOW_RESET;
    t->s->ip_id = t->seg->ip_id;
    return r;
}

/* The stream begins at @seq, unless some of it went out already. */
static void start_again(track *t, uint32_t seq) {
    if (lane_position(t->s) == 0 && !(t->flow->waiting & 1u << t->from))
        lane_start(t->s, seq);
}

static void note_syn_options(track *t, flow_side *seen) {
    const mr_segment *seg = t->seg;

    seen->syn_packet = seg->packet->number;
    seen->syn_time = seg->packet->time;
    seen->syn_flags = seg->tcp.flags;
    seen->isn = seg->tcp.seq;
    seen->mss = seg->tcp.mss;
    seen->wscale = seg->tcp.wscale;
    seen->sack_ok = seg->tcp.sack_ok;
    seen->stamped = seg->tcp.stamped;
    seen->df = seg->df;
    seen->syns = 1;
    start_again(t, seg->tcp.seq + 1);
}

static void track_syn(track *t) {
    flow_side *seen = side_of(t);
    bool answer = t->seg->tcp.flags & MR_TCP_ACK;
    mr_flow *flow = t->flow;

    if (other_mac(t))
        seen->mac_changed = true;
    if (!seen->syn_packet) {
        if (!answer && t->from == MR_FROM_SERVER)
            cold_of(t->flows, flow)->simultaneous = true;
        note_syn_options(t, seen);
        if (!answer && flow->state == MR_FLOW_SYN_ACK)
            flow->midstream = false; /* the capture had its answer first */
    } else if (seen->isn != t->seg->tcp.seq) {
        seen->isn_changed = true;
        if (flow->state == MR_FLOW_SYN_ACK || flow->state == MR_FLOW_SYN)
            start_again(t, t->seg->tcp.seq + 1);
        seen->isn = t->seg->tcp.seq;
        seen->syns++;
    } else if (((seen->syn_flags ^ t->seg->tcp.flags) & MR_TCP_ACK) == 0) {
        if (seen->syns <= MR_FLOW_TIMES)
            seen_of(t)->syn_delay[seen->syns - 1] =
                (uint32_t)(since(t->seg->packet->time, seen->syn_time) / 1000);
        seen->syns++;
        seen_of(t)->syn_last_packet = t->seg->packet->number;
        if (flow->state == MR_FLOW_RESET) /* it tries again on the same ports */
            flow->state = MR_FLOW_SYN;
    }
    if (answer && flow->state == MR_FLOW_SYN)
        flow->state = MR_FLOW_SYN_ACK;
}

/* The client's first ACK, or whatever shows that the handshake is over. */
static void track_open(track *t) {
    flow_cold *seen = cold_of(t->flows, t->flow);

    if (t->flow->state == MR_FLOW_SYN_ACK && t->from == MR_FROM_SERVER && !seen->simultaneous)
        return;
    if (t->flow->state == MR_FLOW_SYN && t->from == MR_FROM_SERVER &&
        t->seg->tcp.ack != t->o->top)
        return;
    t->flow->state = MR_FLOW_OPEN;
    seen->opened = t->seg->packet->time;
    seen->opened_packet = t->seg->packet->number;
}

/* The other side's octets up to @ack exist, whether the capture has them or not. */
static void ack_unseen(track *t, uint32_t ack) {
    seen_of(t)->acked_unseen++;
    t->o->top = ack;
    if (t->o->flags & LANE_QUIET) {
        t->o->next = ack;
        return;
    }
    if (!(t->flow->waiting & 1u << !t->from)) {
        flow_wait *wait = &mr_flow_rare(t->flows, t->flow, !t->from)->wait;
        wait->hole_since = t->flows->now;
        wait->hole_acked = t->flows->now;
    }
    t->flow->waiting |= (uint8_t)(1u << !t->from);
}

/* A block behind the acknowledgement came twice (RFC 2883): that was in a hurry, nothing was lost,
 * when what is echoed is older than what was sent again (RFC 3522), and when the first copy's
 * acknowledgement was not due yet. Later the acknowledgement may have been lost. */
static void note_twice(track *t) {
    const mr_tcp *tcp = &t->seg->tcp;
    flow_rare *sent = cold_of(t->flows, t->flow)->side[!t->from].rare;

    if (!sent || seq_after(tcp->sack[0].to, tcp->ack))
        return;
    bool older = tcp->stamped && seq_after(sent->wait.again, tcp->ts_echo);
    if (!older && !sent->wait.again_soon)
        return;
    sent->wait.again_soon = false;
    if (sent->wait.hasty > 0)
        sent->wait.hasty--;
    else if (sent->seen.spurious < sent->seen.retransmits)
        sent->seen.spurious++;
}

/* The time from the point of capture to the receiver of what @from sends, and back; 0: unknown. */
static mr_nsec round_trip(const flow_cold *seen, int from) {
    const flow_side *client = &seen->side[MR_FROM_CLIENT];
    const flow_side *server = &seen->side[MR_FROM_SERVER];

    if (client->syns != 1 || server->syns != 1)
        return 0;
    return from == MR_FROM_CLIENT ? since(server->syn_time, client->syn_time)
                                  : since(seen->opened, server->syn_time);
}

/* What was sent again is acknowledged. Where the answer echoes an older timestamp (RFC 3522), or
 * comes sooner than one to the second copy can, the first had arrived: it was late, not lost. A
 * last segment that was soon sent again says no more than that, unless the acknowledgement of its
 * copy was seen, with no word of a first one. */
static void note_haste(track *t) {
    const mr_tcp *tcp = &t->seg->tcp;
    flow_rare *rare = mr_flow_rare(t->flows, t->flow, !t->from);
    flow_wait *lane = &rare->wait;
    mr_flow_side_seen *sent = &rare->seen;

    if (seq_after(lane->again_end, tcp->ack))
        return;
    t->o->flags &= (uint8_t)~LANE_AGAIN;
    mr_nsec trip = round_trip(cold_of(t->flows, t->flow), !t->from);
    bool older = tcp->stamped && seq_after(lane->again_first, tcp->ts_echo);
    bool early = since(t->seg->packet->time, lane->again_time) < trip - trip / 4;
    bool unseen = lane->again_soon && (tcp->cut || since(t->seg->packet->time,
                                                         lane->again_time) > ACK_DELAY);
    uint32_t room = sent->retransmits - sent->spurious;
    if (!unseen && (tcp->stamped ? !older : !early))
        return;
    sent->spurious += lane->again_count < room ? lane->again_count : room;
    lane->hasty += lane->again_count;
}

/* 0; 1: the acknowledgement makes no sense and is left aside. */
static int track_ack(track *t) {
    const mr_segment *seg = t->seg;
    uint32_t ack = seg->tcp.ack;
    mr_flow_lane *s = t->s, *o = t->o;

    if (!(o->flags & LANE_STARTED))
        lane_start(o, ack);
    if (t->flow->state == MR_FLOW_SYN && t->from == MR_FROM_SERVER && ack != o->top) {
        seen_of(t)->challenge_acks++;
        return 1;
    }
    int32_t beyond = seq_diff(ack, o->top);
    if (beyond > FAR || beyond < -(FAR * 16)) {
        seen_of(t)->strays++;
        return 1;
    }
    if (seg->tcp.sacks)
        note_twice(t);
    if (!(s->flags & LANE_ACKED)) {
        s->flags |= LANE_ACKED;
        s->ack = ack;
    } else if (ack == s->ack) {
        if (seg->payload_len == 0 && beyond < 0 && seg->tcp.window == s->window &&
            !(seg->tcp.flags & (MR_TCP_SYN | MR_TCP_FIN)) && t->end == s->top)
            side_of(t)->dup_acks++;
        return 0;
    } else if (!seq_after(ack, s->ack)) {
        return 0;
    }
    s->ack = ack;
    if (o->flags & LANE_AGAIN)
        note_haste(t);
    if (beyond > 0)
        ack_unseen(t, ack);
    else if (beyond == 0)
        o->through = o->largest;
    if (beyond >= 0 && (o->flags & LANE_FIN))
        cold_of(t->flows, t->flow)->side[!t->from].fin_acked = true;
    return 0;
}

static void track_window(track *t) {
    mr_flow_side_seen *seen = seen_of(t);
    mr_nsec now = t->flows->now;

    if (t->seg->tcp.window == 0) {
        t->s->flags |= LANE_ZERO;
        seen->zero_windows++;
        seen->zero_since = now;
        seen->zero_since_packet = t->seg->packet->number;
        return;
    }
    t->s->flags &= (uint8_t)~LANE_ZERO;
    mr_nsec span = since(now, seen->zero_since);
    seen->zero_total += span;
    if (span > seen->zero_longest || !seen->zero_packet) {
        seen->zero_longest = span;
        seen->zero_packet = seen->zero_since_packet;
    }
}

static void note_again(track *t) {
    const mr_segment *seg = t->seg;
    flow_wait *lane = &mr_flow_rare(t->flows, t->flow, t->from)->wait;

    lane->again = seg->tcp.ts_value;
    lane->again_soon = t->end == t->s->top &&
                       since(seg->packet->time, cold_of(t->flows, t->flow)->sent[t->from]) <
                           ACK_DELAY;
    if ((t->o->flags & LANE_ACKED) && !seq_after(t->end, t->o->ack)) {
        seen_of(t)->spurious++;
        return;
    }
    if (!(t->s->flags & LANE_AGAIN)) {
        t->s->flags |= LANE_AGAIN;
        lane->again_first = seg->tcp.ts_value;
        lane->again_count = 0;
        lane->again_end = t->end;
    }
    lane->again_count++;
    lane->again_time = seg->packet->time;
    if (seq_after(t->end, lane->again_end))
        lane->again_end = t->end;
}

static void note_retransmit(track *t) {
    mr_flow_side_seen *seen = seen_of(t);
    const mr_segment *seg = t->seg;
    uint32_t len = seg->payload_len;

    if (seen->retransmits++ == 0) {
        seen->retransmit_packet = seg->packet->number;
        seen->retransmit_time = seg->packet->time;
        seen->retransmit_min = len;
    }
    seen->retransmit_last_packet = seg->packet->number;
    seen->retransmit_last_time = seg->packet->time;
    if (len < seen->retransmit_min)
        seen->retransmit_min = len;
    if (len > seen->retransmit_max)
        seen->retransmit_max = len;
    side_of(t)->df = seg->df;
    note_again(t);
    if (seen->stuck_times == 0 || seen->stuck_seq != t->seq) {
        seen->stuck_seq = t->seq;
        seen->stuck_times = 0;
        seen->stuck_time = seg->packet->time;
    }
    seen->stuck_len = len;
    seen->stuck_times++;
}

/* A segment that begins before what the sender already sent: why? */
static void judge_old(track *t) {
    const flow_rare *rare = rare_of(t->flows, t->flow, t->from);
    const mr_segment *seg = t->seg;
    uint32_t len = seg->payload_len;
    bool probe = t->o->flags & LANE_ZERO;

    if (len <= 1 && !(seg->tcp.flags & MR_TCP_FIN) && t->seq == t->s->top - 1) {
        if (probe)
            seen_of(t)->window_probes++;
        else
            side_of(t)->keepalives++;
        return;
    }
    if (len == 0 || (rare->seen.window_probes > 0 && t->s->top - t->seq == 1))
        return;
    bool hole = (t->flow->waiting & 1u << t->from) && !seq_after(t->s->next, t->seq);
    if (hole) {
        bool earlier = seg->family == 4 && seg->ip_id != 0 && seq_diff(t->s->ip_id, 0) != 0 &&
                       (int16_t)(seg->ip_id - t->s->ip_id) < 0 &&
                       (int16_t)(seg->ip_id - t->s->ip_id) > -1024;
        if (earlier || since(t->flows->now, rare->wait.hole_since) < REORDER_TIME) {
            seen_of(t)->reordered++;
            return;
        }
    }
    note_retransmit(t);
}

/* What comes begins at @seq, and octets before it are not there yet. */
static void note_hole(track *t, uint32_t seq) {
    uint8_t bit = (uint8_t)(1u << t->from);

    if ((t->s->flags & LANE_QUIET) || (t->flow->waiting & bit) || !seq_after(seq, t->s->next))
        return;
    t->flow->waiting |= bit;
    flow_wait *wait = &mr_flow_rare(t->flows, t->flow, t->from)->wait;
    wait->hole_since = t->flows->now;
    wait->hole_acked = MR_NSEC_NEVER;
}

/* Who answers the other's FIN acknowledges it; the order of packets may be the capture's. */
static void order_fins(track *t) {
    flow_side *own = side_of(t), *other = &cold_of(t->flows, t->flow)->side[!t->from];

    own->fin_second = seq_after(t->seg->tcp.ack, other->fin);
    other->fin_second = (t->o->flags & LANE_ACKED) && seq_after(t->o->ack, own->fin);
}

static void track_fin(track *t) {
    flow_side *seen = side_of(t);

    if (!seen->fin_packet) {
        seen->fin_packet = t->seg->packet->number;
        seen->fin_time = t->seg->packet->time;
    }
    if (!(t->s->flags & LANE_FIN) || seq_after(t->end - 1, seen->fin))
        seen->fin = t->end - 1;
    t->s->flags |= LANE_FIN;
    if ((t->o->flags & LANE_FIN) && !seen->fin_second)
        order_fins(t);
    note_hole(t, seen->fin);
    if (t->flow->state == MR_FLOW_RESET)
        return;
    bool both = (t->o->flags & LANE_FIN) || t->o->packets == 0;
    t->flow->state = both ? MR_FLOW_CLOSED : MR_FLOW_CLOSING;
}

/* Payload and FIN: judged, then into stream order. */
static int track_octets(track *t) {
    uint32_t len = t->seg->payload_len;
    mr_flow_lane *s = t->s;
    bool old = seq_after(s->top, t->seq);
    int r = 0;

    if (old)
        judge_old(t);
    else if (len == 1 && (t->o->flags & LANE_ZERO))
        seen_of(t)->window_probes++;
    if (seq_after(t->end, s->top)) {
        s->top = t->end;
        cold_of(t->flows, t->flow)->sent[t->from] = t->seg->packet->time;
    }
    if (len > s->largest)
        s->largest = len < UINT16_MAX ? (uint16_t)len : UINT16_MAX;
    if (t->flow->state == MR_FLOW_RESET && len > 0) {
        cold_of(t->flows, t->flow)->after_reset++;
        if (!old && rare_of(t->flows, t->flow, t->from)->seen.reset.packet)
            seen_of(t)->went_on++;
    }
    if ((s->flags & LANE_FIN) && seq_after(t->seq + len, side_of(t)->fin)) {
        s->flags &= (uint8_t)~LANE_FIN; /* octets behind the end: it was none */
        seen_of(t)->strays++;
    }
    if (s->flags & LANE_QUIET)
        s->next = s->top;
    else if (len > 0)
        r = mr_flow_deliver(t->flows, t->flow, t->from, t->seq, t->seg);
    if (t->seg->tcp.flags & MR_TCP_FIN)
        track_fin(t);
    return r;
}

/* A sequence number far from all others: left aside, unless it goes on like that. */
static bool is_stray(track *t) {
    flow_rare *rare = side_of(t)->rare;
    int32_t off = seq_diff(t->seq, t->s->top);

    if (off <= FAR && off >= -FAR) {
        if (rare)
            rare->wait.stray_run = 0;
        return false;
    }
    if (off > 0 && ++mr_flow_rare(t->flows, t->flow, t->from)->wait.stray_run >= FAR_RUN)
        return false;
    seen_of(t)->strays++;
    return true;
}

/* What the packet says beside its octets. 0, negative, 1: nothing more to do. */
static int track_header(track *t) {
    const mr_segment *seg = t->seg;
    uint16_t flags = seg->tcp.flags;

    if (t->s->packets++ == 0)
        note_first(t);
    if (seg->ttl != t->s->ttl && !(flags & MR_TCP_RST))
        note_ttl(t);
    if (flags & MR_TCP_RST) {
        int r = track_reset(t);
        return r != 0 ? r : 1;
    }
    if (flags & MR_TCP_SYN)
        track_syn(t);
    else if (!(t->s->flags & LANE_STARTED)) /* a lone octet that is not pushed keeps alive */
        lane_start(t->s, t->seq + (seg->payload_len == 1 && !(flags & MR_TCP_PSH)));
    if (seq_diff(t->seq, t->s->top) != 0 && is_stray(t))
        return 1;
    if ((flags & MR_TCP_ACK) && track_ack(t) == 0 && !(flags & MR_TCP_SYN) &&
        (t->flow->state == MR_FLOW_SYN || t->flow->state == MR_FLOW_SYN_ACK))
        track_open(t);
    if ((seg->tcp.window == 0) != !!(t->s->flags & LANE_ZERO))
        track_window(t);
    t->s->window = seg->tcp.window;
    return 0;
}

int mr_flow_track(mr_flows *flows, mr_flow *flow, int from, const mr_segment *seg) {
    track t = {flows, flow, seg, from, &flow->lane[from], &flow->lane[!from], 0, 0};
    uint16_t flags = seg->tcp.flags;
    uint64_t number = seg->packet->number;
    mr_nsec idle = since(seg->packet->time, flow->last);
    int r;

    t.seq = seg->tcp.seq + !!(flags & MR_TCP_SYN);
    t.end = t.seq + seg->payload_len + !!(flags & MR_TCP_FIN);
    if (idle >= IDLE_TIME)
        note_idle(&t, idle);
    if (seg->checksum_bad)
        cold_of(flows, flow)->checksums_bad = true;
    if (idle < TWICE_TIME && is_captured_twice(&t)) {
        seen_of(&t)->duplicates++;
        return 0;
    }
    r = track_header(&t);
    if (r == 0 && (seg->payload_len > 0 || (flags & MR_TCP_FIN))) {
        /* the receiver speaks on: what it acknowledged came before, or comes at once */
        if ((flow->waiting & 1u << !from) && (t.s->flags & LANE_ACKED) &&
            !mr_flow_may_come(flows, flow, !from))
            r = mr_flow_flush(flows, flow, !from, t.s->ack, number);
        if (r == 0)
            r = track_octets(&t);
    } else if (r == 0 && seq_after(t.s->top, t.seq)) {
        judge_old(&t);
    } else if (r == 0 && seq_after(t.seq, t.s->top) && !(flags & MR_TCP_SYN)) {
        t.s->top = t.seq; /* the sender says that it sent more */
        if (t.s->flags & LANE_QUIET)
            t.s->next = t.seq;
        note_hole(&t, t.seq);
    }
    if (r < 0)
        return r;
    if (r == 0)
        t.s->ip_id = seg->ip_id;
    t.s->flags |= LANE_LATEST;
    t.o->flags &= (uint8_t)~LANE_LATEST;
    if (seg->packet->time > flow->last)
        flow->last = seg->packet->time;
    cold_of(flows, flow)->last_packet = number;
    return flow->waiting ? mr_flow_settle(flows, flow, number) : 0;
}

bool mr_flow_is_reuse(const mr_flows *flows, const mr_flow *flow, int from,
                      const mr_segment *seg) {
    const flow_cold *seen = cold_of(flows, flow);
    const flow_side *side = &seen->side[from];

    if (side->syn_packet && side->isn == seg->tcp.seq)
        return false;
    if (seg->tcp.flags & MR_TCP_ACK) /* the answer to a SYN that was not captured */
        return flow->state >= MR_FLOW_CLOSED ||
               (from == MR_FROM_CLIENT && !seen->simultaneous);
    if (flow->state == MR_FLOW_SYN_ACK && from == MR_FROM_CLIENT && !side->syn_packet &&
        (flow->lane[1].flags & LANE_ACKED) && flow->lane[1].ack == seg->tcp.seq + 1)
        return false; /* captured behind its answer */
    return !(flow->state == MR_FLOW_SYN && from == MR_FROM_SERVER && flow->lane[1].packets == 0);
}

/* What the hot part knows, and what follows from it at this moment. */
static void tell_lane(const mr_flow *flow, int from, mr_flow_side_seen *side) {
    const mr_flow_lane *lane = &flow->lane[from], *other = &flow->lane[!from];
    bool fin = lane->flags & LANE_FIN;

    side->packets = lane->packets;
    side->octets = lane_position(lane);
    side->ttl = lane->ttl;
    side->largest = lane->largest;
    side->through = lane->through;
    side->zero_open = lane->flags & LANE_ZERO;
    if (side->zero_open && since(flow->last, side->zero_since) >= side->zero_longest) {
        side->zero_longest = since(flow->last, side->zero_since);
        side->zero_packet = side->zero_since_packet;
    }
    if (lane->packets > 0 && (lane->flags & LANE_STARTED) && (other->flags & LANE_ACKED) &&
        seq_after(lane->top - fin, other->ack))
        side->unacked = lane->top - fin - other->ack;
    side->stuck = side->stuck_times > 0 &&
                  !((other->flags & LANE_ACKED) &&
                    !seq_after(side->stuck_seq + side->stuck_len, other->ack));
}

static void tell_side(const flow_side *have, mr_flow_side_seen *side) {
    if (!side->syn_last_packet)
        side->syn_last_packet = have->syn_packet;
    side->first_packet = have->first_packet;
    side->syn_packet = have->syn_packet;
    side->fin_packet = have->fin_packet;
    side->syn_time = have->syn_time;
    side->fin_time = have->fin_time;
    side->isn = have->isn;
    side->dup_acks = have->dup_acks;
    side->keepalives = have->keepalives;
    side->syns = have->syns;
    side->syn_flags = have->syn_flags;
    side->mss = have->mss;
    memcpy(side->mac, have->mac, sizeof side->mac);
    side->wscale = have->wscale;
    side->ttl_min = have->ttl_min;
    side->ttl_max = have->ttl_max;
    side->sack_ok = have->sack_ok;
    side->stamped = have->stamped;
    side->macs = have->macs;
    side->mac_changed = have->mac_changed;
    side->df = have->df;
    side->fin_acked = have->fin_acked;
    side->fin_second = have->fin_second;
    side->isn_changed = have->isn_changed;
}

void mr_flow_tell(const mr_flows *flows, const mr_flow *flow, mr_flow_seen *seenp) {
    const flow_cold *cold = cold_of(flows, flow);

    seenp->id = cold->id;
    seenp->first = cold->first;
    seenp->last = flow->last;
    seenp->last_packet = cold->last_packet;
    seenp->opened = cold->opened;
    seenp->opened_packet = cold->opened_packet;
    seenp->idle_longest = cold->idle_longest;
    seenp->idle_last = cold->idle_last;
    seenp->idle_packet = cold->idle_packet;
    seenp->idle_last_packet = cold->idle_last_packet;
    seenp->after_reset = cold->after_reset;
    seenp->icmp = cold->icmp;
    seenp->icmp_packet = cold->icmp_packet;
    seenp->icmp_mtu = cold->icmp_mtu;
    seenp->icmp_type = cold->icmp_type;
    seenp->icmp_code = cold->icmp_code;
    seenp->simultaneous = cold->simultaneous;
    seenp->one_way = (!flow->lane[0].packets && (flow->lane[1].flags & LANE_ACKED)) ||
                     (!flow->lane[1].packets && (flow->lane[0].flags & LANE_ACKED));
    seenp->half_open = cold->side[1].syn_packet && !cold->opened &&
                       flow->state == MR_FLOW_SYN_ACK;
    seenp->checksums_bad = cold->checksums_bad;
    seenp->truncated = cold->truncated;
    seenp->reuse = cold->reuse;
    seenp->end = cold->end;
    seenp->state = flow->state;
    for (int from = 0; from < 2; from++) {
        seenp->side[from] = rare_of(flows, flow, from)->seen;
        tell_side(&cold->side[from], &seenp->side[from]);
        tell_lane(flow, from, &seenp->side[from]);
    }
}

mr_nsec mr_flow_seen_rtt(const mr_flow_seen *seen) {
    const mr_flow_side_seen *client = &seen->side[0], *server = &seen->side[1];
    if (!seen->opened || client->syns != 1 || server->syns != 1)
        return 0;
    return since(seen->opened, client->syn_time);
}
