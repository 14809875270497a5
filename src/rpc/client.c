/*
 * The client's connection: glues one stream to one association (MS-RPCE 3.3.2.4). Octets that come
 * are fed, events drained, octets that the association yields sent. Everything that may run a
 * callback goes through a frame, which knows whether the callback freed the client.
 */
#include "client_private.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_DEFAULT (3 * MR_SEC)
#define STUB_CAP_DEFAULT ((size_t)64 << 20)
#define QUEUED_MAX ((size_t)1 << 20) /* octets that wait for the system to take them */

/* ---- frames: is the client still there after a callback? ---- */

void mr_client_enter(mr_client *c, struct mr_client_frame *frame) {
    *frame = (struct mr_client_frame){.outer = c->frame};
    c->frame = frame;
}

/* Leaves the frame; false when the client is gone. */
bool mr_client_leave(mr_client *c, struct mr_client_frame *frame) {
    if (frame->gone) {
        if (frame->outer)
            frame->outer->gone = true;
        return false;
    }
    c->frame = frame->outer;
    return true;
}

/* ---- life ---- */

static const mr_stream_events stream_events;
static void on_timer(void *user);

int mr_client_new(mr_loop *loop, const mr_client_options *options, mr_client **clientp,
                  mr_error *err) {
    mr_client *c = calloc(1, sizeof *c);
    if (!c)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    c->loop = loop;
    c->options = *options;
    if (!c->options.timeout)
        c->options.timeout = TIMEOUT_DEFAULT;
    if (!c->options.stub_cap)
        c->options.stub_cap = STUB_CAP_DEFAULT;
    c->report.error = MR_ERROR_INIT;
    mr_timer_init(&c->timer, loop, on_timer, c);
    mr_timer_init(&c->spare_timer, loop, mr_client_free_spare, c);
    c->bind_deadline = MR_NSEC_NEVER;

    bool windows = c->options.bind == MR_BIND_WINDOWS;
    const mr_assoc_config config = {
        .role = MR_ROLE_CLIENT,
        .max_xmit = c->options.frag,
        .max_recv = c->options.frag,
        .max_events = 64,
        .no_header_sign = c->options.security.no_header_sign,
        .features = windows ? MR_FEATURE_SECURITY_MULTIPLEXING | MR_FEATURE_KEEP_ON_ORPHAN : 0,
    };
    int r = mr_assoc_init(&c->assoc, &config, err);
    if (!r)
        r = mr_stream_init(&c->stream, loop, options->connect.path ? "ncalrpc" : "ncacn_ip_tcp",
                           &stream_events, c, err);
    if (r) {
        mr_client_free(c);
        return r;
    }
    *clientp = c;
    return 0;
}

void mr_client_free(mr_client *c) {
    if (!c)
        return;
    if (c->frame)
        c->frame->gone = true;
    c->ended = true; /* nothing is sent any more */
    while (c->calls)
        mr_call_deinit(c->calls);
    mr_client_release(c);
    mr_client_free_spare(c);
    mr_timer_deinit(&c->spare_timer);
    mr_timer_deinit(&c->timer);
    mr_stream_deinit(&c->stream);
    mr_assoc_deinit(&c->assoc);
    mr_client_free_guards(c);
    free(c->contexts);
    free(c);
}

/* ---- the end of things ---- */

static void take_tcp_info(mr_client *c) {
    mr_tcp_info info;
    if (mr_stream_get_tcp_info(&c->stream, &info) == 0) {
        c->report.tcp = info;
        c->report.has_tcp = true;
        c->report.all_acked = mr_tcp_info_all_acked(&info);
    }
    mr_stream_get_attempt(&c->stream, &c->report.attempt);
}

void mr_client_set_stage(mr_client *c) {
    if (c->ended || c->report.stage < MR_STAGE_BIND)
        return;
    c->report.stage = c->starting ? MR_STAGE_BIND : c->calls ? MR_STAGE_CALL : MR_STAGE_READY;
}

/* Tells the outcome of start or add_contexts. */
static bool finish_start(mr_client *c, int result, const mr_error *err) {
    struct mr_client_frame frame;
    mr_client_done done = c->start_done;

    c->bind_deadline = MR_NSEC_NEVER;
    c->starting = false;
    c->start_done = NULL;
    mr_client_set_stage(c);
    if (!done)
        return true;
    mr_client_enter(c, &frame);
    done(c->start_user, c, result, err);
    return mr_client_leave(c, &frame);
}

/* Ends the connection and everything that waits for it; false when the client is gone. */
static bool end_with(mr_client *c, int result, const mr_error *err) {
    mr_error copy = *err;

    if (c->ended)
        return true;
    c->ended = true;
    take_tcp_info(c);
    c->report.result = result;
    c->report.error = copy;
    mr_client_judge_auth(c, result, &copy);
    mr_stream_close(&c->stream);
    mr_timer_set(&c->timer, MR_NSEC_NEVER);
    mr_client_free_spare(c);
    if (c->starting && !finish_start(c, result, &copy))
        return false;
    while (c->calls)
        if (!mr_client_finish_call(c->calls, result, &copy))
            return false;
    if (!c->options.closed)
        return true;
    struct mr_client_frame frame;
    mr_client_enter(c, &frame);
    c->options.closed(c->options.closed_user, c, result, &copy);
    return mr_client_leave(c, &frame);
}

static bool fail(mr_client *c, int code, const char *text) {
    mr_error err = MR_ERROR_INIT;
    mr_fail(&err, code, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s", text);
    return end_with(c, code, &err);
}

/* ---- events of the association ---- */

static mr_client_context *context_of_id(mr_client *c, uint16_t id) {
    size_t at = id / (c->ndr64_offered ? 2 : 1);
    return at < c->context_count ? &c->contexts[at] : NULL;
}

static void take_answer(mr_client *c, const mr_event_context *answer) {
    mr_client_context *context = answer->features ? NULL : context_of_id(c, answer->id);
    if (!context || c->guarding)
        return;
    bool second = answer->id != context->id; /* the NDR64 offer of the same interface */
    bool accepted = answer->result == MR_CONTEXT_ACCEPT;

    if (second) {
        if (accepted && (c->options.ndr64 || !context->accepted)) {
            context->accepted = true;
            context->syntax = MR_NDR64;
            context->result = answer->result;
            context->reason = 0;
        }
        return;
    }
    context->answered = true;
    context->accepted = accepted;
    context->result = answer->result;
    context->reason = answer->reason;
    context->syntax = MR_NDR20;
}

static void take_bind_ack(mr_client *c, const mr_event_bind *bind) {
    c->report.max_xmit = bind->max_xmit;
    c->report.max_recv = bind->max_recv;
    c->report.assoc_group = bind->assoc_group;
    c->report.features = bind->features;
    size_t len = bind->sec_addr.len < sizeof c->report.sec_addr - 1 ? bind->sec_addr.len
                                                                    : sizeof c->report.sec_addr - 1;
    if (len)
        memcpy(c->report.sec_addr, bind->sec_addr.data, len);
    c->report.sec_addr[len] = '\0';
}

/* Tells the outcome of a bind or alter_context by what became of the interfaces asked for. */
static bool conclude(mr_client *c) {
    mr_error err = MR_ERROR_INIT;
    const mr_client_context *rejected = NULL;
    size_t accepted = 0;

    if (c->guarding) {
        c->guarding = false;
        return finish_start(c, 0, &err);
    }
    for (size_t i = c->asked_from; i < c->context_count; i++) {
        if (c->contexts[i].accepted)
            accepted++;
        else if (!rejected)
            rejected = &c->contexts[i];
    }
    c->accepted += accepted;
    if (accepted)
        return finish_start(c, 0, &err);
    uint32_t why = rejected ? (uint32_t)rejected->result << 16 | rejected->reason : 0;
    const mr_code_info *reason = mr_code_find(MR_SPACE_CONTEXT_REASON, why & 0xffff);
    mr_fail_peer(&err, MR_ERR_CONTEXT_REJECTED, MR_FLOOR_RPC, MR_PEER_CONTEXT, why,
                 "the server rejected the interface: reason %u %s", why & 0xffff,
                 reason ? mr_code_symbol(reason) : "");
    return finish_start(c, MR_ERR_CONTEXT_REJECTED, &err);
}

/* Where nothing is bound, an answer that accepts nothing is followed by no READY. */
static bool on_bind_ack(mr_client *c, const mr_event *event) {
    const mr_event_bind *bind = &event->u.bind;
    bool any = false;

    for (uint16_t i = 0; i < bind->count; i++) {
        take_answer(c, &bind->contexts[i]);
        any |= bind->contexts[i].result == MR_CONTEXT_ACCEPT;
    }
    if (event->kind == MR_EVENT_BIND_ACK)
        take_bind_ack(c, bind);
    if (!c->report.bound)
        c->report.bound = mr_clock_now();
    return any || c->accepted || !c->starting ? true : conclude(c);
}

static bool on_nak(mr_client *c, const mr_event_nak *nak) {
    mr_error err = MR_ERROR_INIT;

    c->report.has_nak = true;
    c->report.nak_reason = nak->reason;
    mr_fail_peer(&err, MR_ERR_BIND_REJECTED, MR_FLOOR_RPC, MR_PEER_BIND_NAK, nak->reason,
                 "the server rejected the bind (reason %u)", nak->reason);
    return end_with(c, MR_ERR_BIND_REJECTED, &err);
}

static bool on_foreign(mr_client *c, const mr_event_foreign *foreign) {
    mr_error err = MR_ERROR_INIT;

    c->report.has_foreign = true;
    c->report.foreign = *foreign;
    mr_fail(&err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, 0, "this is not DCE/RPC: %s answers",
            mr_foreign_name(foreign->guess));
    return end_with(c, MR_ERR_PROTOCOL, &err);
}

/* A fault that belongs to no call answers an alter_context. */
static bool on_fault(mr_client *c, const mr_event *event) {
    const mr_event_fault *fault = &event->u.fault;
    mr_call *call = mr_client_find_call(c, fault->call.id);
    mr_error err = MR_ERROR_INIT;

    mr_fail_peer(&err, MR_ERR_FAULT, MR_FLOOR_RPC, MR_PEER_FAULT, fault->status,
                 "the server answered with fault 0x%08x", fault->status);
    if (call) {
        call->fault = fault->status;
        call->did_not_execute = fault->did_not_execute;
        call->in_flight = false;
        call->answered = mr_clock_now();
        const char *eerr = fault->eerr.len ? mr_arena_add_str(&call->arena, fault->eerr) : NULL;
        call->eerr = mr_slice_of(eerr, eerr ? fault->eerr.len : 0);
        mr_client_take_auth_fault(c, fault->status);
        return mr_client_finish_call(call, MR_ERR_FAULT, &err);
    }
    mr_client_take_auth_fault(c, fault->status); /* to a leg of the negotiation */
    return c->starting ? finish_start(c, MR_ERR_FAULT, &err) : true;
}

static void take_ready(mr_client *c, const mr_event_auth *auth) {
    mr_assoc_info info;

    if (!auth->present || auth->id != 0)
        return;
    mr_assoc_get_info(&c->assoc, &info);
    c->report.auth.complete = true;
    c->report.auth.header_sign = info.header_sign;
}

static bool on_event(mr_client *c, const mr_event *event) {
    switch (event->kind) {
    case MR_EVENT_BIND_ACK:
    case MR_EVENT_ALTER_RESP:
        return on_bind_ack(c, event);
    case MR_EVENT_READY:
        take_ready(c, &event->u.ready);
        return c->starting ? conclude(c) : true;
    case MR_EVENT_BIND_NAK:
        return on_nak(c, &event->u.nak);
    case MR_EVENT_RESPONSE:
        return mr_client_feed_call(c, event);
    case MR_EVENT_FAULT:
        return on_fault(c, event);
    case MR_EVENT_SENT:
        mr_client_call_sent(c, event->u.call.id, mr_clock_now());
        return true;
    case MR_EVENT_SHUTDOWN:
        return fail(c, MR_ERR_CLOSED, "the server asked for the connection to be closed");
    case MR_EVENT_FOREIGN:
        return on_foreign(c, &event->u.foreign);
    case MR_EVENT_ERROR:
        return end_with(c, event->u.error->code, event->u.error);
    case MR_EVENT_BIND:
    case MR_EVENT_ALTER:
    case MR_EVENT_AUTH3:
    case MR_EVENT_AUTH_PENDING:
    case MR_EVENT_REQUEST:
    case MR_EVENT_CANCEL:
    case MR_EVENT_ORPHANED:
    case MR_EVENT_OTHER:
    case MR_EVENT_GAP:
    case MR_EVENT_RESYNC:
    case MR_EVENT_TIMEOUT:
        return true;
    }
    return true;
}

/* False when the client is gone. */
static bool drain(mr_client *c) {
    mr_event event;

    c->draining = true;
    while (!c->ended && mr_assoc_pull_event(&c->assoc, &event))
        if (!on_event(c, &event))
            return false;
    c->draining = false;
    return true;
}

static void set_timer(mr_client *c) {
    mr_nsec due = c->ended ? MR_NSEC_NEVER : c->broken ? 0 : c->bind_deadline;

    for (const mr_call *call = c->ended ? NULL : c->calls; call; call = call->next)
        if (call->failed || call->over || call->deadline < due)
            due = call->failed || call->over ? 0 : call->deadline;
    mr_timer_set(&c->timer, due);
}

/* Sends what the association yields, as long as the system takes it. Never runs a callback: what
 * goes wrong here is told from the timer, so that no start reports its outcome before it returned.
 * Inside drain the events are drain's: what has no room for its SENT goes out after it. */
void mr_client_flush(mr_client *c) {
    mr_slice out;
    mr_event event;

    while (!c->ended && !c->broken && c->stream.state == MR_STREAM_OPEN &&
           mr_stream_get_queued(&c->stream) < QUEUED_MAX) {
        mr_error err = MR_ERROR_INIT;
        /* before the send: the answer may be there when it returns */
        mr_nsec now = mr_clock_now();
        int r = mr_assoc_pull(&c->assoc, now, &out, &err);
        if (!r && out.len == 0)
            break;
        if (!r) {
            c->report.sent += out.len;
            r = mr_stream_send(&c->stream, out, &err);
        }
        while (!c->draining && mr_assoc_pull_event(&c->assoc, &event))
            if (event.kind == MR_EVENT_SENT)
                mr_client_call_sent(c, event.u.call.id, now);
        if (r) {
            c->broken = r;
            c->report.error = err;
        }
    }
    set_timer(c);
}

/* ---- time ---- */

static bool expire_calls(mr_client *c, mr_nsec now) {
    mr_error err = MR_ERROR_INIT;

    for (mr_call *call = c->calls, *next; call; call = next) {
        next = call->next;
        if (call->over) {
            if (!mr_client_finish_call(call, 0, &err))
                return false;
            next = c->calls;
            continue;
        }
        if (call->failed) {
            mr_fail(&err, call->failed, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s cannot be sent: %s",
                    call->proc->name, mr_result_text(call->failed));
            if (!mr_client_finish_call(call, call->failed, &err))
                return false;
            next = c->calls;
            continue;
        }
        if (call->deadline > now)
            continue;
        take_tcp_info(c);
        c->report.result = MR_ERR_TIMEOUT;
        mr_fail(&err, MR_ERR_TIMEOUT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                "no reply to the call came in time%s",
                c->report.has_tcp && !c->report.all_acked ? "; it was never acknowledged" : "");
        c->report.error = err;
        if (call->in_flight)
            mr_assoc_orphan(&c->assoc, call->id, NULL);
        if (!mr_client_finish_call(call, MR_ERR_TIMEOUT, &err))
            return false;
        next = c->calls; /* callbacks may have changed the list */
    }
    return true;
}

/* No more will come before an answer to the first bind: the few octets that did come may show
 * another protocol. True when they did, and the connection has ended with that. */
static bool was_foreign(mr_client *c) {
    mr_event event;

    if (c->report.bound || c->report.stage != MR_STAGE_BIND)
        return false;
    mr_assoc_feed_end(&c->assoc, MR_DIR_TO_CLIENT, mr_clock_now(), NULL);
    while (mr_assoc_pull_event(&c->assoc, &event)) {
        if (event.kind == MR_EVENT_FOREIGN) {
            on_foreign(c, &event.u.foreign);
            return true;
        }
    }
    return false;
}

static void on_timer(void *user) {
    mr_client *c = user;
    mr_nsec now = mr_clock_now();

    if (c->broken) {
        end_with(c, c->broken, &c->report.error);
        return;
    }
    if (c->bind_deadline <= now) {
        if (was_foreign(c))
            return;
        take_tcp_info(c);
        mr_error late = MR_ERROR_INIT;
        if (mr_client_waits_for_worker(c, &late)) {
            end_with(c, late.code, &late);
            return;
        }
        fail(c, MR_ERR_TIMEOUT,
             c->report.has_tcp && !c->report.all_acked
                 ? "no answer to the bind came in time; it was never acknowledged"
                 : "no answer to the bind came in time");
        return;
    }
    if (expire_calls(c, now))
        mr_client_flush(c);
}

/* ---- events of the stream ---- */

static void on_opened(void *user, int result, const mr_error *err) {
    mr_client *c = user;

    mr_stream_get_attempt(&c->stream, &c->report.attempt);
    if (result) {
        end_with(c, result, err);
        return;
    }
    c->report.connected = mr_clock_now();
    c->report.stage = MR_STAGE_BIND;
    c->bind_deadline = c->report.connected + c->options.timeout;
    mr_client_flush(c);
}

static void on_received(void *user, mr_slice bytes) {
    mr_client *c = user;
    bool stuck = false;

    c->report.received += bytes.len;
    while (bytes.len && !c->ended) {
        mr_error err = MR_ERROR_INIT;
        size_t used = 0;
        int r = mr_assoc_feed(&c->assoc, MR_DIR_TO_CLIENT, bytes, mr_clock_now(), &used, &err);
        bytes = mr_slice_sub(bytes, used, bytes.len);
        if (!drain(c))
            return;
        mr_client_flush(c);
        if (r < 0) {
            end_with(c, r, &err);
            return;
        }
        /* everything that came is collected or dropped at once, so being blocked twice without
         * progress means a reply beyond every limit */
        if (r == MR_ASSOC_BLOCKED && used == 0 && stuck) {
            fail(c, MR_ERR_LIMIT, "the server sends more than a reply may hold");
            return;
        }
        stuck = r == MR_ASSOC_BLOCKED && used == 0;
    }
}

static void on_drained(void *user) {
    mr_client_flush(user);
}

static void on_closed(void *user, int result, const mr_error *err) {
    mr_client *c = user;

    if (was_foreign(c))
        return;
    if (result) {
        end_with(c, result, err);
        return;
    }
    switch (c->report.stage) {
    case MR_STAGE_BIND:
        fail(c, MR_ERR_CLOSED, "the server closed the connection instead of answering the bind");
        return;
    case MR_STAGE_CALL:
        fail(c, MR_ERR_CLOSED, "the server closed the connection before it replied");
        return;
    case MR_STAGE_IDLE:
    case MR_STAGE_CONNECT:
    case MR_STAGE_READY:
    case MR_STAGE_CLOSED:
        fail(c, MR_ERR_CLOSED, "the server closed the connection");
        return;
    }
}

static const mr_stream_events stream_events = {
    .opened = on_opened,
    .received = on_received,
    .drained = on_drained,
    .closed = on_closed,
};

/* ---- asking for interfaces ---- */

static int add_contexts(mr_client *c, const mr_syntax *syntaxes, size_t count, mr_error *err) {
    size_t step = c->ndr64_offered ? 2 : 1;

    if (count == 0 || (c->accepted + count) * step > MR_ASSOC_CONTEXT_MAX ||
        (c->context_count + count) * step > UINT16_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "one connection carries at most %zu interfaces",
                       MR_ASSOC_CONTEXT_MAX / step);
    mr_client_context *grown =
        realloc(c->contexts, (c->context_count + count) * sizeof *c->contexts);
    if (!grown)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    c->contexts = grown;
    c->asked_from = c->context_count;
    for (size_t i = 0; i < count; i++) {
        size_t at = c->context_count++;
        c->contexts[at] =
            (mr_client_context){.abstract = syntaxes[i], .id = (uint16_t)(at * step)};
    }
    return 0;
}

static int ask(mr_client *c, mr_error *err) {
    mr_assoc_context asked[MR_ASSOC_CONTEXT_MAX];
    size_t n = 0;

    for (size_t i = c->asked_from; i < c->context_count; i++) {
        const mr_client_context *context = &c->contexts[i];
        asked[n++] = (mr_assoc_context){context->id, context->abstract, &mr_syntax_ndr20, 1};
        if (c->ndr64_offered)
            asked[n++] = (mr_assoc_context){(uint16_t)(context->id + 1), context->abstract,
                                            &mr_syntax_ndr64, 1};
    }
    int r = mr_assoc_bind(&c->assoc, asked, n, c->options.assoc_group, err);
    if (r)
        c->context_count = c->asked_from;
    return r;
}

int mr_client_start_many(mr_client *c, const mr_syntax *syntaxes, size_t count,
                         mr_client_done done, void *user, mr_error *err) {
    if (c->report.stage != MR_STAGE_IDLE)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "the client is started already");
    c->ndr64_offered = c->options.bind == MR_BIND_WINDOWS;
    int r = c->guard_count ? 0 : mr_client_add_guard(c, &c->options.security, err);
    if (!r)
        r = add_contexts(c, syntaxes, count, err);
    if (!r)
        r = ask(c, err);
    if (!r)
        r = mr_stream_connect(&c->stream, &c->options.connect, err);
    if (r)
        return r;
    c->report.started = mr_clock_now();
    c->report.stage = MR_STAGE_CONNECT;
    c->starting = true;
    c->start_done = done;
    c->start_user = user;
    return 0;
}

int mr_client_start(mr_client *c, const mr_syntax *syntax, mr_client_done done, void *user,
                    mr_error *err) {
    return mr_client_start_many(c, syntax, 1, done, user, err);
}

int mr_client_add_contexts(mr_client *c, const mr_syntax *syntaxes, size_t count,
                           mr_client_done done, void *user, mr_error *err) {
    if (c->ended || c->starting || !c->report.bound)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "the client is not bound, or a bind is unanswered");
    int r = add_contexts(c, syntaxes, count, err);
    if (!r)
        r = ask(c, err);
    if (r)
        return r;
    c->starting = true;
    c->start_done = done;
    c->start_user = user;
    mr_client_set_stage(c);
    c->bind_deadline = mr_clock_now() + c->options.timeout;
    mr_client_flush(c);
    return 0;
}

/* ---- security ---- */

int mr_client_add_security(mr_client *c, const mr_client_security *security, mr_client_done done,
                           void *user, uint32_t *authp, mr_error *err) {
    uint32_t id = c->guard_count;
    mr_event_context first;

    if (c->ended || c->starting || !c->report.bound || !c->report.auth.complete ||
        !(c->report.features & MR_FEATURE_SECURITY_MULTIPLEXING))
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "the connection takes no further security context now");
    size_t at = 0;
    while (at < c->context_count && !c->contexts[at].accepted)
        at++;
    if (at == c->context_count)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "the connection is bound to no interface");
    const mr_client_context *context = &c->contexts[at];
    mr_assoc_find_context(&c->assoc,
                          (uint16_t)(context->id + (context->syntax == MR_NDR64 ? 1 : 0)), &first);
    int r = mr_client_add_guard(c, security, err);
    if (r)
        return r;
    const mr_assoc_context again = {first.id, first.abstract, &first.transfer, 1};
    c->guarding = true;
    r = mr_assoc_bind(&c->assoc, &again, 1, 0, err);
    if (r) {
        c->guarding = false;
        return r;
    }
    c->starting = true;
    c->start_done = done;
    c->start_user = user;
    *authp = id;
    mr_client_set_stage(c);
    c->bind_deadline = mr_clock_now() + c->options.timeout;
    mr_client_flush(c);
    return 0;
}

void mr_client_resume(mr_client *c) {
    mr_error err = MR_ERROR_INIT;

    if (c->ended)
        return;
    int r = mr_assoc_resume(&c->assoc, mr_clock_now(), &err);
    if (!drain(c))
        return;
    if (r < 0 && r != MR_ERR_STATE)
        end_with(c, r, &err);
    else
        mr_client_flush(c);
}

/* ---- waiting ---- */

void mr_wait_end(mr_wait *wait, int result, const mr_error *err) {
    wait->over = true;
    wait->result = result;
    if (result && wait->err)
        *wait->err = *err;
    mr_loop_stop(wait->loop);
}

int mr_wait_run(mr_wait *wait, int started) {
    if (started)
        return started;
    while (!wait->over) {
        int r = mr_loop_run(wait->loop, MR_NSEC_NEVER);
        if (r < 0 || (r == MR_LOOP_IDLE && !wait->over))
            return mr_fail(wait->err, r < 0 ? r : MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                           "the event loop has nothing to wait for");
        if (r == MR_LOOP_INTERRUPTED || (r == MR_LOOP_DEADLINE && !wait->over))
            return mr_fail(wait->err, MR_ERR_CANCELLED, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s",
                           r == MR_LOOP_DEADLINE ? "the deadline of the run has passed"
                                                 : "interrupted");
    }
    return wait->result;
}

static void on_waited(void *user, mr_client *client, int result, const mr_error *err) {
    (void)client;
    mr_wait_end(user, result, err);
}

int mr_client_open(mr_client *c, const mr_syntax *syntax, mr_error *err) {
    mr_wait wait = {.loop = c->loop, .err = err};
    int r = mr_wait_run(&wait, mr_client_start(c, syntax, on_waited, &wait, err));

    if (r && !wait.over && c->start_user == &wait)
        c->start_done = NULL; /* interrupted: nobody is there to be told */
    return r;
}

/* ---- looking ---- */

const mr_client_context *mr_client_get_context(const mr_client *c, size_t index) {
    return index < c->context_count ? &c->contexts[index] : NULL;
}

const mr_client_report *mr_client_get_report(mr_client *c) {
    if (!c->ended && c->report.connected)
        take_tcp_info(c);
    return &c->report;
}
