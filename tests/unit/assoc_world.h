/*
 * A world in memory for the tests of the association: a client, a server and a tap that sees what
 * both say, cut into segments of a chosen size (0: whole, SIZE_MAX: random sizes from a seed).
 * Each segment lies in memory of exactly its size and dies once its events are handled, so that
 * the sanitizer sees whoever looks at it too long. The client and the tap write a line per
 * finished call; the lines must agree.
 *
 * The server's operations: 0 echoes; 1 answers as many octets as the first four say; 2 faults; 3
 * waits until the test answers; 4 echoes in parts.
 */
#ifndef ASSOC_WORLD_H
#define ASSOC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <msrpc/engine.h>

#define WORLD_CALLS 80
#define WORLD_STUB ((size_t)1 << 20)
#define RANDOM_SEGMENTS SIZE_MAX

static const mr_syntax echo_syntax = {
    {0x60a15ec5, 0x4de8, 0x11d7, {0xa6, 0x37, 0x00, 0x5e, 0x56, 0xa2, 0x01, 0x82}}, 1, 0};
static const mr_syntax other_syntax = {
    {0x12345678, 0x1234, 0xabcd, {0xef, 0, 1, 0x23, 0x45, 0x67, 0xcf, 0xfb}}, 1, 0};

typedef struct side_call {
    bool used;
    bool answered;   /* server: its request is complete */
    uint32_t id;
    mr_event_call info;
    mr_stub request;
    mr_stub response;
    size_t part;     /* server: octets already given of a reply in parts */
} side_call;

typedef struct side {
    mr_assoc a;
    const char *name;
    side_call calls[WORLD_CALLS];
    char log[32768];
    size_t log_len;
    unsigned seen[MR_EVENT_ERROR + 1]; /* events per kind */
    mr_event last[MR_EVENT_ERROR + 1]; /* slices inside may dangle */
    mr_event_context contexts[8];      /* of the last bind_ack or alter_context_resp */
    uint16_t context_count;
    int rc;                            /* first negative result */
    mr_error err;
} side;

typedef struct world {
    side client, server, tap;
    size_t step;
    uint32_t seed;
    mr_nsec now;
    mr_buf queue[2];
    size_t queue_at[2];
    bool no_tap;
    bool lost;                /* the world itself had no memory for what travels */
    mr_buf *record;           /* what travelled: direction, 32-bit length, octets; or NULL */
    uint32_t group;
    uint16_t reject;          /* server: reject every bind with this reason + 1 */
    mr_security *acceptor;    /* server: set when a bind brings a trailer */
    mr_security *observer;    /* tap */
    uint8_t acceptor_level;
    uint8_t big_reply[WORLD_STUB];
} world;

static inline uint32_t world_random(world *w) {
    w->seed = w->seed * 1664525u + 1013904223u;
    return w->seed >> 8;
}

static inline uint32_t sum_of(mr_slice s) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.data[i]) * 16777619u;
    return h;
}

static inline void world_init_config(world *w, const mr_assoc_config *client,
                                     const mr_assoc_config *server) {
    mr_assoc_config c = *client, s = *server, t = {.role = MR_ROLE_TAP};

    memset(w, 0, sizeof *w);
    c.role = MR_ROLE_CLIENT;
    s.role = MR_ROLE_SERVER;
    w->client.name = "client";
    w->server.name = "server";
    w->tap.name = "tap";
    w->now = 1000;
    w->group = 0x1234;
    w->seed = 1;
    side *sides[] = {&w->client, &w->server, &w->tap};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < WORLD_CALLS; i++) {
            mr_stub_init(&sides[k]->calls[i].request, WORLD_STUB);
            mr_stub_init(&sides[k]->calls[i].response, WORLD_STUB);
        }
    mr_buf_init(&w->queue[0], NULL, 0, (size_t)64 << 20);
    mr_buf_init(&w->queue[1], NULL, 0, (size_t)64 << 20);
    for (size_t i = 0; i < WORLD_STUB; i++)
        w->big_reply[i] = (uint8_t)(i * 7 + (i >> 8));
    w->client.rc = mr_assoc_init(&w->client.a, &c, &w->client.err);
    w->server.rc = mr_assoc_init(&w->server.a, &s, &w->server.err);
    w->tap.rc = mr_assoc_init(&w->tap.a, &t, &w->tap.err);
}

static inline world *world_new(const mr_assoc_config *client, const mr_assoc_config *server,
                               size_t step) {
    static world w;
    mr_assoc_config none = {0};
    world_init_config(&w, client ? client : &none, server ? server : &none);
    w.step = step;
    return &w;
}

static inline void world_deinit(world *w) {
    side *sides[] = {&w->client, &w->server, &w->tap};
    for (int k = 0; k < 3; k++) {
        mr_assoc_deinit(&sides[k]->a);
        for (int i = 0; i < WORLD_CALLS; i++) {
            mr_stub_deinit(&sides[k]->calls[i].request);
            mr_stub_deinit(&sides[k]->calls[i].response);
        }
    }
    mr_buf_deinit(&w->queue[0]);
    mr_buf_deinit(&w->queue[1]);
}

static inline side_call *side_find(side *s, uint32_t id, bool add) {
    side_call *free_one = NULL;
    for (int i = 0; i < WORLD_CALLS; i++) {
        if (s->calls[i].used && s->calls[i].id == id)
            return &s->calls[i];
        if (!s->calls[i].used && !free_one)
            free_one = &s->calls[i];
    }
    if (!add || !free_one)
        return NULL;
    free_one->used = true;
    free_one->answered = false;
    free_one->id = id;
    free_one->part = 0;
    mr_stub_reset(&free_one->request);
    mr_stub_reset(&free_one->response);
    return free_one;
}

static inline void side_log(side *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void side_log(side *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(s->log + s->log_len, sizeof s->log - s->log_len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof s->log - s->log_len)
        s->log_len += (size_t)n;
}

static inline void side_fail(side *s, int rc, const mr_error *err) {
    if (rc < 0 && s->rc == 0) {
        s->rc = rc;
        s->err = *err;
    }
}

static inline int keep_chunk(side *s, mr_stub *stub, const mr_event_chunk *chunk) {
    int rc = mr_stub_feed(stub, chunk);
    if (rc >= 0 && mr_stub_keep(stub) < 0)
        rc = mr_stub_keep(stub);
    side_fail(s, rc, &MR_ERROR_INIT);
    return rc;
}

static inline void server_answer(world *w, side_call *c) {
    side *s = &w->server;
    mr_slice in = mr_stub_get(&c->request);
    mr_error err = MR_ERROR_INIT;
    uint32_t n = 0;
    int rc = 0;

    switch (c->info.opnum) {
    case 1:
        if (in.len >= 4)
            memcpy(&n, in.data, 4);
        rc = mr_assoc_reply(&s->a, c->id, mr_slice_of(w->big_reply, n), false, &err);
        break;
    case 2:
        rc = mr_assoc_fault(&s->a, c->id, 0xdead, true, MR_SLICE_LIT("detail"), &err);
        c->used = false;
        break;
    case 4:
        c->part = in.len < 100 ? in.len : 100;
        rc = mr_assoc_reply(&s->a, c->id, mr_slice_sub(in, 0, c->part), c->part < in.len, &err);
        break;
    default:
        rc = mr_assoc_reply(&s->a, c->id, in, false, &err);
    }
    side_fail(s, rc, &err);
}

static inline void server_bind(world *w, const mr_event *e) {
    side *s = &w->server;
    mr_assoc_answer answers[300];
    mr_error err = MR_ERROR_INIT;
    const mr_event_bind *b = &e->u.bind;
    int rc;

    if (w->reject) {
        rc = mr_assoc_reject(&s->a, w->reject - 1, MR_SLICE_LIT("why it was"), &err);
        side_fail(s, rc, &err);
        return;
    }
    if (e->auth.present && w->acceptor && s->seen[MR_EVENT_BIND] + s->seen[MR_EVENT_ALTER] == 1) {
        rc = mr_assoc_set_security(&s->a, w->acceptor, e->auth.id, w->acceptor_level, &err);
        side_fail(s, rc, &err);
    }
    for (uint16_t i = 0; i < b->count; i++) {
        answers[i] = (mr_assoc_answer){.result = MR_CONTEXT_PROVIDER_REJECT,
                                       .reason = MR_REASON_ABSTRACT_SYNTAX};
        if (mr_syntax_eq(&b->contexts[i].abstract, &echo_syntax)) {
            answers[i].reason = MR_REASON_TRANSFER_SYNTAX;
            for (uint8_t k = 0; k < b->contexts[i].proposed_count; k++)
                if (mr_syntax_eq(&b->contexts[i].proposed[k], &mr_syntax_ndr20))
                    answers[i] = (mr_assoc_answer){.transfer = k};
        }
    }
    rc = mr_assoc_accept(&s->a, answers, b->count, w->group, MR_SLICE_LIT("49152"), &err);
    side_fail(s, rc, &err);
}

static inline void server_sent(world *w, const mr_event *e) {
    side_call *c = side_find(&w->server, e->u.call.id, false);
    mr_error err = MR_ERROR_INIT;

    if (!c)
        return;
    mr_slice in = mr_stub_get(&c->request);
    if (c->info.opnum == 4 && c->part < in.len) {
        size_t n = in.len - c->part < 333 ? in.len - c->part : 333;
        mr_slice part = mr_slice_sub(in, c->part, n);
        c->part += n;
        side_fail(&w->server,
                  mr_assoc_add_stub(&w->server.a, c->id, part, c->part < in.len, &err), &err);
        return;
    }
    c->used = false;
}

/* Calls as their line: what the client and the tap must agree on. */
static inline void log_call(side *s, side_call *c, const char *end, uint32_t status) {
    if (!c->info.known || !c->request.done || c->request.damaged)
        end = "damaged";
    side_log(s, "%u ctx %u op %u obj %08x req %zu/%08x %s %zu/%08x %08x\n", c->id,
             c->info.context, c->info.opnum, c->info.has_object ? c->info.object.time_low : 0,
             mr_stub_get(&c->request).len, sum_of(mr_stub_get(&c->request)), end,
             mr_stub_get(&c->response).len, sum_of(mr_stub_get(&c->response)), status);
    c->used = false;
}

static inline void handle(world *w, side *s, const mr_event *e) {
    side_call *c;
    int rc;

    s->seen[e->kind]++;
    s->last[e->kind] = *e;
    switch ((int)e->kind) {
    case MR_EVENT_BIND:
    case MR_EVENT_ALTER:
        if (s == &w->server)
            server_bind(w, e);
        break;
    case MR_EVENT_BIND_ACK:
    case MR_EVENT_ALTER_RESP:
        s->context_count = e->u.bind.count < 8 ? e->u.bind.count : 8;
        memcpy(s->contexts, e->u.bind.contexts, s->context_count * sizeof s->contexts[0]);
        break;
    case MR_EVENT_REQUEST:
        c = side_find(s, e->u.chunk.call.id, true);
        if (!c)
            break;
        c->info = e->u.chunk.call;
        rc = keep_chunk(s, &c->request, &e->u.chunk);
        if (s == &w->server && rc > 0) {
            c->answered = true;
            if (c->info.opnum != 3)
                server_answer(w, c);
        } else if (s == &w->tap && rc > 0 && e->u.chunk.call.maybe) {
            log_call(s, c, "maybe", 0);
        }
        break;
    case MR_EVENT_RESPONSE:
        c = side_find(s, e->u.chunk.call.id, true);
        if (!c)
            break;
        c->info = e->u.chunk.call;
        rc = keep_chunk(s, &c->response, &e->u.chunk);
        if (rc > 0)
            log_call(s, c, rc == MR_STUB_DAMAGED ? "damaged" : "ok", 0);
        break;
    case MR_EVENT_FAULT:
        c = side_find(s, e->u.fault.call.id, false);
        if (c) {
            c->info = e->u.fault.call;
            log_call(s, c, "fault", e->u.fault.status);
        }
        break;
    case MR_EVENT_SENT:
        if (s == &w->server)
            server_sent(w, e);
        else if (e->u.call.maybe && (c = side_find(s, e->u.call.id, false)))
            log_call(s, c, "maybe", 0);
        break;
    case MR_EVENT_ORPHANED:
        c = side_find(s, e->u.call.id, false);
        if (c && !(s == &w->server && c->answered))
            c->used = false;
        break;
    }
    if (s == &w->tap && e->auth.present && w->observer && s->seen[MR_EVENT_BIND] == 1 &&
        e->kind == MR_EVENT_BIND) {
        mr_buf none;
        mr_error err = MR_ERROR_INIT;
        mr_buf_init(&none, NULL, 0, 0);
        w->observer->class->step(w->observer, e->dir, e->auth.value, &none, NULL);
        side_fail(s, mr_assoc_set_security(&s->a, w->observer, e->auth.id, e->auth.level, &err),
                  &err);
    }
}

static inline void drain(world *w, side *s) {
    mr_event e;
    while (mr_assoc_pull_event(&s->a, &e))
        handle(w, s, &e);
}

/* Feeds a segment until all is read or reading is blocked; returns octets read. */
static inline size_t feed_side(world *w, side *s, enum mr_dir dir, mr_slice seg) {
    size_t at = 0;
    mr_error err = MR_ERROR_INIT;

    for (;;) {
        size_t used = 0;
        int rc = mr_assoc_feed(&s->a, dir, mr_slice_sub(seg, at, SIZE_MAX), w->now, &used, &err);
        at += used;
        side_fail(s, rc, &err);
        drain(w, s);
        if (rc != MR_ASSOC_DRAIN)
            return at;
    }
}

static inline bool pull_side(world *w, side *s, enum mr_dir dir) {
    mr_error err = MR_ERROR_INIT;
    mr_slice out;
    bool moved = false;

    for (;;) {
        int rc = mr_assoc_pull(&s->a, w->now, &out, &err);
        side_fail(s, rc, &err);
        drain(w, s);
        if (rc < 0 || out.len == 0)
            return moved;
        mr_buf_write(&w->queue[dir], out);
        w->lost |= mr_buf_error(&w->queue[dir]) != 0;
        moved = true;
    }
}

static inline bool deliver(world *w, enum mr_dir dir) {
    side *to = dir == MR_DIR_TO_SERVER ? &w->server : &w->client;
    mr_buf *q = &w->queue[dir];
    bool moved = false;

    while (w->queue_at[dir] < q->len) {
        size_t left = q->len - w->queue_at[dir];
        size_t n = w->step == RANDOM_SEGMENTS ? world_random(w) % 2000 + 1
                   : w->step ? w->step : left;
        n = n < left ? n : left;
        uint8_t *copy = test_malloc(n);
        memcpy(copy, q->data + w->queue_at[dir], n);
        size_t used = feed_side(w, to, dir, mr_slice_of(copy, n));
        test_free(copy);
        if (used > 0 && !w->no_tap) {
            copy = test_malloc(used);
            memcpy(copy, q->data + w->queue_at[dir], used);
            feed_side(w, &w->tap, dir, mr_slice_of(copy, used));
            test_free(copy);
        }
        if (w->record && used > 0) {
            mr_buf_write_u8(w->record, (uint8_t)dir);
            mr_buf_write_u32(w->record, (uint32_t)used);
            mr_buf_write(w->record, mr_slice_of(q->data + w->queue_at[dir], used));
        }
        w->queue_at[dir] += used;
        moved |= used > 0;
        if (used < n)
            break;
        w->now++;
    }
    if (w->queue_at[dir] == q->len) {
        mr_buf_reset(q);
        w->queue_at[dir] = 0;
    }
    return moved;
}

/* Lets everything flow until nothing moves. */
static inline void pump(world *w) {
    bool moved;
    do {
        moved = pull_side(w, &w->client, MR_DIR_TO_SERVER);
        moved |= pull_side(w, &w->server, MR_DIR_TO_CLIENT);
        moved |= deliver(w, MR_DIR_TO_SERVER);
        moved |= deliver(w, MR_DIR_TO_CLIENT);
    } while (moved);
}

static inline int world_bind(world *w) {
    mr_assoc_context c = {.id = 0, .abstract = echo_syntax, .transfer = &mr_syntax_ndr20,
                          .transfer_count = 1};
    mr_error err = MR_ERROR_INIT;
    int rc = mr_assoc_bind(&w->client.a, &c, 1, 0, &err);
    side_fail(&w->client, rc, &err);
    pump(w);
    return rc;
}

/* Starts a call in security context @auth; its stub must live until the call ends. */
static inline uint32_t world_call_in(world *w, uint32_t auth, uint16_t opnum, mr_slice stub) {
    mr_assoc_call call = {.opnum = opnum, .auth = auth};
    mr_error err = MR_ERROR_INIT;
    uint32_t id = 0;
    int rc = mr_assoc_request(&w->client.a, &call, stub, &id, &err);

    side_fail(&w->client, rc, &err);
    if (rc == 0) {
        side_call *c = side_find(&w->client, id, true);
        c->info.opnum = opnum;
        mr_event_chunk chunk = {.first = true, .last = true, .bytes = stub};
        keep_chunk(&w->client, &c->request, &chunk);
    }
    return id;
}

static inline uint32_t world_call(world *w, uint16_t opnum, mr_slice stub) {
    return world_call_in(w, 0, opnum, stub);
}

#define WORLD_AUTH 7 /* the security context of tests that have one */
static inline uint32_t secure_call(world *w, uint16_t opnum, mr_slice stub) {
    return world_call_in(w, WORLD_AUTH, opnum, stub);
}

/* Stubs of many sizes under the security context, several at a time, and a fault. */
static inline void secure_converse(world *w) {
    static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 240, 5000, 70000};

    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        secure_call(w, i % 2 ? 0 : 4, mr_slice_of(w->big_reply, sizes[i]));
        if (i % 3)
            pump(w);
    }
    pump(w);
    secure_call(w, 2, MR_SLICE_LIT("fault"));
    pump(w);
}

#define assert_sound(s)                                                                          \
    do {                                                                                         \
        if ((s)->rc)                                                                             \
            fail_msg("%s: %d %s (%zu)", (s)->name, (s)->rc, (s)->err.text, (s)->err.offset);     \
    } while (0)

#endif
