/*
 * Which connection of one capture is which of the other. First by addresses and ports; what is left
 * over was translated on the way, and is known by the client's initial sequence number, else by the
 * server's, else by the octets of the client's stream. A key that two connections of a capture
 * share matches nothing.
 */
#include "pair_private.h"

#include <stdlib.h>

#define NEARBY (5 * MR_SEC) /* a SYN takes no longer from here to there */
#define ENOUGH 32           /* octets that make a stream known */

/* 1 / PAIR_ROOT modulo 2^64, by Newton's iteration. */
static uint64_t inverse_root(void) {
    uint64_t root = mr_pair_power(1), inverse = root;

    for (int i = 0; i < 6; i++)
        inverse *= 2 - root * inverse;
    return inverse;
}

static uint64_t power_of(uint64_t root, uint64_t exponent) {
    uint64_t power = 1;

    for (; exponent != 0; exponent >>= 1, root *= root)
        if (exponent & 1)
            power *= root;
    return power;
}

static mr_nsec first_time(const pair_flow *flow) {
    const pair_lane *c = &flow->lane[0], *s = &flow->lane[1];

    if (c->packets == 0 || s->packets == 0)
        return c->packets ? c->first_time : s->first_time;
    return c->first_time < s->first_time ? c->first_time : s->first_time;
}

static mr_nsec last_time(const pair_flow *flow) {
    const pair_lane *c = &flow->lane[0], *s = &flow->lane[1];

    return c->last_time > s->last_time ? c->last_time : s->last_time;
}

static mr_nsec apart(mr_nsec x, mr_nsec y) {
    return x > y ? x - y : y - x;
}

static bool nearby(const pair_state *state, const pair_flow *a, const pair_flow *b) {
    const mr_pair_clock *clock = &state->pair->totals.clock;
    mr_nsec begin = mr_pair_clock_to_b(clock, first_time(a));
    mr_nsec margin = NEARBY + (mr_nsec)clock->err;

    if (!clock->known)
        return true;
    if (apart(begin, first_time(b)) <= margin)
        return true;
    return begin < last_time(b) + margin &&
           first_time(b) < mr_pair_clock_to_b(clock, last_time(a)) + margin;
}

/* How well two connections of the same endpoints fit: 0 not at all. */
static int fits(const pair_state *state, const pair_flow *a, const pair_flow *b) {
    bool compared = false;

    for (int side = 0; side < 2; side++) {
        if (a->lane[side].syns == 0 || b->lane[side].syns == 0)
            continue;
        if (a->lane[side].isn == b->lane[side].isn)
            return 3;
        compared = true;
    }
    if (!nearby(state, a, b))
        return 0;
    return compared ? 1 : 2;
}

static bool turned(const pair_flow *a, const pair_flow *b) {
    return a->port[0] != b->port[0] || memcmp(&a->host[0], &b->host[0], sizeof a->host[0]) != 0;
}

/* A connection whose beginning one capture lacks may have its sides the other way round there. */
static void turn(pair_flow *flow) {
    mr_host host = flow->host[0];
    uint16_t port = flow->port[0];
    pair_lane lane = flow->lane[0];

    flow->host[0] = flow->host[1];
    flow->host[1] = host;
    flow->port[0] = flow->port[1];
    flow->port[1] = port;
    flow->lane[0] = flow->lane[1];
    flow->lane[1] = lane;
    for (int side = 0; side < 2; side++) /* a list may begin in the lane itself */
        for (pair_range **place = &flow->lane[side].ranges; *place; place = &(*place)->next)
            if (*place == &flow->lane[!side].first)
                *place = &flow->lane[side].first;
}

static void pair_up(pair_state *state, uint32_t a_index, uint32_t b_index) {
    pair_flow *a = pair_flow_at(&state->view[0], a_index);
    pair_flow *b = pair_flow_at(&state->view[1], b_index);

    a->mate = b_index;
    b->mate = a_index;
    state->pair->totals.matched++;
    if (a->hash != b->hash)
        state->pair->totals.translated++;
    else if (turned(a, b))
        turn(a->midstream ? a : b);
    if (a->family == b->family && memcmp(&a->host[1], &b->host[1], sizeof a->host[1]) == 0)
        mr_pair_host_both(state, a->family, &a->host[1]);
}

static uint32_t by_ends(const pair_view *view, const pair_flow *flow) {
    mr_segment like = {
        .family = flow->family,
        .src = flow->host[0],
        .dst = flow->host[1],
        .sport = flow->port[0],
        .dport = flow->port[1],
    };

    return mr_pair_view_find(view, flow->hash, &like);
}

static void match_ends(pair_state *state) {
    for (uint32_t i = 0; i < state->view[0].flow_count; i++) {
        const pair_flow *a = pair_flow_at(&state->view[0], i);
        uint32_t best = PAIR_NONE;
        int score = 0;
        for (uint32_t j = by_ends(&state->view[1], a); j != PAIR_NONE;) {
            const pair_flow *b = pair_flow_at(&state->view[1], j);
            int fit = b->mate == PAIR_NONE ? fits(state, a, b) : 0;
            if (fit > score) {
                score = fit;
                best = j;
            }
            j = score == 3 ? PAIR_NONE : b->older;
        }
        if (best != PAIR_NONE)
            pair_up(state, i, best);
    }
}

enum way { BY_CLIENT_ISN, BY_SERVER_ISN, BY_OCTETS, WAYS };

typedef struct known {
    uint64_t key;
    uint32_t index;
} known;

static bool key_of(const pair_flow *flow, enum way way, uint64_t inverse, uint64_t *keyp) {
    const pair_lane *lane = &flow->lane[way == BY_SERVER_ISN];

    if (flow->mate != PAIR_NONE)
        return false;
    if (way != BY_OCTETS) {
        *keyp = lane->isn;
        return lane->syns != 0;
    }
    const pair_range *range = lane->ranges;
    if (range == NULL || lane->cut || lane->overflow || lane->syns == 0 ||
        range->from != lane->base || range->to - range->from < ENOUGH)
        return false;
    *keyp = range->sum * power_of(inverse, range->from) ^ (range->to - range->from);
    return true;
}

static int by_key(const void *x, const void *y) {
    const known *a = x, *b = y;

    return a->key < b->key ? -1 : a->key > b->key;
}

static int list(const pair_view *view, enum way way, known **listp, uint32_t *countp) {
    known *all = calloc((size_t)view->flow_count + 1, sizeof *all);
    uint64_t inverse = inverse_root();
    uint32_t count = 0;

    if (all == NULL)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < view->flow_count; i++)
        if (key_of(pair_flow_at(view, i), way, inverse, &all[count].key))
            all[count++].index = i;
    qsort(all, count, sizeof *all, by_key);
    *listp = all;
    *countp = count;
    return 0;
}

static bool lone(const known *all, uint32_t count, uint32_t i) {
    return (i == 0 || all[i - 1].key != all[i].key) &&
           (i + 1 == count || all[i + 1].key != all[i].key);
}

static int match_way(pair_state *state, enum way way) {
    known *all[2] = {NULL, NULL};
    uint32_t count[2] = {0, 0};
    int r = list(&state->view[0], way, &all[0], &count[0]);

    if (r == 0)
        r = list(&state->view[1], way, &all[1], &count[1]);
    for (uint32_t i = 0, j = 0; r == 0 && i < count[0] && j < count[1];) {
        if (all[0][i].key != all[1][j].key) {
            if (all[0][i].key < all[1][j].key)
                i++;
            else
                j++;
            continue;
        }
        if (lone(all[0], count[0], i) && lone(all[1], count[1], j) &&
            nearby(state, pair_flow_at(&state->view[0], all[0][i].index),
                   pair_flow_at(&state->view[1], all[1][j].index)))
            pair_up(state, all[0][i].index, all[1][j].index);
        i++;
        j++;
    }
    free(all[0]);
    free(all[1]);
    return r;
}

int mr_pair_match(pair_state *state) {
    int r = 0;

    match_ends(state);
    for (enum way way = BY_CLIENT_ISN; way < WAYS && r == 0; way++)
        r = match_way(state, way);
    return r;
}
