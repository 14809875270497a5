/*
 * Calls on a server: a request is collected, decoded, given to its body and answered (MS-RPCE
 * 3.3.3.5, C706 12.6.4.9). A call lives until its reply is sent or, when nobody waits for it any
 * more, until its body has answered all the same.
 */
#include "server_private.h"

#include <msrpc/wire/verification.h>

#include <stdlib.h>

#define DREP_LITTLE 0x10 /* of the first octet of a data representation (C706 14.1) */
#define ARENA_CAP ((size_t)64 << 20) /* decoded parameters of one call and its body's results */

/* ---- life ---- */

static void link_slot(struct mr_server_slot **list, struct mr_server_slot *slot) {
    slot->prev = NULL;
    slot->next = *list;
    if (slot->next)
        slot->next->prev = slot;
    *list = slot;
}

static void unlink_slot(struct mr_server_slot **list, struct mr_server_slot *slot) {
    if (slot->prev)
        slot->prev->next = slot->next;
    else
        *list = slot->next;
    if (slot->next)
        slot->next->prev = slot->prev;
}

static struct mr_server_slot *find_slot(struct mr_server_conn *conn, uint32_t id) {
    for (struct mr_server_slot *slot = conn->calls; slot; slot = slot->next)
        if (slot->id == id)
            return slot;
    return NULL;
}

/* @large: its request is more than a fragment. */
static struct mr_server_slot *take_slot(mr_server *server, bool large) {
    struct mr_server_slot *slot = server->spare;

    if (large && server->large) {
        slot = server->large;
        server->large = NULL;
    } else if (slot) {
        unlink_slot(&server->spare, slot);
        server->spare_count--;
    }
    if (slot) { /* the limits may have changed */
        mr_buf_set_cap(&slot->stub.buf, server->options.stub_cap);
        mr_buf_set_cap(&slot->reply, server->options.reply_cap);
        return slot;
    }
    slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    mr_arena_init(&slot->arena, ARENA_CAP);
    mr_stub_init(&slot->stub, server->options.stub_cap);
    mr_buf_init(&slot->reply, NULL, 0, server->options.reply_cap);
    return slot;
}

static void free_slot(struct mr_server_slot *slot) {
    mr_arena_deinit(&slot->arena);
    mr_stub_deinit(&slot->stub);
    mr_buf_deinit(&slot->reply);
    free(slot);
}

void mr_server_call_free_large(void *user) {
    mr_server *server = user;

    mr_timer_set(&server->large_timer, MR_NSEC_NEVER);
    if (server->large)
        free_slot(server->large);
    server->large = NULL;
}

/* Keeps a call that is through for the next one: many that are small and, since fresh pages would
 * cost a request of a megabyte a sixth of its time, for a while one that has grown. */
static void give_slot(mr_server *server, struct mr_server_slot *slot) {
    size_t octets = slot->arena.used + slot->reply.size + slot->stub.buf.size;
    bool small = slot->arena.used <= MR_SERVER_SPARE_MAX &&
                 slot->reply.size <= MR_SERVER_SPARE_MAX &&
                 slot->stub.buf.size <= MR_SERVER_SPARE_MAX;

    if (small ? server->spare_count >= MR_SERVER_SPARE_CALLS
              : server->large || server->draining || octets > MR_SERVER_LARGE_MAX) {
        free_slot(slot);
        return;
    }
    struct mr_server_slot clean = {.arena = slot->arena, .stub = slot->stub, .reply = slot->reply};
    mr_arena_reset(&clean.arena);
    mr_stub_reset(&clean.stub);
    mr_buf_reset(&clean.reply);
    *slot = clean;
    if (small) {
        link_slot(&server->spare, slot);
        server->spare_count++;
    } else {
        server->large = slot;
        mr_timer_set(&server->large_timer, mr_clock_now() + MR_SERVER_LARGE_TIME);
    }
}

static void hold(struct mr_server_slot *slot, size_t octets) {
    slot->held += octets;
    slot->server->stats.held += octets;
    slot->conn->held += octets;
    slot->conn->client->held += octets;
    slot->group->held += octets;
}

/* The call is over: its memory goes. */
static void end_slot(struct mr_server_slot *slot) {
    mr_server *server = slot->server;

    mr_timer_deinit(&slot->limit);
    mr_server_work_end(slot);
    if (slot->lent)
        slot->call.served->memo->give(slot->lent);
    if (slot->conn) {
        slot->conn->held -= slot->held;
        slot->conn->client->held -= slot->held;
        unlink_slot(&slot->conn->calls, slot);
    } else if (server) {
        unlink_slot(&server->detached, slot);
    }
    if (server)
        slot->group->held -= slot->held;
    mr_server_group_unref(slot->group);
    mr_server_badge_unref(slot->badge);
    if (!server) {
        free_slot(slot);
        return;
    }
    server->stats.held -= slot->held;
    if (slot->phase != MR_SERVER_REPLYING && slot->phase != MR_SERVER_FAULTING)
        server->stats.calls_now--;
    give_slot(server, slot);
}

void mr_server_call_let_go(mr_server *server) {
    struct mr_server_mail *mail = server->mail;
    struct mr_server_slot *slot, *next;

    mr_lock_take(&mail->lock);
    mr_waker_free(mail->waker);
    mail->waker = NULL;
    for (slot = server->detached; slot; slot = slot->next) {
        mr_timer_deinit(&slot->limit);
        mr_server_work_end(slot);
        if (!slot->post.lies)
            mail->refs++;
    }
    /* once the lock is given, others end theirs by themselves; what lies in the mail ends here */
    for (slot = server->detached, server->detached = NULL; slot; slot = next) {
        next = slot->next;
        if (slot->post.lies)
            link_slot(&server->detached, slot);
        else
            slot->server = NULL;
    }
    mr_lock_give(&mail->lock);
    while ((slot = server->detached))
        end_slot(slot);
    mr_server_call_free_large(server);
    while ((slot = server->spare)) {
        unlink_slot(&server->spare, slot);
        free_slot(slot);
    }
}

/* ---- answers ---- */

/* @status is the fault's, 0 for a reply. */
static void count_answer(struct mr_server_slot *slot, uint32_t status) {
    const mr_server_options *o = &slot->server->options;
    mr_nsec now = mr_clock_now();

    mr_timer_deinit(&slot->limit);
    mr_server_work_end(slot);
    slot->server->stats.calls_now--;
    slot->server->stats.calls_out++;
    slot->conn->progress = now;
    if (!o->watcher || !o->watcher->answered)
        return;
    const mr_server_record record = {
        .served = slot->call.served,
        .opnum = slot->opnum,
        .status = status,
        .denied = slot->denied,
        .in = mr_stub_get(&slot->stub).len,
        .out = status ? 0 : slot->octets.len,
        .time = now - slot->began,
        .peer = &slot->conn->peer,
        .caller = &slot->call.caller,
    };
    o->watcher->answered(o->watcher_user, &record);
}

/* Writes the fault, now or when there is room for it. */
static void write_fault(struct mr_server_slot *slot) {
    int r = mr_assoc_fault(&slot->conn->assoc, slot->id, slot->status, slot->did_not_execute,
                           MR_SLICE_NULL, NULL);
    if (r != MR_ERR_BUSY)
        end_slot(slot);
}

static void fault_slot(struct mr_server_slot *slot, uint32_t status, bool did_not_execute) {
    count_answer(slot, status);
    slot->server->stats.faults++;
    slot->phase = MR_SERVER_FAULTING;
    slot->status = status;
    slot->did_not_execute = did_not_execute;
    write_fault(slot);
}

void mr_server_call_retry(struct mr_server_conn *conn) {
    struct mr_server_slot *next;

    for (struct mr_server_slot *slot = conn->calls; slot; slot = next) {
        next = slot->next;
        if (slot->phase == MR_SERVER_FAULTING)
            write_fault(slot);
    }
}

/* What a body's or the interpreter's negative result looks like to the client. */
static uint32_t fault_of(int result) {
    if (result == MR_ERR_NOT_FOUND)
        return MR_FAULT_OP_RNG_ERROR;
    if (result == MR_ERR_MEMORY || result == MR_ERR_LIMIT)
        return MR_FAULT_REMOTE_NO_MEMORY;
    return MR_FAULT_UNSPEC;
}

static void send_reply(struct mr_server_slot *slot) {
    count_answer(slot, 0);
    hold(slot, slot->octets.len);
    slot->conn->client->spent += slot->octets.len;
    slot->phase = MR_SERVER_REPLYING;
    if (mr_assoc_reply(&slot->conn->assoc, slot->id, slot->octets, false, NULL) < 0)
        end_slot(slot);
}

static void reply_slot(struct mr_server_slot *slot) {
    const mr_server_memo *memo = slot->call.served->memo;
    int r = slot->encoded
                ? 0
                : mr_ndr_encode(slot->call.proc, MR_NDR_RESPONSE,
                                (mr_ndr_format){.syntax = slot->call.format.syntax},
                                slot->call.args, &slot->reply, NULL);
    if (r) {
        fault_slot(slot, fault_of(r), false);
        return;
    }
    slot->octets = mr_buf_slice(&slot->reply);
    if (memo && slot->phase == MR_SERVER_RUNNING &&
        slot->call.caller.level < MR_AUTH_LEVEL_CONNECT)
        memo->add(slot->call.user, &slot->call, mr_stub_get(&slot->stub), slot->octets);
    send_reply(slot);
}

void mr_server_call_answer(struct mr_server_slot *slot, enum mr_server_answer answer,
                           uint32_t status) {
    struct mr_server_conn *conn = slot->conn;

    if (!conn) {
        end_slot(slot);
        return;
    }
    if (answer == MR_SERVER_REPLY)
        reply_slot(slot);
    else
        fault_slot(slot, status, false);
    mr_server_conn_flush(conn);
}

void mr_server_call_get_peer(const mr_server_call *call, mr_server_peer *peerp) {
    *peerp = (mr_server_peer){
        .protseq = call->local.family == MR_FAMILY_UNIX ? MR_PROTSEQ_NCALRPC
                                                        : MR_PROTSEQ_NCACN_IP_TCP,
        .addr = call->peer,
        .local = call->local,
        .cred = call->cred,
    };
}

/* ---- running ---- */

/* Nobody waits for the answer any more, and the body is not running. One that was given meanwhile
 * is in the mail: whoever gave it is through with the call. */
static void tell_gone(struct mr_server_slot *slot) {
    mr_lock_take(&slot->mail->lock);
    void (*gone)(void *user, mr_server_call *call) = slot->gone;
    void *user = slot->gone_user;
    bool answered = slot->post.answer != MR_SERVER_NO_ANSWER;
    slot->gone = NULL;
    mr_lock_give(&slot->mail->lock);
    if (!slot->conn && !answered) {
        slot->call.endpoint = NULL;
        slot->call.served = NULL;
    }
    if (gone && !answered)
        gone(user, &slot->call);
}

bool mr_server_call_returned(struct mr_server_slot *slot, int outcome) {
    bool later = outcome > 0 && slot->inside == MR_SERVER_NO_ANSWER;

    if (later) {
        slot->phase = MR_SERVER_WAITING;
        if (slot->deserted)
            tell_gone(slot);
    } else if (!slot->conn) {
        end_slot(slot);
    } else if (slot->inside == MR_SERVER_FAULT) {
        fault_slot(slot, slot->status, false);
    } else if (outcome < 0) {
        fault_slot(slot, fault_of(outcome), outcome == MR_ERR_NOT_FOUND);
    } else {
        reply_slot(slot);
    }
    return !later;
}

/* Whether a verification trailer in the last @rest octets of the stub, if there is one, says what
 * the connection says (MS-RPCE 3.3.3.4.2): else somebody changed what the client meant. */
static bool is_verified(const struct mr_server_slot *slot, size_t rest) {
    const mr_server_caller *caller = &slot->call.caller;
    mr_slice stub = mr_stub_get(&slot->stub);
    mr_event_context context;
    mr_verification v;
    bool found;

    if (caller->level < MR_AUTH_LEVEL_PACKET)
        return true;
    if (mr_verification_decode(stub, stub.len - rest, &found, &v, NULL) < 0)
        return false;
    if (v.has_bitmask && v.header_sign && !caller->header_sign)
        return false;
    if (v.has_context &&
        (!mr_assoc_find_context(&slot->conn->assoc, slot->context, &context) ||
         !mr_syntax_eq(&v.abstract, &context.abstract) ||
         !mr_syntax_eq(&v.transfer, &context.transfer)))
        return false;
    return !v.has_header || (v.ptype == MR_PTYPE_REQUEST && v.call_id == slot->id &&
                             v.context_id == slot->context && v.opnum == slot->opnum &&
                             !(v.drep[0] & DREP_LITTLE) == slot->call.format.big);
}

/* A method that is not there was not executed (PFC_DID_NOT_EXECUTE); what failed once its stub was
 * being read leaves that open, as Windows does. */
static void serve(struct mr_server_slot *slot) {
    mr_server_call *call = &slot->call;
    const mr_server_memo *memo = call->served->memo;
    int r;

    if (memo && call->caller.level < MR_AUTH_LEVEL_CONNECT &&
        memo->find(call->user, call, mr_stub_get(&slot->stub), &slot->octets, &slot->lent)) {
        send_reply(slot);
        return;
    }
    size_t rest = 0;
    call->args = mr_arena_get(&slot->arena, 1, call->proc->args->csize);
    r = call->args ? mr_ndr_decode(call->proc, MR_NDR_REQUEST, call->format,
                                   mr_stub_get(&slot->stub), NULL, &slot->arena, call->args, &rest,
                                   NULL)
                   : MR_ERR_MEMORY;
    if (!r && rest && !is_verified(slot, rest)) {
        fault_slot(slot, MR_FAULT_ACCESS_DENIED, true);
        return;
    }
    if (r) {
        fault_slot(slot, r == MR_ERR_MEMORY ? MR_FAULT_REMOTE_NO_MEMORY : MR_FAULT_NDR, false);
        return;
    }
    mr_server_work_add(slot);
}

static void describe(struct mr_server_slot *slot, struct mr_server_conn *conn,
                     const mr_event *event) {
    const mr_event_call *info = &event->u.chunk.call;

    slot->server = conn->server;
    slot->mail = conn->server->mail;
    slot->conn = conn;
    slot->group = conn->group;
    slot->id = info->id;
    slot->opnum = info->opnum;
    slot->context = info->context;
    slot->began = event->time;
    slot->phase = MR_SERVER_COLLECTING;
    slot->call = (mr_server_call){
        .arena = &slot->arena,
        .endpoint = conn->endpoint,
        .has_object = info->has_object,
        .object = info->object,
        .peer = conn->peer,
        .local = conn->local,
        .cred = conn->cred,
        .assoc_group = conn->group->id,
        .caller = {.mechanism = "", .anonymous = true, .user = "", .domain = "",
                   .principal = "", .realm = ""},
    };
    slot->badge = mr_server_badge_find(conn, &event->auth);
    if (slot->badge)
        slot->call.caller = slot->badge->caller;
    mr_server_group_ref(conn->group);
    link_slot(&conn->calls, slot);
    conn->server->stats.calls_in++;
    conn->server->stats.calls_now++;
}

/* Begins a call; NULL when it was refused with a fault. */
static struct mr_server_slot *begin(struct mr_server_conn *conn, const mr_event *event) {
    const mr_event_call *info = &event->u.chunk.call;
    mr_event_context context;
    const struct mr_server_offer *offer = NULL;
    struct mr_server_slot *slot = take_slot(conn->server, !event->u.chunk.last);

    if (!slot) {
        mr_assoc_fault(&conn->assoc, info->id, MR_FAULT_REMOTE_NO_MEMORY, true, MR_SLICE_NULL,
                       NULL);
        return NULL;
    }
    describe(slot, conn, event);
    if (conn->server->draining) {
        fault_slot(slot, MR_FAULT_SERVER_TOO_BUSY, true);
        return NULL;
    }
    if (mr_assoc_find_context(&conn->assoc, info->context, &context))
        offer = mr_server_find_offer(conn->endpoint, &context.abstract, false);
    if (!offer) {
        fault_slot(slot, MR_FAULT_UNK_IF, true);
        return NULL;
    }
    slot->call.served = &offer->served;
    if (!mr_server_may_call(conn, &slot->call.caller, offer)) {
        conn->server->stats.denied++;
        slot->denied = true;
        fault_slot(slot, MR_FAULT_ACCESS_DENIED, true);
        return NULL;
    }
    slot->row = info->opnum < offer->served.iface->proc_count ? offer->rows[info->opnum] : NULL;
    if (!slot->row) {
        fault_slot(slot, MR_FAULT_OP_RNG_ERROR, true);
        return NULL;
    }
    slot->call.user = offer->served.user;
    slot->call.proc = &offer->served.iface->procs[info->opnum];
    slot->call.format = (mr_ndr_format){
        .syntax = mr_syntax_eq(&context.transfer, &mr_syntax_ndr64) ? MR_NDR64 : MR_NDR20,
        .big = event->big,
    };
    return slot;
}

void mr_server_call_feed(struct mr_server_conn *conn, const mr_event *event) {
    const mr_event_chunk *chunk = &event->u.chunk;
    struct mr_server_slot *slot = chunk->first ? begin(conn, event)
                                               : find_slot(conn, chunk->call.id);

    if (!slot || slot->phase != MR_SERVER_COLLECTING)
        return;
    bool promised = !chunk->last && chunk->first &&
                    chunk->alloc_hint > slot->server->options.stub_cap;
    int r = promised ? MR_ERR_LIMIT : mr_stub_feed(&slot->stub, chunk);
    if (r >= 0) {
        /* the octets of the event end with it, those of the request must not */
        int kept = mr_stub_keep(&slot->stub);
        r = kept ? kept : r;
    }
    hold(slot, chunk->bytes.len);
    if (r == MR_ERR_LIMIT) {
        /* what MS-RPCE 3.3.3.5 allows is exceeded, or will be by the client's own word: nothing
         * more is heard from it */
        fault_slot(slot, MR_FAULT_ACCESS_DENIED, false);
        mr_server_conn_close(conn);
    } else if (r < 0) {
        fault_slot(slot, MR_FAULT_REMOTE_NO_MEMORY, true);
    } else if (slot->server->stats.held > slot->server->options.total ||
               slot->conn->client->held > slot->server->options.client_budget ||
               slot->group->held > slot->server->options.group_budget) {
        fault_slot(slot, MR_FAULT_SERVER_TOO_BUSY, true);
    } else if (r == MR_STUB_COMPLETE) {
        serve(slot);
    }
}

/* ---- the client's doings ---- */

void mr_server_call_sent(struct mr_server_conn *conn, uint32_t id) {
    struct mr_server_slot *slot = find_slot(conn, id);

    if (slot && slot->phase == MR_SERVER_REPLYING)
        end_slot(slot);
}

/* For the body to see; a hint, no more (C706 12.6.4.6). */
static void cancel(struct mr_server_slot *slot) {
    __atomic_store_n(&slot->cancelled, true, __ATOMIC_RELAXED);
}

void mr_server_call_cancel(struct mr_server_conn *conn, uint32_t id) {
    struct mr_server_slot *slot = find_slot(conn, id);

    if (slot)
        cancel(slot);
}

/* Nobody waits any more for a call whose body runs or is to answer later. */
static void desert(struct mr_server_slot *slot) {
    cancel(slot);
    if (slot->phase == MR_SERVER_WAITING)
        tell_gone(slot);
    else
        slot->deserted = true;
}

/* The connection forgets a call that has yet to be answered. */
static void detach(struct mr_server_slot *slot) {
    unlink_slot(&slot->conn->calls, slot);
    slot->conn->held -= slot->held;
    slot->conn->client->held -= slot->held;
    slot->conn = NULL;
    link_slot(&slot->server->detached, slot);
    desert(slot);
}

/* Whether its body runs or is to answer later; one that waits is taken from where it waits. */
static bool is_begun(struct mr_server_slot *slot) {
    return !mr_server_work_remove(slot) || slot->phase == MR_SERVER_WAITING;
}

void mr_server_call_orphaned(struct mr_server_conn *conn, uint32_t id) {
    struct mr_server_slot *slot = find_slot(conn, id);

    if (!slot || slot->phase == MR_SERVER_FAULTING || slot->phase == MR_SERVER_REPLYING)
        return;
    if (is_begun(slot))
        desert(slot);
    else
        fault_slot(slot, MR_FAULT_UNSPEC, true);
}

void mr_server_call_detach_all(struct mr_server_conn *conn) {
    while (conn->calls) {
        struct mr_server_slot *slot = conn->calls;
        if (is_begun(slot))
            detach(slot);
        else
            end_slot(slot);
    }
}

/* The fault goes out as a call of its own: this one is not over. */
static void fault_instead(struct mr_server_slot *slot, uint32_t status) {
    struct mr_server_conn *conn = slot->conn;
    struct mr_server_slot *word = take_slot(slot->server, false);

    if (!word) {
        mr_server_conn_close(conn);
        return;
    }
    word->server = slot->server;
    word->mail = slot->mail;
    word->conn = conn;
    word->group = slot->group;
    word->id = slot->id;
    word->opnum = slot->opnum;
    word->began = slot->began;
    word->call.served = slot->call.served;
    word->call.caller = slot->call.caller;
    word->badge = slot->badge;
    mr_server_badge_ref(word->badge);
    mr_server_group_ref(word->group);
    word->server->stats.calls_now++;
    detach(slot);
    link_slot(&conn->calls, word);
    fault_slot(word, status, false);
}

void mr_server_call_expire(struct mr_server_slot *slot) {
    struct mr_server_conn *conn = slot->conn;

    if (is_begun(slot))
        fault_instead(slot, MR_FAULT_CANCEL);
    else
        fault_slot(slot, MR_FAULT_SERVER_TOO_BUSY, true);
    mr_server_conn_flush(conn);
}
