/*
 * One connection of the server: glues a stream to an association (MS-RPCE 3.3.3.4), answers binds,
 * hands requests to server_call.c, and ends what stands still: an endpoint's client has so long to
 * bind, to finish what it began, and to take its replies.
 */
#include "server_private.h"

#include <stdlib.h>

#define SEND_HIGH ((size_t)256 << 10) /* octets queued for a slow reader before replies wait */
#define LEAVE_TIME (250 * MR_MSEC)    /* for a client to hear that the server ends */
#define CLOSE_TIME (2 * MR_SEC)       /* for the last octets and the peer's own end */

/* ---- life ---- */

static const mr_stream_events stream_events;
static void on_timer(void *user);

static int init_conn(struct mr_server_conn *conn, mr_accepted *accepted) {
    mr_server *server = conn->server;
    const mr_assoc_config config = {
        .role = MR_ROLE_SERVER,
        .max_xmit = server->options.frag,
        .max_recv = server->options.frag,
        .max_calls = server->options.max_calls,
        .max_events = 8, /* they are handled as they come */
        .budget = server->options.budget,
        .features = MR_FEATURE_KEEP_ON_ORPHAN | MR_FEATURE_SECURITY_MULTIPLEXING,
    };

    int r = mr_assoc_init(&conn->assoc, &config, NULL);
    if (!r)
        r = mr_stream_init(&conn->stream, server->loop,
                           accepted->local.family == MR_FAMILY_UNIX ? "ncalrpc" : "ncacn_ip_tcp",
                           &stream_events, conn, NULL);
    return r ? r : mr_stream_accept(&conn->stream, accepted, NULL);
}

static void refuse(mr_server_endpoint *endpoint, const mr_accepted *accepted,
                   struct mr_server_client *client) {
    mr_server_client_leave(endpoint->server, client);
    endpoint->server->stats.refused++;
    mr_server_notice_peer(endpoint, &accepted->peer, MR_NOTICE_REFUSED, "");
}

void mr_server_conn_accept(mr_server_endpoint *endpoint, mr_accepted *accepted) {
    mr_server *server = endpoint->server;
    struct mr_server_client *client = NULL;
    struct mr_server_conn *conn = NULL;
    int r = 0;

    if (server->stats.connections_now < server->options.max_connections)
        r = mr_server_client_join(server, &accepted->peer, &accepted->cred, &client);
    if (r == MR_ERR_LIMIT) {
        server->stats.refused_client++;
        mr_server_notice_peer(endpoint, &accepted->peer, MR_NOTICE_REFUSED_CLIENT, "");
        return;
    }
    if (r == 0 && server->stats.connections_now < server->options.max_connections)
        conn = calloc(1, sizeof *conn);
    if (!conn) {
        refuse(endpoint, accepted, client);
        return;
    }
    conn->server = server;
    conn->client = client;
    conn->endpoint = endpoint;
    conn->peer = accepted->peer;
    conn->local = accepted->local;
    conn->cred = accepted->cred;
    conn->accepted = conn->progress = mr_clock_now();
    mr_timer_init(&conn->timer, server->loop, on_timer, conn);
    mr_buf_init(&conn->unread, NULL, 0, SIZE_MAX);
    TAILQ_INIT(&conn->queue);
    if (init_conn(conn, accepted) < 0) {
        mr_stream_deinit(&conn->stream);
        mr_assoc_deinit(&conn->assoc);
        mr_timer_deinit(&conn->timer);
        free(conn);
        refuse(endpoint, accepted, client);
        return;
    }
    conn->next = server->conns;
    if (conn->next)
        conn->next->prev = conn;
    server->conns = conn;
    server->stats.connections++;
    server->stats.connections_now++;
    mr_server_conn_set_timer(conn);
    mr_server_notice_conn(conn, MR_NOTICE_CONNECTED, "");
}

/* A connection ends for one reason: the first that is told. */
static void tell_end(struct mr_server_conn *conn, enum mr_server_notice what, const char *text) {
    if (conn->told)
        return;
    conn->told = true;
    mr_server_notice_conn(conn, what, text);
}

void mr_server_conn_free(struct mr_server_conn *conn) {
    mr_server *server = conn->server;

    mr_server_guard_tell(conn);
    tell_end(conn, MR_NOTICE_CLOSED, "");
    mr_server_call_detach_all(conn);
    mr_server_turn_leave(conn);
    if (conn->group)
        mr_server_group_leave(conn->group);
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    server->stats.connections_now--;
    mr_server_client_leave(server, conn->client);
    mr_timer_deinit(&conn->timer);
    mr_stream_deinit(&conn->stream);
    mr_assoc_deinit(&conn->assoc);
    mr_server_guard_free_all(conn);
    mr_buf_deinit(&conn->unread);
    free(conn);
    mr_server_conn_ended(server);
}

/* ---- time ---- */

/* Whether the peer has begun something it has not finished, or does not take what we send. */
static bool is_unfinished(const struct mr_server_conn *conn, const mr_assoc_info *info) {
    if (info->received[MR_DIR_TO_SERVER] > conn->pdu_end || conn->blocked ||
        mr_stream_get_queued(&conn->stream) > 0)
        return true;
    for (const struct mr_server_slot *slot = conn->calls; slot; slot = slot->next)
        if (slot->phase == MR_SERVER_COLLECTING || slot->phase == MR_SERVER_REPLYING)
            return true;
    return false;
}

/* Whether a body is at work, or will be. */
static bool is_answering(const struct mr_server_conn *conn) {
    for (const struct mr_server_slot *slot = conn->calls; slot; slot = slot->next)
        if (slot->phase == MR_SERVER_WAITING || slot->phase == MR_SERVER_RUNNING ||
            slot->phase == MR_SERVER_QUEUED)
            return true;
    return false;
}

/* When the connection has stood still for too long. */
static mr_nsec deadline(const struct mr_server_conn *conn) {
    const mr_server_options *o = &conn->server->options;
    mr_assoc_info info;

    if (conn->closing)
        return conn->progress + CLOSE_TIME;
    if (conn->leave)
        return conn->leave + LEAVE_TIME;
    mr_assoc_get_info(&conn->assoc, &info);
    if (!info.ready)
        return conn->accepted + o->bind_timeout;
    if (conn->waiting || (conn->blocked && is_answering(conn)))
        return MR_NSEC_NEVER;
    if (is_unfinished(conn, &info))
        return conn->progress + o->stall_timeout;
    if (is_answering(conn) || o->idle_timeout == MR_NSEC_NEVER ||
        conn->local.family == MR_FAMILY_UNIX)
        return MR_NSEC_NEVER;
    return conn->progress + o->idle_timeout;
}

/* Most often the timer that is set comes first; it sets itself anew then. */
void mr_server_conn_set_timer(struct mr_server_conn *conn) {
    mr_nsec due = deadline(conn);

    if (due < conn->timer.due)
        mr_timer_set(&conn->timer, due);
}

void mr_server_conn_close(struct mr_server_conn *conn) {
    if (conn->closing)
        return;
    conn->closing = true;
    mr_server_turn_leave(conn);
    conn->progress = mr_clock_now();
    mr_timer_set(&conn->timer, conn->progress + CLOSE_TIME);
}

/* ---- binding ---- */

/* The first of @wanted among the transfer syntaxes proposed; -1 when it is not. */
static int find_transfer(const mr_event_context *asked, const mr_syntax *wanted) {
    for (uint8_t i = 0; i < asked->proposed_count; i++)
        if (mr_syntax_eq(&asked->proposed[i], wanted))
            return i;
    return -1;
}

/* What a context by itself would get (C706 12.6.4.3): the transfer syntax it has already, if it is
 * asked for anew, else the first one known. */
static void answer_context(const struct mr_server_conn *conn, const mr_event_context *asked,
                           mr_assoc_answer *answerp) {
    mr_event_context stands;
    int ndr20 = find_transfer(asked, &mr_syntax_ndr20);
    int ndr64 = find_transfer(asked, &mr_syntax_ndr64);
    int chosen = ndr64 < 0 || (ndr20 >= 0 && ndr20 < ndr64) ? ndr20 : ndr64;

    *answerp = (mr_assoc_answer){.result = MR_CONTEXT_PROVIDER_REJECT,
                                 .reason = MR_REASON_ABSTRACT_SYNTAX};
    if (!mr_server_find_offer(conn->endpoint, &asked->abstract, false))
        return;
    if (mr_assoc_find_context(&conn->assoc, asked->id, &stands) &&
        find_transfer(asked, &stands.transfer) >= 0)
        chosen = find_transfer(asked, &stands.transfer);
    answerp->reason = MR_REASON_TRANSFER_SYNTAX;
    if (chosen >= 0)
        *answerp = (mr_assoc_answer){.result = MR_CONTEXT_ACCEPT, .transfer = (uint8_t)chosen};
}

/* Of the contexts that offer one interface in several ways, a PDU brings one, as on Windows: the
 * first that speaks NDR64, else the first. The others hear that their transfer syntaxes are not
 * supported. */
static void choose_contexts(const mr_event_bind *bind, mr_assoc_answer *answers) {
    for (uint16_t i = 0; i < bind->count; i++) {
        uint16_t best = i;
        if (answers[i].result != MR_CONTEXT_ACCEPT || bind->contexts[i].features)
            continue;
        for (uint16_t k = i; k < bind->count; k++) {
            const mr_event_context *c = &bind->contexts[k];
            if (answers[k].result != MR_CONTEXT_ACCEPT || c->features ||
                !mr_syntax_eq(&c->abstract, &bind->contexts[i].abstract))
                continue;
            const mr_syntax *has = &bind->contexts[best].proposed[answers[best].transfer];
            uint16_t loser = k;
            if (mr_syntax_eq(&c->proposed[answers[k].transfer], &mr_syntax_ndr64) &&
                !mr_syntax_eq(has, &mr_syntax_ndr64)) {
                loser = best;
                best = k;
            }
            if (loser != best)
                answers[loser] = (mr_assoc_answer){.result = MR_CONTEXT_PROVIDER_REJECT,
                                                   .reason = MR_REASON_TRANSFER_SYNTAX};
        }
    }
}

static void refuse_bind(struct mr_server_conn *conn, uint16_t reason) {
    mr_assoc_reject(&conn->assoc, reason, MR_SLICE_NULL, NULL);
    mr_server_conn_close(conn);
}

/* The group as asked; false when the bind was refused. */
static bool join_group(struct mr_server_conn *conn, uint32_t wanted) {
    mr_server *server = conn->server;
    bool full = !wanted && server->stats.groups_now >= server->options.max_groups;

    if (server->draining) {
        refuse_bind(conn, MR_NAK_TEMPORARY_CONGESTION);
        return false;
    }
    conn->group = mr_server_group_join(server, wanted, &conn->cred);
    if (conn->group)
        return true;
    tell_end(conn, MR_NOTICE_NO_ASSOCIATION, "");
    refuse_bind(conn, full ? MR_NAK_LOCAL_LIMIT : MR_NAK_NOT_SPECIFIED);
    return false;
}

/* Answers a BIND or ALTER. */
static void on_bind(struct mr_server_conn *conn, const mr_event *event, bool alter) {
    const mr_event_bind *bind = &event->u.bind;
    mr_assoc_answer answers[MR_PDU_CONTEXTS_MAX];

    if (!alter && !conn->group && !join_group(conn, bind->assoc_group))
        return;
    if (!alter && mr_server_guard_is_wrong(conn, &event->auth)) {
        refuse_bind(conn, MR_NAK_INVALID_CHECKSUM);
        return;
    }
    if (!conn->group || bind->count > MR_COUNT(answers)) {
        refuse_bind(conn, MR_NAK_NOT_SPECIFIED);
        return;
    }
    for (uint16_t i = 0; i < bind->count; i++) {
        if (bind->contexts[i].features) {
            answers[i] = (mr_assoc_answer){0};
            continue;
        }
        answer_context(conn, &bind->contexts[i], &answers[i]);
    }
    choose_contexts(bind, answers);
    if (event->auth.present)
        mr_server_guard_begin(conn, &event->auth);
    mr_slice sec_addr = alter ? MR_SLICE_NULL : mr_slice_str(conn->endpoint->name);
    if (mr_assoc_accept(&conn->assoc, answers, bind->count, conn->group->id, sec_addr, NULL) < 0)
        mr_server_conn_close(conn);
}

/* ---- events of the association ---- */

static const char *why(const struct mr_server_conn *conn) {
    const mr_error *err = mr_assoc_get_error(&conn->assoc);
    return err ? err->text : "this is not DCE/RPC";
}

static void on_event(struct mr_server_conn *conn, const mr_event *event) {
    if (event->size) {
        conn->server->stats.pdus_in++;
        conn->pdu_end = event->offset + event->size;
        conn->progress = event->time;
        conn->client->spent += MR_SERVER_PDU_COST + event->size;
    }
    switch (event->kind) {
    case MR_EVENT_BIND:
    case MR_EVENT_ALTER:
        on_bind(conn, event, event->kind == MR_EVENT_ALTER);
        break;
    case MR_EVENT_REQUEST:
        mr_server_call_feed(conn, event);
        break;
    case MR_EVENT_SENT:
        conn->progress = event->time;
        mr_server_call_sent(conn, event->u.call.id);
        break;
    case MR_EVENT_ORPHANED:
        mr_server_call_orphaned(conn, event->u.call.id);
        break;
    case MR_EVENT_ERROR:
    case MR_EVENT_FOREIGN:
        if (mr_server_guard_tell(conn)) { /* it is refused and goes on all the same */
            tell_end(conn, MR_NOTICE_CLOSED, "");
        } else {
            conn->server->stats.protocol_errors++;
            tell_end(conn, MR_NOTICE_PROTOCOL, why(conn));
        }
        mr_server_conn_close(conn);
        break;
    case MR_EVENT_CANCEL:
        mr_server_call_cancel(conn, event->u.call.id);
        break;
    case MR_EVENT_READY:
        if (event->u.ready.present)
            mr_server_guard_ready(conn, &event->u.ready);
        break;
    case MR_EVENT_AUTH_PENDING:
        conn->pending = true;
        break;
    case MR_EVENT_BIND_ACK:
    case MR_EVENT_BIND_NAK:
    case MR_EVENT_ALTER_RESP:
    case MR_EVENT_AUTH3:
    case MR_EVENT_RESPONSE:
    case MR_EVENT_FAULT:
    case MR_EVENT_SHUTDOWN:
    case MR_EVENT_OTHER:
    case MR_EVENT_GAP:
    case MR_EVENT_RESYNC:
    case MR_EVENT_TIMEOUT:
        break;
    }
}

static void drain_events(struct mr_server_conn *conn) {
    mr_event event;

    while (mr_assoc_pull_event(&conn->assoc, &event))
        on_event(conn, &event);
}

/* ---- octets out ---- */

static uint64_t count_pdus(mr_slice out) {
    uint64_t count = 0;
    size_t length;

    for (; mr_pdu_frag_length(out, &length, NULL) == 0; count++)
        out = mr_slice_sub(out, length, SIZE_MAX);
    return count;
}

/* Hands output to the stream while its reader keeps up; a broken stream tells by itself. */
static void send_output(struct mr_server_conn *conn) {
    mr_slice out;

    while (mr_stream_get_queued(&conn->stream) < SEND_HIGH) {
        int r = mr_assoc_pull(&conn->assoc, mr_clock_now(), &out, NULL);
        if (!r && out.len) {
            conn->server->stats.pdus_out += count_pdus(out);
            conn->server->stats.octets_out += out.len;
            r = mr_stream_send(&conn->stream, out, NULL);
        }
        drain_events(conn);
        if (r < 0) {
            mr_server_conn_close(conn);
            break;
        }
        mr_server_call_retry(conn);
        if (!mr_assoc_has_output(&conn->assoc)) {
            mr_assoc_trim(&conn->assoc);
            break;
        }
    }
}

void mr_server_conn_flush(struct mr_server_conn *conn) {
    if (conn->busy)
        return;
    conn->busy = true;
    send_output(conn);
    conn->busy = false;
    /* what came before may be read now, or the end has come, but not from inside a body */
    if (conn->blocked || conn->server->draining)
        mr_timer_set(&conn->timer, mr_clock_now());
    else
        mr_server_conn_set_timer(conn);
}

void mr_server_conn_resume(struct mr_server_conn *conn) {
    conn->pending = false;
    if (conn->closing)
        return;
    bool bad = mr_assoc_resume(&conn->assoc, mr_clock_now(), NULL) < 0;
    drain_events(conn);
    mr_server_conn_flush(conn);
    if (bad)
        mr_server_conn_close(conn);
    mr_timer_set(&conn->timer, mr_clock_now()); /* reads on, or ends it */
}

/* ---- octets in ---- */

/* The association takes no more: nothing is read until something frees. Nothing will, when every
 * call it waits for is one that it does not finish. */
static void block(struct mr_server_conn *conn) {
    if (!conn->pending && !is_answering(conn) && !mr_assoc_has_output(&conn->assoc) &&
        mr_stream_get_queued(&conn->stream) == 0) {
        mr_server_conn_close(conn);
        return;
    }
    conn->blocked = true;
    mr_stream_set_reading(&conn->stream, false);
}

static bool is_full(const struct mr_server_conn *conn) {
    return mr_stream_get_queued(&conn->stream) >= SEND_HIGH ||
           conn->held > conn->server->options.budget;
}

/* Until the connection's turn is over. Returns what is left. */
static mr_slice feed(struct mr_server_conn *conn, mr_slice bytes) {
    bool stuck = false;

    conn->busy = true;
    while (bytes.len && !conn->closing && !mr_server_turn_is_over(conn)) {
        size_t used = 0;
        int r = is_full(conn) ? MR_ASSOC_BLOCKED
                              : mr_assoc_feed(&conn->assoc, MR_DIR_TO_SERVER, bytes,
                                              mr_clock_now(), &used, NULL);
        bytes = mr_slice_sub(bytes, used, bytes.len);
        drain_events(conn);
        if (r < 0) {
            mr_server_conn_close(conn);
        } else if (r == MR_ASSOC_BLOCKED && !used) {
            if (stuck) {
                block(conn);
                break;
            }
            send_output(conn);
            stuck = true;
        } else {
            stuck = false;
        }
    }
    send_output(conn);
    conn->busy = false;
    if (bytes.len && !conn->closing && !conn->blocked)
        mr_server_turn_wait(conn);
    return bytes;
}

static void feed_unread(struct mr_server_conn *conn) {
    mr_slice bytes = mr_slice_sub(mr_buf_slice(&conn->unread), conn->unread_at, SIZE_MAX);
    mr_slice rest = feed(conn, bytes);

    conn->unread_at += bytes.len - rest.len;
    if (rest.len && !conn->closing)
        return;
    conn->unread_at = 0;
    mr_buf_deinit(&conn->unread);
    mr_buf_init(&conn->unread, NULL, 0, SIZE_MAX);
}

/* The server is ending: the client is asked to go, and what it had on the way is still refused
 * in words. */
static void say_goodbye(struct mr_server_conn *conn, const mr_assoc_info *info) {
    conn->leave = mr_clock_now();
    if (info->ready && !info->ended && mr_assoc_shutdown(&conn->assoc, NULL) == 0) {
        conn->busy = true;
        send_output(conn);
        conn->busy = false;
    }
}

/* After an activity: the connection is over when it is closing and all is sent. */
static void settle(struct mr_server_conn *conn) {
    mr_assoc_info info;

    mr_assoc_get_info(&conn->assoc, &info);
    if (conn->server->draining && !conn->calls && !conn->leave && !conn->closing &&
        !conn->waiting && !conn->blocked)
        say_goodbye(conn, &info);
    if (info.ended)
        mr_server_conn_close(conn);
    if (conn->closing && !conn->shut && !mr_assoc_has_output(&conn->assoc)) {
        conn->shut = true;
        mr_stream_shutdown(&conn->stream);
    }
    mr_server_conn_set_timer(conn);
}

/* ---- events of the stream ---- */

static void on_received(void *user, mr_slice bytes) {
    struct mr_server_conn *conn = user;

    if (conn->closing)
        return;
    conn->server->stats.octets_in += bytes.len;
    bytes = feed(conn, bytes);
    if (bytes.len && !conn->closing) {
        mr_buf_write(&conn->unread, bytes);
        if (mr_buf_error(&conn->unread))
            mr_server_conn_close(conn);
    }
    settle(conn);
}

static bool on_readable(void *user) {
    struct mr_server_conn *conn = user;

    return conn->closing || mr_server_turn_take(conn);
}

void mr_server_conn_go_on(struct mr_server_conn *conn) {
    if (!conn->unread.len) {
        mr_stream_receive(&conn->stream);
        return;
    }
    feed_unread(conn);
    settle(conn);
}

static void unblock(struct mr_server_conn *conn) {
    if (!conn->blocked)
        return;
    conn->blocked = false;
    mr_stream_set_reading(&conn->stream, true);
    if (mr_server_turn_take(conn))
        feed_unread(conn);
}

static void on_drained(void *user) {
    struct mr_server_conn *conn = user;

    conn->progress = mr_clock_now();
    conn->busy = true;
    send_output(conn);
    conn->busy = false;
    unblock(conn);
    settle(conn);
}

/* The peer's orderly end is the end: nobody would read what is still to be answered. */
static void on_closed(void *user, int result, const mr_error *err) {
    if (result)
        tell_end(user, MR_NOTICE_BROKE, err->text);
    mr_server_conn_free(user);
}

static const mr_stream_events stream_events = {
    .readable = on_readable,
    .received = on_received,
    .drained = on_drained,
    .closed = on_closed,
};

static void time_out(struct mr_server_conn *conn) {
    mr_assoc_info info;

    if (conn->closing)
        return;
    mr_assoc_get_info(&conn->assoc, &info);
    conn->server->stats.timeouts++;
    if (!info.ready)
        tell_end(conn, MR_NOTICE_SLOW, "no bind came");
    else if (is_unfinished(conn, &info))
        tell_end(conn, MR_NOTICE_SLOW, "what was begun did not go on");
    else
        tell_end(conn, MR_NOTICE_IDLE, "");
}

static void on_timer(void *user) {
    struct mr_server_conn *conn = user;

    if (!conn->closing)
        unblock(conn);
    settle(conn);
    if (conn->leave && !conn->closing && deadline(conn) <= mr_clock_now()) {
        mr_server_conn_close(conn);
        settle(conn);
    }
    if (deadline(conn) <= mr_clock_now()) {
        time_out(conn);
        mr_server_conn_free(conn);
        return;
    }
    mr_timer_set(&conn->timer, deadline(conn));
}
