/*
 * What became of each connection between the two places. Only the first reason is given where one
 * explains the others: a handshake that did not come about has no data to lose, and octets that die
 * together with a forged reset are the reset's doing.
 */
#include "pair_private.h"

#include <stdlib.h>


/* A connection that both have, seen from its own client. */
typedef struct couple {
    pair_state *state;
    const pair_flow *flow[2];
    uint32_t index[2];
    int near, far;
    const pair_lane *nc, *ns; /* near place: what the client sent, what the server sent */
    const pair_lane *fc, *fs; /* far place */
    mr_pair_seen seen;        /* with what is common to all records about it */
} couple;

mr_nsec mr_pair_a_time(const pair_state *state, int of, mr_nsec time) {
    return of == 0 ? time : mr_pair_clock_to_a(&state->pair->totals.clock, time);
}

int mr_pair_covers(const pair_state *state, int at, int of, mr_nsec time) {
    const mr_pair_clock *clock = &state->pair->totals.clock;
    const mr_pair_place *place = &state->pair->totals.place[at];
    mr_nsec margin = (mr_nsec)clock->err, slack = state->config->slack + margin;

    if (place->packets == 0)
        return 0;
    if (of != at)
        time = at == 0 ? mr_pair_clock_to_a(clock, time) : mr_pair_clock_to_b(clock, time);
    if (clock->known && time > place->first + margin && time + margin < place->last)
        return 2;
    return time + slack >= place->first && time <= place->last + slack ? 1 : 0;
}

int mr_pair_covers_any(const pair_state *state, int at, int of, mr_nsec time, mr_nsec last) {
    int first = mr_pair_covers(state, at, of, time), then = mr_pair_covers(state, at, of, last);

    return first > then ? first : then;
}

int mr_pair_add(pair_state *state, const mr_pair_seen *seen) {
    if (state->seen_count >= state->config->records) {
        state->pair->totals.unsaid++;
        return 0;
    }
    if (state->seen_count == state->seen_room) {
        uint32_t room = state->seen_room ? state->seen_room * 2 : 16;
        mr_pair_seen *grown = reallocarray(state->seen, room, sizeof *grown);
        if (grown == NULL)
            return MR_ERR_MEMORY;
        state->seen = grown;
        state->seen_room = room;
    }
    state->seen[state->seen_count++] = *seen;
    return 0;
}

static mr_pair_tuple tuple_of(const pair_flow *flow) {
    return (mr_pair_tuple){flow->family, flow->host[0], flow->host[1], flow->port[0],
                           flow->port[1]};
}

static const pair_host *host_at(const pair_state *state, int at, const pair_flow *flow, int side) {
    return mr_pair_host_find(&state->view[at], flow->family, &flow->host[side]);
}

static bool sends_at(const pair_host *host) {
    return host != NULL && (host->from != 0 || host->arp);
}

static bool is_initial(const pair_host *host) {
    return host != NULL && (host->ttl == 64 || host->ttl == 128 || host->ttl == 255);
}

/* Where the client's side is, by the way both directions lose TTL. */
static int nearer(const pair_flow *a, const pair_flow *b) {
    if (a->lane[0].ttl != 0 && b->lane[0].ttl != 0 && a->lane[0].ttl != b->lane[0].ttl)
        return a->lane[0].ttl > b->lane[0].ttl ? 0 : 1;
    if (a->lane[1].ttl != 0 && b->lane[1].ttl != 0 && a->lane[1].ttl != b->lane[1].ttl)
        return a->lane[1].ttl < b->lane[1].ttl ? 0 : 1;
    return 0;
}

static void couple_init(couple *c, pair_state *state, uint32_t index) {
    const pair_flow *a = pair_flow_at(&state->view[0], index);
    const pair_flow *b = pair_flow_at(&state->view[1], a->mate);

    *c = (couple){.state = state, .flow = {a, b}, .index = {index, a->mate}};
    c->near = nearer(a, b);
    c->far = !c->near;
    c->nc = &c->flow[c->near]->lane[0];
    c->ns = &c->flow[c->near]->lane[1];
    c->fc = &c->flow[c->far]->lane[0];
    c->fs = &c->flow[c->far]->lane[1];
    c->seen = (mr_pair_seen){
        .near = (uint8_t)c->near,
        .proto = MR_IP_TCP,
        .at = {tuple_of(a), tuple_of(b)},
        .at_host = is_initial(host_at(state, c->far, c->flow[c->far], 1)),
        .opened = c->flow[c->near]->midstream || (c->nc->after_syn != 0 && c->ns->syns != 0),
        .hops = c->nc->ttl && c->fc->ttl ? (int16_t)abs(c->nc->ttl - c->fc->ttl) : -1,
        .wscale = {MR_TCP_NO_SCALE, MR_TCP_NO_SCALE},
    };
}

static void evidence(couple *c, mr_pair_seen *seen, int at, uint64_t packet, uint64_t last,
                     uint32_t count) {
    (void)c;
    seen->packet[at] = packet;
    seen->last_packet[at] = last;
    seen->count[at] = count;
}

static void when(couple *c, mr_pair_seen *seen, int of, mr_nsec time, mr_nsec last) {
    seen->time = mr_pair_a_time(c->state, of, time);
    seen->last = mr_pair_a_time(c->state, of, last);
}

/* What the receiver acknowledged of @sent, as a place has it, by that place's positions. */
static uint64_t acked(const pair_lane *sent, const pair_lane *receiver) {
    return sent->begun && receiver->has_ack ? mr_pair_position(sent, receiver->ack) : 0;
}

static uint64_t lost_octets(const pair_lane *sent, const pair_lane *got) {
    uint64_t all = mr_pair_range_octets(sent), arrived = mr_pair_range_octets(got);

    return all > arrived ? all - arrived : 0;
}

/* The handshake. *donep: it failed, or cannot be judged: nothing else is to be said. */
static int judge_handshake(couple *c, bool *donep) {
    const pair_flow *far = c->flow[c->far];
    mr_pair_seen seen = c->seen;

    *donep = true;
    evidence(c, &seen, c->near, c->nc->syn_packet, c->nc->syn_last_packet, c->nc->syns);
    evidence(c, &seen, c->far, c->fc->syn_packet, c->fc->syn_last_packet, c->fc->syns);
    if (c->fs->packets == 0 && c->ns->packets == 0 && c->fc->syns != 0) {
        const mr_pair_place *place = &c->state->pair->totals.place[c->far];
        if (far->icmp || c->flow[c->near]->icmp || !sends_at(host_at(c->state, c->far, far, 1)) ||
            place->last - c->fc->syn_time < c->state->config->patience)
            return 0;
        seen.kind = MR_PAIR_SYN_UNANSWERED;
        seen.certain = true;
        when(c, &seen, c->far, c->fc->syn_time, c->fc->syn_last_time);
        return mr_pair_add(c->state, &seen);
    }
    if (c->fs->packets == 0 && c->ns->syns != 0)
        return 0; /* somebody else answered, or the far capture has one direction only */
    if (c->fs->syns != 0 && c->ns->packets == 0) {
        const pair_host *client = host_at(c->state, c->near, c->flow[c->near], 0);
        int covers = mr_pair_covers_any(c->state, c->near, c->far, c->fs->syn_time,
                                        c->fs->syn_last_time);
        if (client == NULL || client->to == 0 || covers == 0)
            return 0;
        seen.kind = MR_PAIR_SYN_ACK_LOST;
        seen.back = true;
        seen.certain = covers == 2;
        evidence(c, &seen, c->near, c->nc->syn_packet, c->nc->syn_last_packet, 0);
        evidence(c, &seen, c->far, c->fs->syn_packet, c->fs->syn_last_packet, c->fs->syns);
        when(c, &seen, c->far, c->fs->syn_time, c->fs->syn_last_time);
        return mr_pair_add(c->state, &seen);
    }
    if (c->ns->syns != 0 && c->nc->after_syn != 0 && c->fs->syns >= 2 && c->fc->after_syn == 0 &&
        c->fc->rsts == 0) {
        int covers = mr_pair_covers(c->state, c->far, c->near, c->nc->last_time);
        if (covers == 0)
            return 0;
        seen.kind = MR_PAIR_ACK_LOST;
        seen.octets = lost_octets(c->nc, c->fc);
        seen.certain = covers == 2;
        evidence(c, &seen, c->far, c->fs->syn_packet, c->fs->syn_last_packet, c->fs->syns);
        evidence(c, &seen, c->near, c->ns->syn_packet, c->nc->last_packet, c->nc->after_syn);
        when(c, &seen, c->near, c->nc->syn_time, c->nc->last_time);
        return mr_pair_add(c->state, &seen);
    }
    *donep = false;
    return 0;
}

/* A reset that both have, but that goes from the far place to the near one with less TTL lost than
 * the sender's other packets, or even more TTL left: it came from elsewhere. */
static bool astray(const pair_lane *sent, const pair_lane *got) {
    return sent->rsts != 0 && got->rsts != 0 && sent->ttl > got->ttl && got->ttl != 0 &&
           sent->rst_ttl < got->rst_ttl;
}

static bool forged_there(const couple *c) { /* to the server, in the client's name */
    return (c->fc->rsts != 0 && c->nc->rsts == 0 && c->nc->packets != 0 &&
            mr_pair_covers(c->state, c->near, c->far, c->fc->rst_time) != 0) ||
           astray(c->nc, c->fc);
}

static bool forged_back(const couple *c) { /* to the client, in the server's name */
    return (c->ns->rsts != 0 && c->fs->rsts == 0 &&
            (c->fs->packets != 0 || sends_at(host_at(c->state, c->far, c->flow[c->far], 1))) &&
            mr_pair_covers(c->state, c->far, c->near, c->ns->rst_time) != 0) ||
           astray(c->fs, c->ns);
}

static int judge_reset(couple *c, bool *donep) {
    bool back = forged_back(c), there = forged_there(c);
    mr_pair_seen seen = c->seen;

    *donep = back || there;
    if (!*donep)
        return 0;
    int of = back ? c->near : c->far;
    const pair_lane *lane = back ? c->ns : c->fc;
    seen.kind = MR_PAIR_RESET_FORGED;
    seen.back = back;
    seen.both = back && there;
    seen.certain = mr_pair_covers(c->state, !of, of, lane->rst_time) == 2;
    evidence(c, &seen, of, lane->rst_packet, lane->rst_packet, lane->rsts);
    if (seen.both)
        evidence(c, &seen, c->far, c->fc->rst_packet, c->fc->rst_packet, c->fc->rsts);
    seen.octets = lost_octets(c->nc, c->fc);
    when(c, &seen, of, lane->rst_time, lane->rst_time);
    return mr_pair_add(c->state, &seen);
}

/* By how much positions of @to are larger than those of @from. */
static int64_t shift_of(const pair_lane *from, const pair_lane *to) {
    if (from->syns != 0 && to->syns != 0)
        return (int64_t)to->isn - (int64_t)from->isn;
    int64_t apart = (int64_t)(to->top - from->top), epoch = (int64_t)1 << 32;
    if (!to->begun || !from->begun)
        return 0;
    return (apart + (apart >= 0 ? epoch / 2 : -(epoch / 2))) / epoch * epoch;
}

/* One direction: octets that never arrived. *lostp: there are some. */
static int judge_data(couple *c, int side, bool *lostp) {
    int of = side == 0 ? c->near : c->far, at = !of;
    const pair_lane *sent = &c->flow[of]->lane[side], *got = &c->flow[at]->lane[side];
    int64_t shift = shift_of(sent, got);
    uint64_t list[PAIR_MISSING][2], octets = 0, from = 0, to = 0;
    uint64_t known = acked(sent, &c->flow[of]->lane[!side]);
    uint64_t there = acked(got, &c->flow[at]->lane[!side]);
    uint32_t ranges = 0, count;
    mr_pair_seen seen = c->seen;

    if (there != 0 && there - (uint64_t)shift > known)
        known = there - (uint64_t)shift;
    *lostp = false;
    if (sent->overflow || got->overflow)
        return 0;
    count = mr_pair_range_missing(sent, got, shift, list, PAIR_MISSING);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t begin = list[i][0] > known ? list[i][0] : known;
        if (begin > list[i][0]) { /* the receiver has it, so only the capture does not */
            uint64_t end = begin < list[i][1] ? begin : list[i][1];
            c->state->pair->totals.place[at].missed += end - list[i][0];
        }
        if (begin >= list[i][1])
            continue;
        if (ranges++ == 0) {
            from = begin;
            to = list[i][1];
        }
        octets += list[i][1] - begin;
    }
    if (ranges == 0)
        return 0;
    *lostp = true;
    seen.kind = MR_PAIR_DATA_LOST;
    seen.back = side == 1;
    seen.from = from - sent->base;
    seen.to = to - sent->base;
    seen.octets = octets;
    seen.ranges = ranges;
    seen.through = got->largest;
    return mr_pair_look_add(c->state, of, c->index[of], side, from, to, &seen);
}

/* Both captures have the direction from its first packet to its last. */
static bool is_whole(const couple *c, int of, const pair_lane *sent, const pair_lane *got) {
    bool begun = sent->syns != 0 && got->syns == sent->syns;
    bool ended = sent->fin_packet != 0 && got->fin_packet != 0;

    return (begun || mr_pair_covers(c->state, !of, of, sent->first_time) == 2) &&
           (ended || mr_pair_covers(c->state, !of, of, sent->last_time) == 2);
}

/* Packets that were lost and sent again: less was captured behind the loss than before it. */
static int judge_loss(couple *c, int side) {
    int of = side == 0 ? c->near : c->far, at = !of;
    const pair_lane *sent = &c->flow[of]->lane[side], *got = &c->flow[at]->lane[side];
    mr_pair_seen seen = c->seen;

    if (sent->syns != 0 && got->syns == 0 && got->after_syn != 0) {
        c->state->pair->totals.place[at].missed++; /* it went on: only the capture lacks the SYN */
        return 0;
    }
    if ((sent->sent <= got->sent && sent->syns <= got->syns) || got->packets == 0 ||
        !is_whole(c, of, sent, got))
        return 0;
    seen.kind = MR_PAIR_LOSS;
    seen.back = side == 1;
    seen.certain = true;
    seen.octets = sent->sent > got->sent ? sent->sent - got->sent : 0;
    evidence(c, &seen, of, sent->first_packet, sent->last_packet, sent->syns);
    evidence(c, &seen, at, got->first_packet, got->last_packet, got->syns);
    when(c, &seen, of, sent->first_time, sent->last_time);
    return mr_pair_add(c->state, &seen);
}

/* When this side ended the connection; 0: it did not. */
static mr_nsec end_of(const pair_lane *lane) {
    if (lane->fin_packet != 0 && (lane->rst_packet == 0 || lane->fin_time < lane->rst_time))
        return lane->fin_time;
    return lane->rst_packet != 0 ? lane->rst_time : 0;
}

/* The client said its last word, waited, and gave up. */
static int judge_silence(couple *c) {
    mr_nsec gave_up = end_of(c->fc), server = end_of(c->fs);
    mr_pair_seen seen = c->seen;

    if (c->fc->data_packet == 0 || gave_up < c->fc->data_time + c->state->config->patience ||
        (c->fs->data_packet != 0 && c->fs->data_time >= c->fc->data_time) ||
        (c->ns->data_packet != 0 && c->ns->data_time >= c->nc->data_time) ||
        (server != 0 && server < gave_up) ||
        !sends_at(host_at(c->state, c->far, c->flow[c->far], 1)))
        return 0;
    seen.kind = MR_PAIR_UNANSWERED;
    seen.certain = true;
    seen.wait = gave_up - c->fc->data_time;
    seen.acked = acked(c->fc, c->fs) >= c->fc->top;
    evidence(c, &seen, c->near, c->nc->data_packet, c->nc->last_packet, 1);
    evidence(c, &seen, c->far, c->fc->data_packet, c->fc->last_packet, 1);
    when(c, &seen, c->far, c->fc->data_time, gave_up);
    return mr_pair_add(c->state, &seen);
}

/* Octets that both have at the same places of the stream, and that differ. */
static bool payload_differs(const pair_lane *sent, const pair_lane *got, mr_pair_seen *seen) {
    int64_t shift = shift_of(sent, got);
    const pair_range *other = got->ranges;

    if (sent->cut || got->cut || sent->overflow || got->overflow)
        return false;
    for (const pair_range *range = sent->ranges; range != NULL; range = range->next) {
        while (other != NULL && other->from - (uint64_t)shift < range->from)
            other = other->next;
        if (other == NULL || other->from - (uint64_t)shift != range->from ||
            other->to - (uint64_t)shift != range->to)
            continue;
        uint64_t x = range->sum * (shift > 0 ? mr_pair_power((uint64_t)shift) : 1);
        uint64_t y = other->sum * (shift < 0 ? mr_pair_power((uint64_t)-shift) : 1);
        if (x == y)
            continue;
        seen->from = range->from - sent->base;
        seen->to = range->to - sent->base;
        return true;
    }
    return false;
}

static int judge_change(couple *c, int side) {
    int of = side == 0 ? c->near : c->far, at = !of;
    const pair_lane *sent = &c->flow[of]->lane[side], *got = &c->flow[at]->lane[side];
    mr_pair_seen seen = c->seen;

    if (sent->syns != 0 && got->syns != 0) {
        seen.changed |= sent->mss != got->mss ? MR_PAIR_MSS : 0;
        seen.changed |= sent->wscale != got->wscale ? MR_PAIR_WSCALE : 0;
        seen.changed |= sent->sack_ok != got->sack_ok ? MR_PAIR_SACK : 0;
        seen.changed |= sent->stamped != got->stamped ? MR_PAIR_STAMPS : 0;
        seen.changed |= sent->isn != got->isn ? MR_PAIR_ISN : 0;
    }
    if (payload_differs(sent, got, &seen))
        seen.changed |= MR_PAIR_PAYLOAD;
    if (seen.changed == 0)
        return 0;
    seen.kind = MR_PAIR_CHANGED;
    seen.back = side == 1;
    seen.certain = true;
    for (int i = 0; i < 2; i++) {
        const pair_lane *lane = &c->flow[i]->lane[side];
        uint64_t packet = lane->syns != 0 ? lane->syn_packet : lane->first_packet;
        seen.mss[i] = lane->mss;
        seen.wscale[i] = lane->wscale;
        evidence(c, &seen, i, packet, packet, 1);
    }
    when(c, &seen, of, sent->first_time, sent->first_time);
    return mr_pair_add(c->state, &seen);
}

static int judge_couple(pair_state *state, uint32_t index) {
    bool done, lost[2] = {false, false};
    couple c;
    int r;

    couple_init(&c, state, index);
    for (int side = 0; side < 2; side++)
        if ((r = judge_change(&c, side)) != 0)
            return r;
    if ((r = judge_handshake(&c, &done)) != 0 || done)
        return r;
    if ((r = judge_reset(&c, &done)) != 0 || done)
        return r;
    for (int side = 0; side < 2; side++) {
        if ((r = judge_data(&c, side, &lost[side])) != 0)
            return r;
        if (!lost[side] && (r = judge_loss(&c, side)) != 0)
            return r;
    }
    return lost[0] || lost[1] ? 0 : judge_silence(&c);
}

/* A connection that the capture @of has and the other has not. */
static int judge_alone(pair_state *state, int of, uint32_t index) {
    const pair_flow *flow = pair_flow_at(&state->view[of], index);
    const pair_lane *client = &flow->lane[0], *server = &flow->lane[1];
    mr_pair_place *place = &state->pair->totals.place[of];
    const pair_host *there = host_at(state, !of, flow, 1);
    int client_side = mr_pair_host_side(state, flow->family, &flow->host[0]);
    int server_side = mr_pair_host_side(state, flow->family, &flow->host[1]);
    bool reset = server->rsts != 0 && server->syns == 0;

    place->alone++;
    if (client->syns == 0 || (server->packets != 0 && !reset) ||
        state->pair->totals.place[!of].beyond != 0 ||
        !mr_pair_host_on_path(state, !of, flow->family, &flow->host[1]) ||
        client_side == !of || server_side == of || (server_side < 0 && of == 1))
        return 0;
    mr_nsec time = reset ? server->rst_time : client->syn_time;
    mr_nsec last = reset ? server->rst_time : client->syn_last_time;
    int covers = mr_pair_covers_any(state, !of, of, time, last);
    if (covers == 0) {
        place->uncovered++;
        return 0;
    }
    if (reset && there->from == 0)
        return 0;
    mr_pair_seen seen = {
        .kind = reset ? MR_PAIR_RESET_FORGED : MR_PAIR_SYN_LOST,
        .near = (uint8_t)of,
        .back = reset,
        .certain = covers == 2,
        .at_host = is_initial(there),
        .proto = MR_IP_TCP,
        .time = mr_pair_a_time(state, of, time),
        .last = mr_pair_a_time(state, of, last),
        .hops = -1,
        .wscale = {MR_TCP_NO_SCALE, MR_TCP_NO_SCALE},
    };
    seen.at[of] = tuple_of(flow);
    seen.packet[of] = reset ? server->rst_packet : client->syn_packet;
    seen.last_packet[of] = reset ? server->rst_packet : client->syn_last_packet;
    seen.count[of] = reset ? server->rsts : client->syns;
    return mr_pair_add(state, &seen);
}

int mr_pair_judge(pair_state *state) {
    int r = mr_pair_gram_match(state);

    for (int at = 0; at < 2; at++)
        mr_pair_host_end(&state->view[at]);
    for (int of = 0; of < 2; of++) {
        state->pair->totals.place[of].flows = state->view[of].flow_count;
        for (uint32_t i = 0; i < state->view[of].flow_count && r == 0; i++) {
            bool alone = pair_flow_at(&state->view[of], i)->mate == PAIR_NONE;
            if (alone)
                r = judge_alone(state, of, i);
            else if (of == 0)
                r = judge_couple(state, i);
        }
    }
    return r != 0 ? r : mr_pair_gram_judge(state);
}
