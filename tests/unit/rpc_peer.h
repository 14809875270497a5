/*
 * A scripted peer on loopback for the tests of what talks to servers: it accepts, reads whole PDUs
 * and does what the test says at each stage, well-formed or not. By default it is a good server
 * that accepts NDR20 and leaves requests to the test.
 */
#ifndef RPC_PEER_H
#define RPC_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/rpc.h>

#define PEER_CONNS 256
#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

struct peer;

struct peer_conn {
    struct peer *peer;
    mr_stream stream;
    mr_timer tick;        /* of a slow peer */
    mr_buf out;           /* what a slow peer has still to send */
    size_t out_at;
    uint8_t in[65536];
    size_t in_len;
    unsigned number;      /* of the connection, from 0 */
    unsigned requests;    /* that came */
    bool ended;
};

/* What to do instead of an answer. */
enum peer_act {
    PEER_ANSWER,
    PEER_SILENT,
    PEER_CLOSE,
    PEER_RESET,
    PEER_SAY,      /* peer->say, whatever that is */
    PEER_NAK,      /* peer->nak */
    PEER_FAULT,    /* peer->fault */
    PEER_SHUTDOWN,
};

struct peer {
    mr_loop *loop;
    mr_listener listener;
    struct peer_conn *conns[PEER_CONNS];
    unsigned count;                      /* of connections so far */
    enum peer_act on_accept, on_bind, on_alter, on_request;
    mr_slice say;
    uint16_t nak;
    uint32_t fault;
    uint8_t fault_flags;
    bool slow;                           /* sends octet by octet */
    bool no_multiplex;
    /* the answer to a presentation context; NULL: peer_policy */
    void (*policy)(struct peer *peer, size_t index, const mr_pdu_context *context,
                   const mr_syntax *transfer, mr_pdu_result *result);
    /* a bind or alter_context has come: on_bind and on_alter may be set; NULL: they stand */
    void (*deciding)(struct peer_conn *conn, const mr_pdu *pdu);
    /* a whole request; @pdu holds until it returns */
    void (*request)(struct peer_conn *conn, const mr_pdu *pdu);
    void *user;
    unsigned binds, alters, requests, orphans, frees;
    unsigned asked;                      /* presentation contexts of the last bind */
    unsigned closed;                     /* connections that the client ended */
};

static inline mr_addr peer_loopback(uint16_t port) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

/* ---- sending ---- */

static inline void peer_tick(void *user) {
    struct peer_conn *conn = user;

    if (conn->ended || conn->out_at == conn->out.len)
        return;
    mr_stream_send(&conn->stream, mr_slice_sub(mr_buf_slice(&conn->out), conn->out_at++, 1), NULL);
    mr_timer_set(&conn->tick, mr_clock_now());
}

static inline void peer_send(struct peer_conn *conn, mr_slice bytes) {
    if (!conn->peer->slow) {
        mr_stream_send(&conn->stream, bytes, NULL);
        return;
    }
    mr_buf_write(&conn->out, bytes);
    mr_timer_set(&conn->tick, mr_clock_now());
}

static inline void peer_send_buf(struct peer_conn *conn, mr_buf *buf) {
    assert_int_equal(mr_buf_error(buf), 0);
    peer_send(conn, mr_buf_slice(buf));
    mr_buf_deinit(buf);
}

static inline mr_pdu_header peer_head(uint32_t call_id, uint8_t flags) {
    return (mr_pdu_header){.flags = flags, .call_id = call_id};
}

enum { PEER_WHOLE = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG };

static inline void peer_reply_part(struct peer_conn *conn, const mr_pdu *to, mr_slice stub,
                                   uint8_t flags) {
    mr_buf buf;
    mr_pdu_header head = peer_head(to->header.call_id, flags);
    const mr_pdu_response response = {.alloc_hint = (uint32_t)stub.len,
                                      .context_id = to->u.request.context_id, .stub = stub};

    mr_buf_init(&buf, NULL, 0, 1 << 20);
    assert_int_equal(mr_pdu_encode_response(&buf, &head, &response), 0);
    peer_send_buf(conn, &buf);
}

static inline void peer_reply_stub(struct peer_conn *conn, const mr_pdu *to, mr_slice stub) {
    peer_reply_part(conn, to, stub, PEER_WHOLE);
}

/* Answers with @args of method @opnum. */
static inline void peer_reply(struct peer_conn *conn, const mr_pdu *to, const mr_iface *iface,
                              uint32_t opnum, const void *args) {
    mr_buf stub;

    mr_buf_init(&stub, NULL, 0, 1 << 20);
    mr_error err = MR_ERROR_INIT;
    int r = mr_ndr_encode(mr_iface_get_proc(iface, opnum), MR_NDR_RESPONSE,
                          (mr_ndr_format){.syntax = MR_NDR20}, args, &stub, &err);
    if (r)
        print_message("# %s\n", err.text);
    assert_int_equal(r, 0);
    size_t at = 0;
    do { /* fragments of at most 4000 octets, which every client takes */
        size_t len = stub.len - at < 4000 ? stub.len - at : 4000;
        uint8_t flags = (at == 0 ? MR_PFC_FIRST_FRAG : 0) |
                        (at + len == stub.len ? MR_PFC_LAST_FRAG : 0);
        peer_reply_part(conn, to, mr_slice_sub(mr_buf_slice(&stub), at, len), flags);
        at += len;
    } while (at < stub.len);
    mr_buf_deinit(&stub);
}

static inline void peer_fault(struct peer_conn *conn, const mr_pdu *to, uint32_t status,
                              uint8_t flags) {
    mr_buf buf;
    mr_pdu_header head = peer_head(to->header.call_id, PEER_WHOLE | flags);
    const mr_pdu_fault fault = {.status = status};

    mr_buf_init(&buf, NULL, 0, 4096);
    assert_int_equal(mr_pdu_encode_fault(&buf, &head, &fault), 0);
    peer_send_buf(conn, &buf);
}

static inline void peer_end(struct peer_conn *conn, bool reset) {
    conn->ended = true;
    if (reset)
        mr_stream_abort(&conn->stream);
    else
        mr_stream_close(&conn->stream);
}

/* ---- binds ---- */

/* Accepts NDR20, knows of NDR64 nothing, grants the bind-time features. */
static inline void peer_policy(struct peer *peer, size_t index, const mr_pdu_context *context,
                               const mr_syntax *transfer, mr_pdu_result *result) {
    (void)peer;
    (void)index;
    (void)context;
    if (mr_syntax_eq(transfer, &mr_syntax_ndr20))
        *result = (mr_pdu_result){MR_CONTEXT_ACCEPT, 0, mr_syntax_ndr20};
    else if (mr_syntax_eq(transfer, &mr_syntax_ndr64))
        *result = (mr_pdu_result){.result = MR_CONTEXT_PROVIDER_REJECT,
                                  .reason = MR_REASON_TRANSFER_SYNTAX};
    else
        *result = (mr_pdu_result){.result = MR_CONTEXT_NEGOTIATE_ACK, .reason = 3};
}

static inline void peer_answer_bind(struct peer_conn *conn, const mr_pdu *pdu) {
    struct peer *peer = conn->peer;
    bool bind = pdu->header.ptype == MR_PTYPE_BIND;
    mr_pdu_header head = peer_head(pdu->header.call_id,
                                   PEER_WHOLE | (peer->no_multiplex ? 0 : MR_PFC_CONC_MPX));
    const mr_pdu_bind_ack ack = {.max_xmit = 5840, .max_recv = 5840, .assoc_group = 0x1234,
                                 .sec_addr = bind ? MR_SLICE_LIT("135") : MR_SLICE_NULL};
    mr_cursor items = pdu->u.bind.contexts.items;
    mr_pdu_context context;
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 8192);
    if (bind)
        mr_pdu_encode_bind_ack(&buf, &head, &ack);
    else
        mr_pdu_encode_alter_context_resp(&buf, &head, &ack);
    peer->asked = 0;
    for (size_t i = 0; mr_pdu_read_context(&items, &context); i++) {
        mr_syntax transfer = {0};
        mr_pdu_result result;
        mr_pdu_read_transfer(&context.transfers.items, &transfer);
        (peer->policy ? peer->policy : peer_policy)(peer, i, &context, &transfer, &result);
        mr_pdu_add_result(&buf, 0, &result);
        peer->asked++;
    }
    peer_send_buf(conn, &buf);
}

static inline void peer_do(struct peer_conn *conn, const mr_pdu *pdu, enum peer_act act) {
    struct peer *peer = conn->peer;
    mr_pdu_header head = peer_head(pdu ? pdu->header.call_id : 0, PEER_WHOLE);
    const mr_pdu_bind_nak nak = {.reason = peer->nak};
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 4096);
    switch (act) {
    case PEER_ANSWER:
    case PEER_SILENT:
        return;
    case PEER_CLOSE:
    case PEER_RESET:
        peer_end(conn, act == PEER_RESET);
        return;
    case PEER_SAY:
        peer_send(conn, peer->say);
        return;
    case PEER_NAK:
        assert_int_equal(mr_pdu_encode_bind_nak(&buf, &head, &nak), 0);
        peer_send_buf(conn, &buf);
        return;
    case PEER_FAULT:
        peer_fault(conn, pdu, peer->fault, peer->fault_flags);
        return;
    case PEER_SHUTDOWN:
        assert_int_equal(mr_pdu_encode_shutdown(&buf, &head), 0);
        peer_send_buf(conn, &buf);
        return;
    }
}

/* ---- receiving ---- */

static inline void peer_handle(struct peer_conn *conn, const mr_pdu *pdu) {
    struct peer *peer = conn->peer;
    bool asks = pdu->header.ptype == MR_PTYPE_BIND || pdu->header.ptype == MR_PTYPE_ALTER_CONTEXT;

    if (asks && peer->deciding)
        peer->deciding(conn, pdu);
    switch (pdu->header.ptype) {
    case MR_PTYPE_BIND:
        peer->binds++;
        peer_do(conn, pdu, peer->on_bind);
        if (peer->on_bind == PEER_ANSWER)
            peer_answer_bind(conn, pdu);
        break;
    case MR_PTYPE_ALTER_CONTEXT:
        peer->alters++;
        peer_do(conn, pdu, peer->on_alter);
        if (peer->on_alter == PEER_ANSWER)
            peer_answer_bind(conn, pdu);
        break;
    case MR_PTYPE_REQUEST:
        if (!(pdu->header.flags & MR_PFC_LAST_FRAG))
            break;
        peer->requests++;
        conn->requests++;
        peer_do(conn, pdu, peer->on_request);
        if (peer->on_request == PEER_ANSWER && peer->request)
            peer->request(conn, pdu);
        break;
    case MR_PTYPE_ORPHANED:
        peer->orphans++;
        break;
    default:
        break;
    }
}

static inline void peer_received(void *user, mr_slice bytes) {
    struct peer_conn *conn = user;
    size_t len;

    while (bytes.len && !conn->ended) {
        size_t take = sizeof conn->in - conn->in_len;
        if (take > bytes.len)
            take = bytes.len;
        memcpy(conn->in + conn->in_len, bytes.data, take);
        conn->in_len += take;
        bytes = mr_slice_sub(bytes, take, bytes.len);
        while (!conn->ended &&
               mr_pdu_frag_length(mr_slice_of(conn->in, conn->in_len), &len, NULL) == 0 &&
               len <= conn->in_len) {
            mr_pdu pdu;
            assert_int_equal(mr_pdu_decode(mr_slice_of(conn->in, len), &pdu, NULL), 0);
            peer_handle(conn, &pdu);
            conn->in_len -= len;
            memmove(conn->in, conn->in + len, conn->in_len);
        }
    }
}

static inline void peer_closed(void *user, int result, const mr_error *err) {
    struct peer_conn *conn = user;
    (void)result;
    (void)err;
    conn->peer->closed++;
    conn->ended = true;
    mr_stream_close(&conn->stream);
}

static inline void peer_accepted(void *user, mr_accepted *accepted) {
    static const mr_stream_events events = {.received = peer_received, .closed = peer_closed};
    struct peer *peer = user;
    struct peer_conn *conn = calloc(1, sizeof *conn);

    if (!conn || peer->count == PEER_CONNS) { /* the tests of memory make calloc fail */
        free(conn);
        return;
    }
    conn->peer = peer;
    conn->number = peer->count;
    mr_timer_init(&conn->tick, peer->loop, peer_tick, conn);
    mr_buf_init(&conn->out, NULL, 0, 16 << 20);
    if (mr_stream_init(&conn->stream, peer->loop, "ncacn_ip_tcp", &events, conn, NULL) != 0 ||
        mr_stream_accept(&conn->stream, accepted, NULL) != 0) {
        mr_stream_deinit(&conn->stream);
        free(conn);
        return;
    }
    peer->conns[peer->count++] = conn;
    peer_do(conn, NULL, peer->on_accept);
}

static inline int peer_open(struct peer *peer, mr_loop *loop) {
    static const mr_listener_events events = {.accepted = peer_accepted};
    const mr_listen_options options = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};

    memset(peer, 0, sizeof *peer);
    peer->loop = loop;
    mr_listener_init(&peer->listener, loop, &events, peer);
    return mr_listener_open(&peer->listener, &options, NULL);
}

static inline uint16_t peer_port(const struct peer *peer) {
    return peer->listener.local.port;
}

static inline void peer_deinit(struct peer *peer) {
    for (unsigned i = 0; i < peer->count; i++) {
        mr_timer_deinit(&peer->conns[i]->tick);
        mr_buf_deinit(&peer->conns[i]->out);
        mr_stream_deinit(&peer->conns[i]->stream);
        free(peer->conns[i]);
    }
    mr_listener_deinit(&peer->listener);
}

/* ---- running ---- */

static inline void peer_stop(void *user) {
    mr_loop_stop(user);
}

/* Runs the loop until *@value is at least @want. */
static inline void peer_run_until(mr_loop *loop, const unsigned *value, unsigned want) {
    mr_nsec end = mr_clock_now() + PATIENCE;
    mr_timer tick;

    mr_timer_init(&tick, loop, peer_stop, loop);
    while (*value < want && mr_clock_now() < end) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(loop, end);
    }
    mr_timer_deinit(&tick);
    assert_true(*value >= want);
}

/* Lets the loop run for a while, for what should not happen or needs a few turns. */
static inline void peer_linger(mr_loop *loop, unsigned turns) {
    mr_timer tick;

    mr_timer_init(&tick, loop, peer_stop, loop);
    for (unsigned i = 0; i < turns; i++) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(loop, mr_clock_now() + PATIENCE);
    }
    mr_timer_deinit(&tick);
}

/* A port of loopback where nobody listens. */
static inline uint16_t peer_dead_port(mr_loop *loop) {
    struct peer peer;
    assert_int_equal(peer_open(&peer, loop), 0);
    uint16_t port = peer_port(&peer);
    peer_deinit(&peer);
    return port;
}

#endif
