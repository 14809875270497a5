/*
 * Calls on a client's connection: encode, send, collect the reply, decode. Calls that the
 * association cannot take yet (no multiplexing, too many) wait in the client's list in order.
 */
#include "client_private.h"

#include <stdlib.h>

#define REQUEST_CAP ((size_t)64 << 20)
#define REPLY_ARENA_CAP ((size_t)256 << 20)

/* Memory of one released call that the next takes over: fresh pages would cost a call of a megabyte
 * a sixth of its processor time. What is not small goes when no call has come for a while. */
#define SPARE_MAX ((size_t)8 << 20)
#define SPARE_SMALL ((size_t)32 << 10)
#define SPARE_TIME MR_SEC

struct mr_client_kept {
    struct mr_client_kept *next;
    mr_call call;
};

static void init_memory(mr_call *call) {
    *call = (mr_call){0};
    mr_arena_init(&call->arena, REPLY_ARENA_CAP);
    mr_buf_init(&call->request, NULL, 0, REQUEST_CAP);
    mr_stub_init(&call->reply, REQUEST_CAP);
}

/* Makes it a call of that method; keeps the memory. */
static int set_method(mr_call *call, const mr_iface *iface, uint32_t opnum, void *args,
                      mr_error *err) {
    const mr_proc *proc = mr_iface_get_proc(iface, opnum);

    *call = (mr_call){.iface = iface, .proc = proc, .args = args, .arena = call->arena,
                      .request = call->request, .reply = call->reply};
    if (!proc || !proc->args)
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "%s has no compiled method %u", iface->name, opnum);
    return 0;
}

int mr_call_init(mr_call *call, const mr_iface *iface, uint32_t opnum, void *args,
                 mr_error *err) {
    init_memory(call);
    return set_method(call, iface, opnum, args, err);
}

static void unlink_call(mr_call *call) {
    mr_client *c = call->client;

    if (!c)
        return;
    if (call->prev)
        call->prev->next = call->next;
    else
        c->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        c->last_call = call->prev;
    call->next = call->prev = NULL;
    call->client = NULL;
    mr_client_set_stage(c);
}

static void send_waiting(mr_client *c);

/* Leaves a call that may be in flight to itself; those that waited for it go on. */
static void abandon(mr_call *call) {
    mr_client *c = call->client;

    if (c && call->in_flight && !c->ended)
        mr_assoc_orphan(&c->assoc, call->id, NULL);
    call->in_flight = false;
    unlink_call(call);
    if (c && !c->ended) {
        send_waiting(c);
        mr_client_flush(c);
    }
}

void mr_call_deinit(mr_call *call) {
    abandon(call);
    mr_buf_deinit(&call->request);
    mr_stub_deinit(&call->reply);
    mr_arena_deinit(&call->arena);
}

mr_call *mr_client_find_call(mr_client *c, uint32_t id) {
    for (mr_call *call = c->calls; call; call = call->next)
        if (call->in_flight && call->id == id)
            return call;
    return NULL;
}

/* Hands waiting calls to the association, as many as it takes. Runs no callback: a call that the
 * association refuses is told from the client's timer. */
static void send_waiting(mr_client *c) {
    for (mr_call *call = c->calls; call && !c->ended; call = call->next) {
        if (call->in_flight || call->failed || call->over)
            continue;
        const mr_assoc_call head = {
            .context = call->context,
            .opnum = call->proc->opnum,
            .object = call->object,
            .maybe = (call->proc->flags & MR_PROC_MAYBE) != 0,
            .auth = call->auth,
        };
        int r = mr_assoc_request(&c->assoc, &head, mr_buf_slice(&call->request), &call->id, NULL);
        if (r == MR_ERR_BUSY)
            break;
        if (r == 0 && call->verified) /* nothing of it is cut yet */
            mr_buf_set_u32(&call->request, call->verified, call->id);
        call->failed = r;
        call->in_flight = r == 0;
    }
}

bool mr_client_finish_call(mr_call *call, int result, const mr_error *err) {
    mr_client *c = call->client;
    struct mr_client_frame frame;

    call->in_flight = false;
    unlink_call(call);
    if (call->done) {
        mr_client_enter(c, &frame);
        call->done(call->user, call, result, err);
        if (!mr_client_leave(c, &frame))
            return false;
    }
    if (!c->ended)
        send_waiting(c);
    return true;
}

void mr_client_call_sent(mr_client *c, uint32_t id, mr_nsec now) {
    mr_call *call = mr_client_find_call(c, id);
    if (!call)
        return;
    call->sent = now;
    call->over = (call->proc->flags & MR_PROC_MAYBE) != 0;
}

bool mr_client_feed_call(mr_client *c, const mr_event *event) {
    const mr_event_chunk *chunk = &event->u.chunk;
    mr_call *call = mr_client_find_call(c, chunk->call.id);
    mr_error err = MR_ERROR_INIT;

    if (!call)
        return true;
    int r = mr_stub_feed(&call->reply, chunk);
    if (r == MR_STUB_COMPLETE || r == 0) {
        /* the octets of the event end with it, those of the reply must not */
        int kept = mr_stub_keep(&call->reply);
        r = kept ? kept : r;
    }
    mr_assoc_release(&c->assoc, chunk->call.id, chunk->bytes.len);
    if (r == 0)
        return true;
    if (r < 0) {
        if (r == MR_ERR_LIMIT)
            mr_fail(&err, r, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                    "the reply of %s is longer than %zu octets", call->proc->name,
                    c->options.stub_cap);
        else
            mr_fail(&err, r, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "the reply of %s: %s",
                    call->proc->name, mr_result_text(r));
        mr_assoc_orphan(&c->assoc, call->id, NULL);
        return mr_client_finish_call(call, r, &err);
    }
    call->answered = mr_clock_now();
    mr_client_take_verified(c, call);
    mr_ndr_format format = {call->format.syntax, event->big};
    r = mr_ndr_decode(call->proc, MR_NDR_RESPONSE, format, mr_stub_get(&call->reply), NULL,
                      &call->arena, call->args, &call->rest, &err);
    return mr_client_finish_call(call, r, &err);
}

static const mr_client_context *context_for(const mr_client *c, const mr_syntax *syntax) {
    for (size_t i = 0; i < c->context_count; i++) {
        const mr_client_context *context = &c->contexts[i];
        if (context->accepted && mr_uuid_eq(&context->abstract.uuid, &syntax->uuid) &&
            context->abstract.major == syntax->major)
            return context;
    }
    return NULL;
}

static void link_call(mr_call *call, mr_client *c) {
    call->client = c;
    call->prev = c->last_call;
    call->next = NULL;
    if (c->last_call)
        c->last_call->next = call;
    else
        c->calls = call;
    c->last_call = call;
}

int mr_call_start(mr_call *call, mr_client *c, mr_error *err) {
    const mr_client_context *context = context_for(c, &call->iface->syntax);

    if (c->ended && !call->client) {
        if (err)
            *err = c->report.error;
        return c->report.result;
    }
    if (!context || call->client || (call->auth && call->auth >= c->guard_count))
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       call->client ? "the call is in flight already"
                       : context      ? "the connection has no such security context for %s"
                                      : "the connection is not bound to %s", call->iface->name);
    mr_stub_reset(&call->reply);
    mr_buf_set_cap(&call->reply.buf, c->options.stub_cap);
    mr_arena_reset(&call->arena);
    mr_buf_reset(&call->request);
    call->context = context->syntax == MR_NDR64 ? (uint16_t)(context->id + 1) : context->id;
    call->format = (mr_ndr_format){.syntax = context->syntax};
    call->fault = 0;
    call->did_not_execute = false;
    call->rest = 0;
    call->over = false;
    call->in_flight = false;
    call->eerr = MR_SLICE_NULL;
    call->failed = 0;
    call->sent = call->answered = 0;
    int r = mr_ndr_encode(call->proc, MR_NDR_REQUEST, call->format, call->args, &call->request,
                          err);
    if (!r)
        r = mr_client_add_verification(c, call, err);
    if (r)
        return r;
    call->deadline = mr_clock_now() + (call->timeout ? call->timeout : c->options.timeout);
    link_call(call, c);
    mr_client_set_stage(c);
    send_waiting(c);
    mr_client_flush(c);
    return 0;
}

static void on_waited(void *user, mr_call *call, int result, const mr_error *err) {
    (void)call;
    mr_wait_end(user, result, err);
}

int mr_call_run(mr_call *call, mr_client *c, mr_error *err) {
    mr_wait wait = {.loop = c->loop, .err = err};

    call->done = on_waited;
    call->user = &wait;
    int r = mr_wait_run(&wait, mr_call_start(call, c, err));
    call->done = NULL;
    if (!wait.over)
        abandon(call); /* interrupted: @args may be gone when the reply comes */
    return r;
}

static void free_kept(struct mr_client_kept *kept) {
    mr_call_deinit(&kept->call);
    free(kept);
}

void mr_client_free_spare(void *user) {
    mr_client *c = user;

    mr_timer_set(&c->spare_timer, MR_NSEC_NEVER);
    if (c->spare)
        free_kept(c->spare);
    c->spare = NULL;
}

static struct mr_client_kept *take_kept(mr_client *c) {
    struct mr_client_kept *kept = c->spare;

    if (!kept) {
        kept = calloc(1, sizeof *kept);
        if (kept)
            init_memory(&kept->call);
    }
    c->spare = NULL;
    return kept;
}

int mr_client_call(mr_client *c, const mr_iface *iface, uint32_t opnum, void *args,
                   mr_error *err) {
    struct mr_client_kept *kept = take_kept(c);

    if (!kept)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    int r = set_method(&kept->call, iface, opnum, args, err);
    if (r) {
        free_kept(kept);
        return r;
    }
    kept->next = c->kept;
    c->kept = kept;
    return mr_call_run(&kept->call, c, err);
}

/* Keeps a call that is through for the next one, unless there is one or it has grown. */
static void give_kept(mr_client *c, struct mr_client_kept *kept) {
    mr_call *call = &kept->call;
    size_t octets = call->request.size + call->reply.buf.size + call->arena.used;

    if (c->spare || c->ended || call->client || octets > SPARE_MAX) {
        free_kept(kept);
        return;
    }
    mr_arena_reset(&call->arena);
    c->spare = kept;
    if (octets > SPARE_SMALL)
        mr_timer_set(&c->spare_timer, mr_clock_now() + SPARE_TIME);
}

void mr_client_release(mr_client *c) {
    struct mr_client_kept *kept = c->kept;

    c->kept = NULL;
    while (kept) {
        struct mr_client_kept *next = kept->next;
        give_kept(c, kept);
        kept = next;
    }
}
