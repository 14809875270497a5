/*
 * The association as its caller sees it: start and end, events, sticky errors, deadlines, what was
 * agreed. The public functions that read octets are thin faces of lane.c.
 */
#include "state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLS_DEFAULT 64
#define EVENTS_DEFAULT 16
#define EVENTS_LEAST 8
#define EVENTS_MOST 4096
#define BUDGET_DEFAULT ((size_t)16 << 20)
#define WIRE_KEPT 512 /* octets of output memory that a resting association keeps */
#define LISTS_MAX ((size_t)256 << 10) /* the largest bind has 3276 syntaxes */

static int check_config(mr_assoc_config *c, mr_error *err) {
    if (c->role != MR_ROLE_TAP)
        c->spare = NULL;
    if (c->max_xmit == 0)
        c->max_xmit = MR_ASSOC_FRAG_DEFAULT;
    if (c->max_recv == 0)
        c->max_recv = MR_ASSOC_FRAG_DEFAULT;
    if (c->max_calls == 0)
        c->max_calls = CALLS_DEFAULT;
    if (c->max_events == 0)
        c->max_events = EVENTS_DEFAULT;
    if (c->budget == 0)
        c->budget = BUDGET_DEFAULT;
    if (c->max_xmit < MR_ASSOC_FRAG_MIN || c->max_recv < MR_PDU_FRAG_MUST ||
        c->max_calls > MR_ASSOC_CALL_MAX || c->max_events < EVENTS_LEAST ||
        c->max_events > EVENTS_MOST)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "a limit of the association lies outside its range");
    return 0;
}

static size_t arena_cap(const mr_assoc_config *c) {
    const size_t padding = 64;
    return sizeof(mr_assoc_state) + sizeof(mr_side) + sizeof(mr_guard) + sizeof(mr_error) +
           4 * padding + c->max_calls * (sizeof(mr_call) + padding) +
           MR_ASSOC_CONTEXT_MAX * (sizeof(mr_bound) + padding);
}

static size_t padded(size_t size) {
    return (size + 15) & ~(size_t)15;
}

/* What an association has that answers one call at a time and rests: servers have thousands, taps
 * hundreds of thousands. */
static size_t idle_size(const mr_assoc_config *c) {
    return padded(sizeof(mr_assoc_state)) + padded(sizeof(mr_bound)) +
           (c->spare ? 0 : padded(sizeof(mr_call))) +
           (c->role == MR_ROLE_TAP ? 0 : padded(sizeof(mr_side)));
}

static mr_side *new_side(mr_arena *arena) {
    mr_side *side = MR_ARENA_NEW(arena, mr_side);

    if (!side)
        return NULL;
    side->next_call = 1;
    side->deadline[MR_DEADLINE_BIND] = MR_NSEC_NEVER;
    side->deadline[MR_DEADLINE_CALL] = MR_NSEC_NEVER;
    mr_buf_init(&side->token_in, NULL, 0, MR_PDU_FRAG_MAX);
    mr_buf_init(&side->draft, NULL, 0, MR_PDU_FRAG_MAX);
    mr_buf_init(&side->out, NULL, 0, MR_ASSOC_OUT_MAX);
    mr_buf_init(&side->wire, NULL, 0, MR_ASSOC_OUT_MAX);
    return side;
}

int mr_assoc_init(mr_assoc *a, const mr_assoc_config *config, mr_error *err) {
    mr_assoc_config c = *config;
    mr_assoc_state *s;
    int rc = check_config(&c, err);

    *a = (mr_assoc){0};
    if (rc < 0)
        return rc;
    mr_arena_init(&a->arena, arena_cap(&c));
    a->arena.first = idle_size(&c);
    s = MR_ARENA_NEW(&a->arena, mr_assoc_state);
    if (s && c.role != MR_ROLE_TAP)
        s->side = new_side(&a->arena);
    if (!s || (c.role != MR_ROLE_TAP && !s->side)) {
        mr_arena_deinit(&a->arena);
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no memory for an association");
    }
    s->config = c;
    s->arena = &a->arena;
    s->xmit_frag = c.max_xmit;
    s->recv_frag = c.max_recv;
    for (int dir = 0; dir < 2; dir++)
        mr_lane_init(&s->lane[dir], mr_state_is_tap(s) && c.midstream ? MR_LANE_SEARCH
                                                                      : MR_LANE_START);
    a->state = s;
    return 0;
}

/* ---- memory that comes and goes ---- */

mr_arena *mr_state_list_arena(mr_assoc_state *s, enum mr_dir dir) {
    if (!s->lists) {
        s->lists = malloc(sizeof *s->lists);
        if (!s->lists)
            return NULL;
        for (int i = 0; i < 2; i++)
            mr_arena_init(&s->lists->arena[i], LISTS_MAX);
    }
    mr_arena_reset(&s->lists->arena[dir]);
    return &s->lists->arena[dir];
}

/* What events point to, and the ring they were in. */
static void free_events(mr_assoc_state *s) {
    for (int dir = 0; dir < 2 && s->lists; dir++)
        mr_arena_deinit(&s->lists->arena[dir]);
    free(s->lists);
    s->lists = NULL;
    free(s->note);
    s->note = NULL;
    if (s->events != s->config.ring)
        free(s->events);
    s->events = NULL;
    s->event_first = 0;
}

void mr_assoc_trim(mr_assoc *a) {
    mr_assoc_state *s = a->state;

    for (int dir = 0; dir < 2 && mr_state_is_tap(s) && s->event_count == 0; dir++)
        if (s->lane[dir].hold.len == 0)
            mr_buf_deinit(&s->lane[dir].hold);
    if (s->event_count > 0 || s->round.open || s->round.waits || s->step != MR_STEP_NONE ||
        (s->side && s->side->out.len > 0))
        return;
    free_events(s);
    if (!s->side)
        return;
    mr_buf_deinit(&s->side->out);
    if (s->side->wire.size > WIRE_KEPT)
        mr_buf_deinit(&s->side->wire);
}

void mr_assoc_deinit(mr_assoc *a) {
    mr_assoc_state *s = a->state;

    if (s) {
        while (s->config.spare && s->calls)
            mr_call_end(s, s->calls);
        for (int dir = 0; dir < 2; dir++)
            mr_buf_deinit(&s->lane[dir].hold);
        free_events(s);
        if (s->guard) {
            mr_buf_deinit(&s->guard->token_out);
            mr_buf_deinit(&s->guard->plain);
        }
        if (s->side) {
            mr_buf_deinit(&s->side->token_in);
            mr_buf_deinit(&s->side->draft);
            mr_buf_deinit(&s->side->out);
            mr_buf_deinit(&s->side->wire);
        }
    }
    mr_arena_deinit(&a->arena);
    a->state = NULL;
}

/* ---- events ---- */

mr_event mr_state_event(const mr_assoc_state *s, enum mr_event_kind kind, enum mr_dir dir) {
    return (mr_event){.kind = kind, .dir = dir, .time = s->now, .time_first = s->now};
}

int mr_state_need_events(mr_assoc_state *s) {
    if (!s->events && s->config.ring)
        s->events = s->config.ring;
    if (!s->events)
        s->events = reallocarray(NULL, s->config.max_events, sizeof *s->events);
    return s->events ? 0 : mr_state_fail_code(s, MR_ERR_MEMORY, "no memory for events");
}

void mr_state_push(mr_assoc_state *s, const mr_event *event) {
    if (mr_state_need_events(s) != 0)
        return;
    if (s->event_count == s->config.max_events) {
        /* the room kept for every PDU and command makes this unreachable but for a caller that
         * never pulls events; it must not lose any silently */
        mr_state_fail_code(s, MR_ERR_LIMIT, "the event queue is full");
        return;
    }
    s->events[(s->event_first + s->event_count) % s->config.max_events] = *event;
    s->event_count++;
}

bool mr_assoc_pull_event(mr_assoc *a, mr_event *eventp) {
    mr_assoc_state *s = a->state;

    if (s->event_count == 0)
        return false;
    *eventp = s->events[s->event_first];
    s->event_first = (uint16_t)((s->event_first + 1) % s->config.max_events);
    s->event_count--;
    return true;
}

/* ---- errors ---- */

int mr_state_failed(const mr_assoc_state *s, mr_error *err) {
    if (s->failed && err)
        *err = *s->failure;
    return s->failed;
}

/* Keeps the words of what ended the association. A tap ends without memory: it may find none. */
static const mr_error *keep_failure(mr_assoc_state *s, const mr_error *err) {
    static const mr_error nothing = {.code = MR_ERR_MEMORY, .floor = MR_FLOOR_ENGINE,
                                     .offset = MR_ERROR_NO_OFFSET,
                                     .text = "no memory for an association"};
    mr_error *kept = s->side ? &s->side->error : MR_ARENA_NEW(s->arena, mr_error);

    if (!kept)
        return &nothing;
    *kept = *err;
    return kept;
}

int mr_state_end(mr_assoc_state *s, const mr_error *err) {
    if (!s->failed) {
        s->failure = keep_failure(s, err);
        s->failed = s->failure->code;
        s->ended = true;
        s->ready = false;
    }
    return s->failed;
}

int mr_state_fail(mr_assoc_state *s, const mr_event *at, const mr_error *err) {
    if (s->failed)
        return s->failed;
    mr_state_end(s, err);
    if (mr_state_event_room(s) > 0) {
        mr_event event = at ? *at : mr_state_event(s, MR_EVENT_ERROR, MR_DIR_TO_SERVER);
        event.kind = MR_EVENT_ERROR;
        event.u.error = s->failure;
        mr_state_push(s, &event);
    }
    return s->failed;
}

int mr_state_fail_code(mr_assoc_state *s, int code, const char *what) {
    mr_error err = MR_ERROR_INIT;

    mr_fail(&err, code, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET, "%s", what);
    return mr_state_fail(s, NULL, &err);
}

int mr_state_push_note(mr_assoc_state *s, const mr_event *event, const mr_error *err) {
    mr_event copy = *event;

    if (!s->note)
        s->note = malloc(sizeof *s->note);
    if (!s->note)
        return mr_state_fail_code(s, MR_ERR_MEMORY, "no memory for an error");
    *s->note = *err;
    copy.kind = MR_EVENT_ERROR;
    copy.u.error = s->note;
    mr_state_push(s, &copy);
    s->busy = true;
    return 0;
}

int mr_state_violation(mr_in *in, int code, size_t pdu_offset, const char *fmt, ...) {
    mr_assoc_state *s = in->s;
    mr_error err = MR_ERROR_INIT;
    char text[sizeof err.text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mr_fail(&err, code, MR_FLOOR_ENGINE, (size_t)in->event.offset + pdu_offset, "%s", text);
    if (!mr_state_is_tap(s))
        return mr_state_fail(s, &in->event, &err);
    return mr_state_push_note(s, &in->event, &err);
}

const mr_error *mr_assoc_get_error(const mr_assoc *a) {
    return a->state->failed ? a->state->failure : NULL;
}

/* ---- octets in ---- */

/* The common beginning of feed, feed_end and feed_gap: 0, MR_ASSOC_DRAIN or a negative result. */
static int begin_read(mr_assoc_state *s, enum mr_dir dir, mr_nsec now, mr_error *err) {
    s->now = now;
    if (s->config.role != MR_ROLE_TAP &&
        dir != (s->config.role == MR_ROLE_CLIENT ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "these octets travel away from this side");
    if (s->failed)
        return mr_state_failed(s, err);
    if (s->event_count > 0)
        return MR_ASSOC_DRAIN;
    s->busy = false;
    return mr_state_need_events(s) != 0 ? mr_state_failed(s, err) : 0;
}

int mr_assoc_feed(mr_assoc *a, enum mr_dir dir, mr_slice bytes, mr_nsec now, size_t *usedp,
                  mr_error *err) {
    mr_assoc_state *s = a->state;
    int rc = begin_read(s, dir, now, err);

    *usedp = 0;
    if (rc != 0)
        return rc;
    rc = mr_lane_feed(s, dir, bytes, usedp);
    return rc < 0 ? mr_state_failed(s, err) : rc;
}

int mr_assoc_feed_end(mr_assoc *a, enum mr_dir dir, mr_nsec now, mr_error *err) {
    mr_assoc_state *s = a->state;
    int rc = begin_read(s, dir, now, err);

    if (rc != 0)
        return rc;
    rc = mr_lane_end(s, dir);
    return rc < 0 ? mr_state_failed(s, err) : rc;
}

int mr_assoc_feed_gap(mr_assoc *a, enum mr_dir dir, uint64_t missing, mr_nsec now,
                      mr_error *err) {
    mr_assoc_state *s = a->state;
    int rc;

    if (!mr_state_is_tap(s))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "only a tap survives a gap");
    rc = begin_read(s, dir, now, err);
    if (rc != 0)
        return rc;
    mr_lane_gap(s, dir, missing);
    return 0;
}

/* ---- time ---- */

void mr_assoc_set_deadline(mr_assoc *a, enum mr_deadline what, mr_nsec at) {
    if (a->state->side)
        a->state->side->deadline[what] = at;
}

mr_nsec mr_assoc_deadline(const mr_assoc *a) {
    const mr_assoc_state *s = a->state;

    if (s->failed || !s->side)
        return MR_NSEC_NEVER;
    mr_nsec bind = s->side->deadline[MR_DEADLINE_BIND];
    mr_nsec call = s->side->deadline[MR_DEADLINE_CALL];
    return bind < call ? bind : call;
}

static void push_timeout(mr_assoc_state *s, enum mr_deadline what) {
    mr_event event = mr_state_event(s, MR_EVENT_TIMEOUT, MR_DIR_TO_CLIENT);

    s->side->deadline[what] = MR_NSEC_NEVER;
    event.offset = s->lane[MR_DIR_TO_CLIENT].offset;
    event.u.timeout.what = what;
    mr_state_push(s, &event);
}

int mr_assoc_expire(mr_assoc *a, mr_nsec now, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_error late = MR_ERROR_INIT;

    s->now = now;
    if (s->failed || !s->side || mr_state_event_room(s) < MR_EVENTS_PER_PDU)
        return mr_state_failed(s, err);
    if (s->side->deadline[MR_DEADLINE_CALL] <= now)
        push_timeout(s, MR_DEADLINE_CALL);
    if (s->side->deadline[MR_DEADLINE_BIND] > now)
        return 0;
    enum mr_dir dir =
        s->config.role == MR_ROLE_SERVER ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT;
    if (mr_lane_judge(s, dir) < 0)
        return mr_state_failed(s, err);
    push_timeout(s, MR_DEADLINE_BIND);
    mr_fail(&late, MR_ERR_TIMEOUT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
            s->is_bound ? "the alter_context was not answered in time"
                        : "the bind was not answered in time");
    mr_state_fail(s, NULL, &late);
    return mr_state_failed(s, err);
}

/* ---- what stands ---- */

mr_bound *mr_state_find_bound(const mr_assoc_state *s, uint16_t id) {
    for (mr_bound *b = s->bound; b; b = b->next)
        if (b->id == id)
            return b;
    return NULL;
}

int mr_state_add_bound(mr_assoc_state *s, uint16_t id, const mr_syntax *abstract,
                       const mr_syntax *transfer) {
    mr_bound *b = mr_state_find_bound(s, id);

    if (!b) {
        if (s->bound_count >= MR_ASSOC_CONTEXT_MAX)
            return MR_ERR_LIMIT;
        b = MR_ARENA_NEW(s->arena, mr_bound);
        if (!b)
            return MR_ERR_MEMORY;
        b->id = id;
        b->next = s->bound;
        s->bound = b;
        s->bound_count++;
    }
    b->abstract = *abstract;
    b->transfer = *transfer;
    return 0;
}

bool mr_assoc_find_context(const mr_assoc *a, uint16_t id, mr_event_context *contextp) {
    const mr_bound *b = mr_state_find_bound(a->state, id);

    if (!b)
        return false;
    *contextp = (mr_event_context){
        .id = id,
        .result = MR_CONTEXT_ACCEPT,
        .known = true,
        .abstract = b->abstract,
        .transfer = b->transfer,
    };
    return true;
}

void mr_assoc_get_info(const mr_assoc *a, mr_assoc_info *infop) {
    const mr_assoc_state *s = a->state;

    *infop = (mr_assoc_info){
        .bound = s->is_bound,
        .ready = s->ready,
        .ended = s->ended,
        .multiplex = s->multiplex,
        .header_sign = s->header_sign,
        .features = s->features,
        .xmit_frag = s->xmit_frag,
        .recv_frag = s->recv_frag,
        .assoc_group = s->assoc_group,
        .calls = s->call_count,
        .held = s->held,
        .received = {s->lane[0].offset, s->lane[1].offset},
        .sent = s->side ? s->side->sent : 0,
    };
}
