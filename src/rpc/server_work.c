/*
 * Who runs the bodies, and when (C706 6.1.6: calls with one context handle are serialised unless
 * an interface says otherwise). The loop's thread does all of the protocol; bodies of interfaces
 * that are marked run in workers. A call that is decoded waits for its context handles, first come
 * first served; then, if workers run it, in its connection's queue. Clients take turns at being
 * handed out, and the connections of one among themselves, so that none keeps the others waiting.
 * What other threads have to say lies in the mail, which the loop reads when it is woken.
 */
#include "server_private.h"

#include <stdlib.h>

#define HANDED_PER_WORKER 2 /* one at work, one at hand */

/* ---- the mail ---- */

static void on_mail(void *user);

int mr_server_work_init(mr_server *server, mr_error *err) {
    struct mr_server_mail *mail = calloc(1, sizeof *mail);

    TAILQ_INIT(&server->ready);
    TAILQ_INIT(&server->ring);
    if (!mail)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    mr_lock_init(&mail->lock);
    TAILQ_INIT(&mail->slots);
    mail->refs = 1;
    mail->loop = server->loop;
    server->mail = mail;
    int r = mr_waker_new(server->loop, on_mail, server, &mail->waker, err);
    if (!r && server->options.threads)
        r = mr_workers_new(server->options.threads, &server->workers, err);
    return r;
}

/* Not under its lock. */
void mr_server_mail_unref(struct mr_server_mail *mail) {
    mr_lock_take(&mail->lock);
    unsigned left = --mail->refs;
    mr_lock_give(&mail->lock);
    if (left)
        return;
    mr_lock_deinit(&mail->lock);
    free(mail);
}

/* Under the lock, with the server alive. */
static void post(struct mr_server_slot *slot) {
    struct mr_server_mail *mail = slot->mail;

    if (slot->post.lies)
        return;
    slot->post.lies = true;
    TAILQ_INSERT_TAIL(&mail->slots, slot, in_mail);
    mr_waker_wake(mail->waker);
}

/* An answer from outside the body: in the loop's thread it is given at once, unless the body has
 * not returned yet; from others it is left for the loop. */
static void answer(struct mr_server_slot *slot, enum mr_server_answer what, uint32_t status) {
    struct mr_server_mail *mail = slot->mail;

    mr_lock_take(&mail->lock);
    bool over = !mail->waker;
    bool now = over || (mr_loop_is_here(mail->loop) && slot->phase != MR_SERVER_RUNNING);
    if (!now) {
        slot->post.answer = what;
        slot->post.status = status;
        post(slot);
    }
    mr_lock_give(&mail->lock);
    if (now)
        mr_server_call_answer(slot, what, status);
    if (over)
        mr_server_mail_unref(mail);
}

static bool is_inside(struct mr_server_slot *slot) {
    return __atomic_load_n(&slot->runner, __ATOMIC_RELAXED) == mr_thread_get();
}

void mr_server_reply(mr_server_call *call) {
    struct mr_server_slot *slot = (struct mr_server_slot *)call;

    if (is_inside(slot))
        slot->inside = MR_SERVER_REPLY;
    else
        answer(slot, MR_SERVER_REPLY, 0);
}

int mr_server_fault(mr_server_call *call, uint32_t status) {
    struct mr_server_slot *slot = (struct mr_server_slot *)call;

    if (is_inside(slot)) {
        slot->inside = MR_SERVER_FAULT;
        slot->status = status;
    } else {
        answer(slot, MR_SERVER_FAULT, status);
    }
    return MR_SERVER_FAULTED;
}

bool mr_server_is_cancelled(const mr_server_call *call) {
    const struct mr_server_slot *slot = (const struct mr_server_slot *)call;

    return __atomic_load_n(&slot->cancelled, __ATOMIC_RELAXED);
}

void mr_server_set_gone(mr_server_call *call, void (*gone)(void *user, mr_server_call *call),
                        void *user) {
    struct mr_server_slot *slot = (struct mr_server_slot *)call;

    mr_lock_take(&slot->mail->lock);
    slot->gone = gone;
    slot->gone_user = user;
    mr_lock_give(&slot->mail->lock);
}

/* ---- bodies ---- */

static int run_body(struct mr_server_slot *slot) {
    __atomic_store_n(&slot->runner, mr_thread_get(), __ATOMIC_RELAXED);
    int outcome = slot->row->serve(slot->call.served->bodies, &slot->call, slot->call.args);
    __atomic_store_n(&slot->runner, 0, __ATOMIC_RELAXED);
    return outcome;
}

static void run_here(struct mr_server_slot *slot) {
    slot->phase = MR_SERVER_RUNNING;
    (void)mr_server_call_returned(slot, run_body(slot));
}

/* In a worker's thread: the body, and the encoding of what it answered. */
static void run_there(mr_job *job) {
    struct mr_server_slot *slot =
        (struct mr_server_slot *)((char *)job - offsetof(struct mr_server_slot, job));
    struct mr_server_mail *mail = slot->mail;
    int outcome = run_body(slot);

    if (outcome == 0 ? slot->inside != MR_SERVER_FAULT
                     : outcome > 0 && slot->inside == MR_SERVER_REPLY) {
        outcome = mr_ndr_encode(slot->call.proc, MR_NDR_RESPONSE,
                                (mr_ndr_format){.syntax = slot->call.format.syntax},
                                slot->call.args, &slot->reply, NULL);
        slot->encoded = outcome == 0;
        slot->inside = MR_SERVER_NO_ANSWER;
    }
    mr_lock_take(&mail->lock);
    slot->post.returned = true;
    slot->post.outcome = outcome;
    post(slot);
    mr_lock_give(&mail->lock);
}

/* ---- queues ---- */

/* A connection with a queue. */
static void ask_for_work(struct mr_server_conn *conn) {
    struct mr_server_client *client = conn->client;

    if (TAILQ_EMPTY(&client->asking))
        TAILQ_INSERT_TAIL(&conn->server->ring, client, in_ring);
    TAILQ_INSERT_TAIL(&client->asking, conn, in_asking);
}

static void ask_no_more(struct mr_server_conn *conn) {
    struct mr_server_client *client = conn->client;

    TAILQ_REMOVE(&client->asking, conn, in_asking);
    if (TAILQ_EMPTY(&client->asking))
        TAILQ_REMOVE(&conn->server->ring, client, in_ring);
}

/* Hands queued calls to the workers, one of each client in turn. */
static void hand_out(mr_server *server) {
    struct mr_server_client *client;
    unsigned most = HANDED_PER_WORKER * server->options.threads;

    while (server->workers && server->working < most && (client = TAILQ_FIRST(&server->ring))) {
        struct mr_server_conn *conn = TAILQ_FIRST(&client->asking);
        struct mr_server_slot *slot = TAILQ_FIRST(&conn->queue);
        TAILQ_REMOVE(&conn->queue, slot, in_queue);
        ask_no_more(conn);
        if (!TAILQ_EMPTY(&client->asking)) {
            TAILQ_REMOVE(&server->ring, client, in_ring);
            TAILQ_INSERT_TAIL(&server->ring, client, in_ring);
        }
        if (!TAILQ_EMPTY(&conn->queue))
            ask_for_work(conn);
        slot->queue = NULL;
        slot->phase = MR_SERVER_RUNNING;
        slot->handed = true;
        slot->job.run = run_there;
        server->working++;
        mr_workers_add(server->workers, &slot->job);
    }
}

static void enqueue(struct mr_server_slot *slot, struct mr_server_slots *queue) {
    slot->queue = queue;
    TAILQ_INSERT_TAIL(queue, slot, in_queue);
}

static bool is_for_workers(const struct mr_server_slot *slot) {
    const mr_server_iface *served = slot->call.served;

    return served->threaded && (slot->opnum >= 64 || !(served->in_loop >> slot->opnum & 1));
}

static void begin(struct mr_server_slot *slot) {
    struct mr_server_conn *conn = slot->conn;

    if (!slot->server->workers || !is_for_workers(slot)) {
        run_here(slot);
        return;
    }
    slot->phase = MR_SERVER_QUEUED;
    if (TAILQ_EMPTY(&conn->queue))
        ask_for_work(conn);
    enqueue(slot, &conn->queue);
    hand_out(slot->server);
}

bool mr_server_work_remove(struct mr_server_slot *slot) {
    mr_server *server = slot->server;

    if (slot->queue) {
        TAILQ_REMOVE(slot->queue, slot, in_queue);
        if (slot->queue != &server->ready && TAILQ_EMPTY(slot->queue))
            ask_no_more(slot->conn);
        slot->queue = NULL;
    }
    if (!slot->handed)
        return slot->phase != MR_SERVER_RUNNING;
    if (!server->workers || !mr_workers_remove(server->workers, &slot->job))
        return false;
    slot->handed = false;
    slot->phase = MR_SERVER_QUEUED;
    server->working--;
    return true;
}

/* ---- time ---- */

static void on_limit(void *user) {
    struct mr_server_slot *slot = user;
    mr_server *server = slot->server;

    if (!mr_server_work_remove(slot) && slot->handed) {
        mr_workers_forgo(server->workers, &slot->job);
        slot->forgone = true;
        server->working--;
    }
    if (slot->conn) { /* else nobody waits, and only the worker was to be done without */
        server->stats.expired++;
        mr_server_call_expire(slot);
    }
    hand_out(server);
}

/* ---- calls that carry context handles ---- */

/* The context handles among the [in] parameters, which lie inline. */
static void find_handles(struct mr_server_slot *slot) {
    const mr_type *args = slot->call.proc->args;

    slot->shares = slot->call.served->concurrent;
    for (uint16_t i = 0; i < args->count && slot->handle_count < MR_SERVER_HANDLES; i++) {
        const mr_ndr_member *m = &args->u.members[i];
        const mr_type *type = m->type;
        if (type->kind == MR_NDR_POINTER && type->flags & MR_TYPE_POINTER_INLINE)
            type = type->element;
        if (!(m->flags & MR_MEMBER_IN) || type->kind != MR_NDR_CONTEXT)
            continue;
        const mr_ndr_context *handle =
            (const mr_ndr_context *)((const char *)slot->call.args + m->offset);
        if (!mr_uuid_is_nil(&handle->uuid))
            slot->handles[slot->handle_count++] = handle->uuid;
    }
}

/* Whether they may not run together: one of them uses a handle of the other's alone. */
static bool excludes(const struct mr_server_slot *a, const struct mr_server_slot *b) {
    if (a->shares && b->shares)
        return false;
    for (unsigned i = 0; i < a->handle_count; i++)
        for (unsigned k = 0; k < b->handle_count; k++)
            if (mr_uuid_eq(&a->handles[i], &b->handles[k]))
                return true;
    return false;
}

/* Whether a call that came before is to be through with a handle first. */
static bool must_wait(const struct mr_server_slot *slot) {
    const struct mr_server_slot *other;

    TAILQ_FOREACH(other, &slot->group->calls, in_group) {
        if (other == slot)
            return false;
        if (excludes(other, slot))
            return true;
    }
    return false;
}

void mr_server_work_end(struct mr_server_slot *slot) {
    bool wake = false;

    if (!slot->handle_count)
        return;
    struct mr_server_slot *other = TAILQ_NEXT(slot, in_group);
    TAILQ_REMOVE(&slot->group->calls, slot, in_group);
    for (; other; other = TAILQ_NEXT(other, in_group)) {
        if (other->phase != MR_SERVER_QUEUED || other->queue || !excludes(other, slot) ||
            must_wait(other))
            continue;
        enqueue(other, &slot->server->ready);
        wake = true;
    }
    slot->handle_count = 0;
    if (wake)
        mr_waker_wake(slot->mail->waker);
}

void mr_server_work_add(struct mr_server_slot *slot) {
    mr_server *server = slot->server;

    if (server->options.call_timeout) {
        mr_timer_init(&slot->limit, server->loop, on_limit, slot);
        mr_timer_set(&slot->limit, mr_clock_now() + server->options.call_timeout);
    }
    find_handles(slot);
    if (slot->handle_count)
        TAILQ_INSERT_TAIL(&slot->group->calls, slot, in_group);
    if (slot->handle_count && must_wait(slot))
        slot->phase = MR_SERVER_QUEUED;
    else
        begin(slot);
}

/* ---- reading the mail ---- */

/* The body is back from its worker. False: the call is to be answered later. */
static bool take_back(struct mr_server_slot *slot, int outcome) {
    if (!slot->forgone)
        slot->server->working--;
    slot->handed = slot->forgone = false;
    return mr_server_call_returned(slot, outcome);
}

static void read_mail(mr_server *server) {
    struct mr_server_mail *mail = server->mail;
    struct mr_server_slot *slot;

    for (;;) {
        mr_lock_take(&mail->lock);
        if ((slot = TAILQ_FIRST(&mail->slots))) {
            TAILQ_REMOVE(&mail->slots, slot, in_mail);
            slot->post.lies = false;
        }
        bool back = slot && slot->post.returned;
        enum mr_server_answer what = slot ? slot->post.answer : MR_SERVER_NO_ANSWER;
        if (back)
            slot->post.returned = false;
        mr_lock_give(&mail->lock);
        if (!slot)
            return;
        struct mr_server_conn *conn = slot->conn;
        bool over = back && take_back(slot, slot->post.outcome);
        /* what comes while the body runs waits for it */
        if (!over && what && slot->phase != MR_SERVER_RUNNING)
            mr_server_call_answer(slot, what, slot->post.status);
        else if (over && conn)
            mr_server_conn_flush(conn);
    }
}

static void on_mail(void *user) {
    mr_server *server = user;
    struct mr_server_slot *slot;

    read_mail(server);
    hand_out(server);
    while ((slot = TAILQ_FIRST(&server->ready))) {
        struct mr_server_conn *conn = slot->conn;
        TAILQ_REMOVE(&server->ready, slot, in_queue);
        slot->queue = NULL;
        begin(slot);
        mr_server_conn_flush(conn);
    }
}

static void cancel_all(struct mr_server_slot *slot) {
    for (; slot; slot = slot->next)
        __atomic_store_n(&slot->cancelled, true, __ATOMIC_RELAXED);
}

void mr_server_work_stop(mr_server *server) {
    if (!server->workers)
        return;
    for (struct mr_server_conn *conn = server->conns; conn; conn = conn->next)
        cancel_all(conn->calls);
    cancel_all(server->detached);
    mr_workers_free(server->workers);
    server->workers = NULL;
    read_mail(server);
    /* what is still handed was never begun */
    for (struct mr_server_conn *conn = server->conns; conn; conn = conn->next)
        for (struct mr_server_slot *slot = conn->calls; slot; slot = slot->next)
            if (slot->handed) {
                slot->handed = false;
                slot->phase = MR_SERVER_QUEUED;
            }
}
