/*
 * Two captures from beginning to end: both are read into views, the clocks compared, connections
 * and datagrams matched and judged; where octets were lost the sender's capture is read once more.
 */
#include "pair_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define FLOWS (256u << 10)
#define DATAGRAMS (256u << 10)
#define RECORDS 4096u
#define PATIENCE (3 * MR_SEC)
#define SLACK (30 * MR_SEC)
#define ARENA ((size_t)64 << 20)
#define PROGRESS 4096 /* packets between two words of progress */

typedef struct walk {
    pair_state *state;
    int at;
    bool again;   /* the second reading */
    uint64_t done; /* octets of what was read before, and of what will be */
    uint64_t size;
} walk;

static int take(walk *w, mr_decap *decap, const mr_packet *packet) {
    pair_state *state = w->state;
    mr_pair_place *place = &state->pair->totals.place[w->at];
    mr_segment seg;

    if (!w->again) {
        if (packet->timed && (place->packets == 0 || packet->time < place->first))
            place->first = packet->time;
        if (packet->timed && packet->time > place->last)
            place->last = packet->time;
        place->packets++;
    }
    int r = mr_decap_feed(decap, packet, &seg);
    if (r < 0)
        return r;
    if (r > 0)
        return 0;
    if (!w->again)
        return mr_pair_view_feed(&state->view[w->at], &seg);
    mr_pair_look_feed(state, w->at, &seg);
    return 0;
}

static int tell(const walk *w, const mr_capture_file *file) {
    const mr_pair_config *config = w->state->config;
    uint64_t done, size;

    if (config->progress == NULL)
        return 0;
    mr_capture_file_get_place(file, &done, &size);
    size = w->size + size;
    if (config->progress(config->ctx, w->done + done, size > done ? size : done) != 0)
        return MR_ERR_CANCELLED;
    return 0;
}

/* An error of the reader, with the file it is about: there are two. */
static int of_file(int r, const char *path, mr_error *err) {
    if (err != NULL) {
        mr_error told = *err;

        snprintf(err->text, sizeof(err->text), "%.110s: %.80s", path, told.text);
    }
    return r;
}

static int read_file(walk *w, const char *path, mr_error *err) {
    mr_pair_place *place = &w->state->pair->totals.place[w->at];
    mr_capture_file file;
    mr_packet packet;
    mr_decap decap;
    uint64_t count = 0;
    int r = mr_capture_file_init(&file, path, NULL, err);

    if (r != 0)
        return of_file(r, path, err);
    mr_decap_init(&decap, NULL);
    while (r == 0) {
        r = mr_capture_file_read(&file, &packet, err);
        if (r < 0)
            of_file(r, path, err);
        if (r != 0)
            break;

        r = take(w, &decap, &packet);
        if (r == 0 && ++count % PROGRESS == 0)
            r = tell(w, &file);
        if (r < 0)
            mr_fail(err, r, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "%s: %s", path,
                    mr_result_text(r));
    }
    if (r > 0) {
        place->cut = place->cut || r == MR_CAPTURE_CUT;
        place->dropped = mr_capture_file_get_stats(&file)->dropped;
        r = 0;
    }
    mr_decap_deinit(&decap);
    mr_capture_file_deinit(&file);
    return r;
}

/* The place where what a record says is absent. */
static int lacking(const mr_pair_seen *seen) {
    int far = !seen->near;

    switch (seen->kind) {
    case MR_PAIR_RESET_FORGED:
        return seen->back ? far : seen->near;
    case MR_PAIR_SYN_UNANSWERED:
    case MR_PAIR_UNANSWERED:
    case MR_PAIR_QUERY_UNANSWERED:
    case MR_PAIR_SYN_LOST:
    case MR_PAIR_ACK_LOST:
    case MR_PAIR_QUERY_LOST:
        return far;
    case MR_PAIR_SYN_ACK_LOST:
    case MR_PAIR_ANSWER_LOST:
        return seen->near;
    case MR_PAIR_DATA_LOST:
    case MR_PAIR_LOSS:
    case MR_PAIR_CHANGED:
        return seen->back ? seen->near : far;
    }
    return far;
}

static int by_time(const void *x, const void *y) {
    const mr_pair_seen *a = x, *b = y;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->packet[0] != b->packet[0])
        return a->packet[0] < b->packet[0] ? -1 : 1;
    if (a->packet[1] != b->packet[1])
        return a->packet[1] < b->packet[1] ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

/* A capture that lost packets makes every absence in it uncertain. */
static int hand_over(pair_state *state) {
    mr_pair *pair = state->pair;

    for (uint32_t i = 0; i < state->seen_count; i++) {
        const mr_pair_place *place = &pair->totals.place[lacking(&state->seen[i])];
        if (place->dropped != 0 || place->missed != 0)
            state->seen[i].certain = state->seen[i].kind == MR_PAIR_CHANGED;
    }
    if (state->seen_count == 0)
        return 0;
    qsort(state->seen, state->seen_count, sizeof *state->seen, by_time);
    pair->seen = mr_arena_get_raw(&pair->arena, state->seen_count, sizeof *pair->seen);
    if (pair->seen == NULL)
        return MR_ERR_MEMORY;
    memcpy(pair->seen, state->seen, state->seen_count * sizeof *pair->seen);
    pair->count = state->seen_count;
    return 0;
}

static int compare(pair_state *state, const char *const paths[2], mr_error *err) {
    walk turn = {.state = state};
    int r = 0;

    for (; turn.at < 2 && r == 0; turn.at++)
        r = read_file(&turn, paths[turn.at], err);
    if (r != 0)
        return r;
    r = mr_pair_clock_estimate(&state->view[0], &state->view[1], &state->pair->totals.clock);
    if (r == 0)
        r = mr_pair_match(state);
    if (r == 0)
        r = mr_pair_judge(state);
    turn.again = true;
    for (turn.at = 0; turn.at < 2 && r == 0; turn.at++)
        if (state->look_count[turn.at] != 0)
            r = read_file(&turn, paths[turn.at], err);
    if (r == 0)
        r = mr_pair_look_end(state);
    return r != 0 ? r : hand_over(state);
}

static mr_pair_config settle(const mr_pair_config *config) {
    mr_pair_config c = config != NULL ? *config : (mr_pair_config){.flows = 0};

    c.flows = c.flows ? c.flows : FLOWS;
    c.datagrams = c.datagrams ? c.datagrams : DATAGRAMS;
    c.records = c.records ? c.records : RECORDS;
    c.patience = c.patience ? c.patience : PATIENCE;
    c.slack = c.slack ? c.slack : SLACK;
    return c;
}

int mr_pair_run(const mr_pair_config *config, const char *const paths[2], mr_pair *pairp,
                mr_error *err) {
    mr_pair_config settled = settle(config);
    mr_pair pair = {.seen = NULL};
    pair_state state = {.config = &settled, .pair = &pair};
    uint64_t key[2] = {0, 0};
    int r;

    if (getrandom(key, sizeof key, GRND_NONBLOCK) < 0)
        key[0] = 1; /* early in a boot: a hash that can be foreseen still works */
    mr_arena_init(&pair.arena, ARENA);
    r = mr_pair_view_init(&state.view[0], &settled, key, &pair.totals.place[0]);
    if (r == 0)
        r = mr_pair_view_init(&state.view[1], &settled, key, &pair.totals.place[1]);
    if (r == 0)
        r = compare(&state, paths, err);
    else
        mr_fail(err, r, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "%s", mr_result_text(r));
    for (int i = 0; i < 2; i++) {
        mr_pair_view_deinit(&state.view[i]);
        free(state.looks[i]);
    }
    free(state.seen);
    if (r != 0)
        mr_pair_deinit(&pair);
    else
        *pairp = pair;
    return r;
}

void mr_pair_deinit(mr_pair *pair) {
    mr_arena_deinit(&pair->arena);
    *pair = (mr_pair){.seen = NULL};
}

const char *mr_pair_kind_name(enum mr_pair_kind kind) {
    switch (kind) {
    case MR_PAIR_SYN_LOST: return "syn-lost";
    case MR_PAIR_SYN_UNANSWERED: return "syn-unanswered";
    case MR_PAIR_SYN_ACK_LOST: return "syn-ack-lost";
    case MR_PAIR_ACK_LOST: return "ack-lost";
    case MR_PAIR_DATA_LOST: return "data-lost";
    case MR_PAIR_LOSS: return "loss";
    case MR_PAIR_UNANSWERED: return "unanswered";
    case MR_PAIR_RESET_FORGED: return "reset-forged";
    case MR_PAIR_CHANGED: return "changed";
    case MR_PAIR_QUERY_LOST: return "query-lost";
    case MR_PAIR_QUERY_UNANSWERED: return "query-unanswered";
    case MR_PAIR_ANSWER_LOST: return "answer-lost";
    }
    return "";
}
