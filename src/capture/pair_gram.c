/*
 * Datagrams of the services whose loss stops a call before it begins: DNS, Kerberos, NetBIOS names
 * and connectionless LDAP. No device between changes their octets, so a datagram is known by them,
 * its direction and the service's port, wherever addresses are translated. Multicast and broadcast
 * reach whom they reach and are left out.
 */
#include "pair_private.h"

#include <stdlib.h>

#define PAIR_BEFORE 4096 /* datagrams between a question and its answer */

static bool is_service(uint16_t port) {
    return port == 53 || port == 88 || port == 137 || port == 389;
}

/* Somebody's own address, and not everybody's? A directed broadcast cannot be told from one; only
 * NetBIOS uses it, and the message says so. */
static bool is_single(const mr_segment *seg) {
    const uint8_t *to = seg->dst.octets;

    if (seg->family == 6)
        return to[0] != 0xff;
    if (to[0] >= 224)
        return false;
    return !(seg->dport == 137 && seg->payload.len > 3 && (seg->payload.data[3] & 0x10));
}

static uint64_t key_of(const mr_segment *seg, bool answer) {
    uint64_t h = mr_pair_sum(seg->payload, 0) ^ seg->payload_len;

    h = (h ^ (uint64_t)(answer ? seg->sport : seg->dport) << 1 ^ (answer ? 1 : 0)) *
        0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static int grow(pair_view *view) {
    uint32_t mask = view->gram_mask * 2 + 1;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);

    if (slots == NULL)
        return MR_ERR_MEMORY;
    for (uint32_t index = 0; index < view->gram_count; index++) {
        uint32_t i = (uint32_t)view->grams[index].key & mask;
        while (slots[i] != 0)
            i = (i + 1) & mask;
        slots[i] = index + 1;
    }
    free(view->gram_slots);
    view->gram_slots = slots;
    view->gram_mask = mask;
    return 0;
}

static uint32_t find(const pair_view *view, uint64_t key, uint32_t *slotp) {
    uint32_t i = (uint32_t)key & view->gram_mask;

    while (view->gram_slots[i] != 0 && view->grams[view->gram_slots[i] - 1].key != key)
        i = (i + 1) & view->gram_mask;
    if (slotp != NULL)
        *slotp = i;
    return view->gram_slots[i] != 0 ? view->gram_slots[i] - 1 : PAIR_NONE;
}

static int append(pair_view *view, const pair_gram *gram, uint32_t slot) {
    if (view->gram_count == view->gram_max) {
        view->place->beyond++;
        return 0;
    }
    if (view->gram_count == view->gram_room) {
        uint32_t room = view->gram_room ? view->gram_room * 2 : 64;
        pair_gram *grams = reallocarray(view->grams, room, sizeof *grams);
        if (grams == NULL)
            return MR_ERR_MEMORY;
        view->grams = grams;
        view->gram_room = room;
    }
    view->grams[view->gram_count++] = *gram;
    view->gram_slots[slot] = view->gram_count;
    return view->gram_count > view->gram_mask / 2 ? grow(view) : 0;
}

int mr_pair_gram_add(pair_view *view, const mr_segment *seg) {
    bool answer = is_service(seg->sport) && !is_service(seg->dport);
    uint32_t slot;

    if (seg->sport == seg->dport && seg->payload.len > 2) /* NetBIOS: the message says which */
        answer = (seg->payload.data[2] & 0x80) != 0;
    if ((!is_service(seg->sport) && !is_service(seg->dport)) || !is_single(seg) ||
        seg->payload.len < 2 || seg->payload.len < seg->payload_len)
        return 0;
    mr_pair_anchor_add(view, seg, !answer, true);
    uint64_t key = key_of(seg, answer);
    uint32_t index = find(view, key, &slot);
    if (index != PAIR_NONE) {
        pair_gram *gram = &view->grams[index];
        gram->count++;
        gram->last = seg->packet->time;
        gram->last_packet = seg->packet->number;
        return 0;
    }
    pair_gram gram = {
        .key = key,
        .time = seg->packet->time,
        .last = seg->packet->time,
        .packet = seg->packet->number,
        .last_packet = seg->packet->number,
        .host = {answer ? seg->dst : seg->src, answer ? seg->src : seg->dst},
        .port = {answer ? seg->dport : seg->sport, answer ? seg->sport : seg->dport},
        .id = (uint16_t)(seg->payload.data[0] << 8 | seg->payload.data[1]),
        .family = seg->family,
        .ttl = seg->ttl,
        .answer = answer,
        .count = 1,
        .mate = PAIR_NONE,
    };
    return append(view, &gram, slot);
}

static mr_pair_tuple tuple_of(const pair_gram *gram) {
    return (mr_pair_tuple){gram->family, gram->host[0], gram->host[1], gram->port[0],
                           gram->port[1]};
}

/* The exchange a datagram belongs to: its endpoints, and the message's number where it has one. */
static uint64_t exchange(const pair_gram *gram) {
    bool numbered = gram->port[1] == 53 || gram->port[1] == 137;
    uint64_t h = mr_pair_sum(mr_slice_of(gram->host, sizeof gram->host), 0);

    h = (h ^ (uint64_t)gram->port[0] << 32 ^ (uint64_t)gram->port[1] << 16) * 0x9e3779b97f4a7c15u;
    return h + (numbered ? gram->id : 0);
}

static int by_number(const void *x, const void *y) {
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

static int sort_answers(pair_view *view) {
    view->answers = calloc((size_t)view->gram_count + 1, sizeof *view->answers);
    if (view->answers == NULL)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < view->gram_count; i++)
        if (view->grams[i].answer)
            view->answers[view->answer_count++] = exchange(&view->grams[i]);
    qsort(view->answers, view->answer_count, sizeof *view->answers, by_number);
    return 0;
}

static bool answered(const pair_view *view, const pair_gram *ask) {
    uint64_t wanted = exchange(ask);

    return bsearch(&wanted, view->answers, view->answer_count, sizeof wanted, by_number) != NULL;
}

/* The question of an answer, if both captures have it. */
static const pair_gram *question(const pair_view *view, const pair_gram *answer) {
    uint64_t wanted = exchange(answer);

    for (uint32_t i = (uint32_t)(answer - view->grams), left = PAIR_BEFORE; i > 0 && left > 0;
         i--, left--) {
        const pair_gram *ask = &view->grams[i - 1];
        if (!ask->answer && ask->mate != PAIR_NONE && exchange(ask) == wanted)
            return ask;
    }
    return NULL;
}

/* @gram, an answer that the capture @of has, did not come to the other one, which has the
 * question. */
static int judge_answer(pair_state *state, int of, const pair_gram *gram) {
    const pair_gram *ask = question(&state->view[of], gram);
    int covers = mr_pair_covers_any(state, !of, of, gram->time, gram->last);

    if (ask == NULL || covers == 0)
        return 0;
    const pair_gram *asked = &state->view[!of].grams[ask->mate];
    const pair_host *client = mr_pair_host_find(&state->view[!of], asked->family,
                                                &asked->host[0]);
    if (ask->ttl > asked->ttl || client == NULL || client->to == 0)
        return 0; /* it went the other way, or that capture has one direction only */
    mr_pair_seen seen = {
        .kind = MR_PAIR_ANSWER_LOST,
        .near = (uint8_t)!of,
        .back = true,
        .certain = covers == 2,
        .proto = MR_IP_UDP,
        .time = mr_pair_a_time(state, of, gram->time),
        .last = mr_pair_a_time(state, of, gram->last),
        .hops = (int16_t)(asked->ttl - ask->ttl),
    };
    seen.at[of] = tuple_of(gram);
    seen.at[!of] = tuple_of(asked);
    seen.packet[of] = gram->packet;
    seen.last_packet[of] = gram->last_packet;
    seen.packet[!of] = asked->packet;
    seen.last_packet[!of] = asked->last_packet;
    seen.count[of] = gram->count;
    return mr_pair_add(state, &seen);
}

/* @gram, a question that the capture @of has, is not in the other: does that mean anything? */
static int judge_question(pair_state *state, int of, const pair_gram *gram) {
    int client_side = mr_pair_host_side(state, gram->family, &gram->host[0]);
    int server_side = mr_pair_host_side(state, gram->family, &gram->host[1]);
    int covers = mr_pair_covers_any(state, !of, of, gram->time, gram->last);

    if (!mr_pair_host_on_path(state, !of, gram->family, &gram->host[1]) || client_side == !of ||
        server_side == of || (server_side < 0 && of == 1) || covers == 0 ||
        answered(&state->view[of], gram))
        return 0;
    mr_pair_seen seen = {
        .kind = MR_PAIR_QUERY_LOST,
        .near = (uint8_t)of,
        .certain = covers == 2,
        .proto = MR_IP_UDP,
        .time = mr_pair_a_time(state, of, gram->time),
        .last = mr_pair_a_time(state, of, gram->last),
        .hops = -1,
    };
    seen.at[of] = tuple_of(gram);
    seen.packet[of] = gram->packet;
    seen.last_packet[of] = gram->last_packet;
    seen.count[of] = gram->count;
    return mr_pair_add(state, &seen);
}

/* A question that both have and nobody answered, as far as the far place can tell. */
static int judge_silence(pair_state *state, const pair_gram *a, const pair_gram *b) {
    int near = a->ttl == b->ttl ? 0 : a->ttl > b->ttl ? 0 : 1, far = !near;
    const pair_gram *gram[2] = {a, b};
    const pair_view *view = &state->view[far];
    const pair_host *host = mr_pair_host_find(view, b->family, &gram[far]->host[1]);

    if (answered(view, gram[far]) || answered(&state->view[near], gram[near]) || host == NULL ||
        (host->from == 0 && !host->arp) ||
        view->place->last - gram[far]->last <
            (gram[far]->count > 1 ? MR_SEC : state->config->patience))
        return 0;
    mr_pair_seen seen = {
        .kind = MR_PAIR_QUERY_UNANSWERED,
        .near = (uint8_t)near,
        .certain = true,
        .at_host = host->ttl == 64 || host->ttl == 128 || host->ttl == 255,
        .proto = MR_IP_UDP,
        .time = mr_pair_a_time(state, 0, a->time),
        .last = mr_pair_a_time(state, 0, a->last),
        .hops = (int16_t)(gram[near]->ttl - gram[far]->ttl),
    };
    for (int i = 0; i < 2; i++) {
        seen.at[i] = tuple_of(gram[i]);
        seen.packet[i] = gram[i]->packet;
        seen.last_packet[i] = gram[i]->last_packet;
        seen.count[i] = gram[i]->count;
    }
    return mr_pair_add(state, &seen);
}

static int judge_alone(pair_state *state, int of, const pair_gram *gram) {
    if (gram->mate != PAIR_NONE || state->pair->totals.place[!of].beyond != 0)
        return 0;
    return gram->answer ? judge_answer(state, of, gram) : judge_question(state, of, gram);
}

int mr_pair_gram_match(pair_state *state) {
    int r = sort_answers(&state->view[0]);

    if (r != 0 || (r = sort_answers(&state->view[1])) != 0)
        return r;
    for (uint32_t i = 0; i < state->view[0].gram_count; i++) {
        pair_gram *a = &state->view[0].grams[i];
        a->mate = find(&state->view[1], a->key, NULL);
        if (a->mate == PAIR_NONE)
            continue;
        state->view[1].grams[a->mate].mate = i;
        const pair_gram *b = &state->view[1].grams[a->mate];
        if (a->family == b->family && memcmp(&a->host[1], &b->host[1], sizeof a->host[1]) == 0)
            mr_pair_host_both(state, a->family, &a->host[1]);
        state->pair->totals.datagrams++;
    }
    return 0;
}

int mr_pair_gram_judge(pair_state *state) {
    const mr_pair_place *place = state->pair->totals.place;
    bool limited = place[0].beyond != 0 || place[1].beyond != 0; /* answers may lie past a cap */
    int r = 0;

    for (int of = 0; of < 2; of++)
        for (uint32_t i = 0; i < state->view[of].gram_count && r == 0; i++)
            r = judge_alone(state, of, &state->view[of].grams[i]);
    for (uint32_t i = 0; i < state->view[0].gram_count && r == 0; i++) {
        const pair_gram *a = &state->view[0].grams[i];
        if (a->mate != PAIR_NONE && !a->answer && !limited)
            r = judge_silence(state, a, &state->view[1].grams[a->mate]);
    }
    return r;
}
