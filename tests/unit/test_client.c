/*
 * The client face against a scripted peer: every way a connection can end at every stage, what a
 * bind may be answered with, calls in any number and order, and clients freed inside each of
 * their callbacks.
 */
#include "rpc_peer.h"

#define SOON (30 * MR_MSEC)   /* timeouts that are meant to pass */
#define ACKED (300 * MR_MSEC) /* and with them a delayed acknowledgement */

struct fixture {
    mr_loop loop;
    struct peer peer;
    mr_client *client;
    mr_client_options options;
    unsigned started;
    int result;
    mr_error err;
};

static void setup(struct fixture *f) {
    memset(f, 0, sizeof *f);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(peer_open(&f->peer, &f->loop), 0);
    f->options.connect.remote = peer_loopback(peer_port(&f->peer));
    f->options.timeout = PATIENCE;
}

static void teardown(struct fixture *f) {
    mr_client_free(f->client);
    peer_deinit(&f->peer);
    mr_loop_deinit(&f->loop);
}

static void on_started(void *user, mr_client *client, int result, const mr_error *err) {
    struct fixture *f = user;
    assert_ptr_equal(client, f->client);
    f->started++;
    f->result = result;
    f->err = *err;
}

static int start(struct fixture *f) {
    assert_int_equal(mr_client_new(&f->loop, &f->options, &f->client, NULL), 0);
    assert_int_equal(mr_client_start(f->client, &mr_mgmt_iface.syntax, on_started, f, NULL), 0);
    peer_run_until(&f->loop, &f->started, 1);
    return f->result;
}

static void start_ok(struct fixture *f) {
    assert_int_equal(start(f), 0);
    assert_int_equal(mr_client_get_report(f->client)->stage, MR_STAGE_READY);
}

/* ---- one call ---- */

struct asked {
    struct fixture *f;
    mr_call call;
    struct mr_mgmt_is_server_listening args;
    unsigned done;
    int result;
    mr_error err;
    struct asked *then;   /* started inside the callback */
    struct asked *forget; /* deinitialised inside the callback */
    bool free_client, free_call;
    bool acked;           /* what was sent had been acknowledged by then */
};

static void ask(struct fixture *f, struct asked *q);

static void on_asked(void *user, mr_call *call, int result, const mr_error *err) {
    struct asked *q = user;
    assert_ptr_equal(call, &q->call);
    q->done++;
    q->result = result;
    q->err = *err;
    q->acked = q->f && q->f->client && mr_client_get_report(q->f->client)->all_acked;
    if (q->then)
        ask(q->f, q->then);
    if (q->forget)
        mr_call_deinit(&q->forget->call);
    if (q->free_call)
        mr_call_deinit(&q->call);
    if (q->free_client) {
        mr_client_free(q->f->client);
        q->f->client = NULL;
    }
}

static void ask(struct fixture *f, struct asked *q) {
    mr_nsec timeout = q->call.timeout;
    q->f = f;
    assert_int_equal(mr_call_init(&q->call, &mr_mgmt_iface, 2, &q->args, NULL), 0);
    q->call.timeout = timeout;
    q->call.done = on_asked;
    q->call.user = q;
    assert_int_equal(mr_call_start(&q->call, f->client, NULL), 0);
}

static void answer(struct peer_conn *conn, const mr_pdu *pdu) {
    struct mr_mgmt_is_server_listening args = {.status = 0, .result = conn->peer->requests};
    peer_reply(conn, pdu, &mr_mgmt_iface, 2, &args);
}

/* ---- connecting and binding ---- */

static void test_refused(void **state) {
    struct fixture f;
    (void)state;
    setup(&f);
    f.options.connect.remote.port = peer_dead_port(&f.loop);
    assert_int_equal(start(&f), MR_ERR_REFUSED);
    const mr_client_report *report = mr_client_get_report(f.client);
    assert_int_equal(report->stage, MR_STAGE_CONNECT);
    assert_int_equal(report->result, MR_ERR_REFUSED);
    assert_int_equal(report->attempt.reach, MR_REACH_REFUSED);
    assert_true(report->started && !report->connected && !report->bound);
    assert_true(report->error.text[0] != '\0');
    mr_call call;
    struct mr_mgmt_is_server_listening args;
    assert_int_equal(mr_call_init(&call, &mr_mgmt_iface, 2, &args, NULL), 0);
    assert_int_equal(mr_call_start(&call, f.client, NULL), MR_ERR_REFUSED);
    mr_call_deinit(&call);
    assert_int_equal(mr_client_add_contexts(f.client, &mr_mgmt_iface.syntax, 1, NULL, NULL, NULL),
                     MR_ERR_STATE);
    teardown(&f);
}

#define LIT(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* What a bind may meet, and what is told of it. */
static void test_bind_ends(void **state) {
    static const struct {
        enum peer_act on_accept, on_bind;
        mr_slice say;
        int result;
        bool foreign;
        enum mr_foreign guess;
    } rows[] = {
        {0, PEER_SILENT, {0}, MR_ERR_TIMEOUT, 0, 0},
        {0, PEER_CLOSE, {0}, MR_ERR_CLOSED, 0, 0},
        {0, PEER_RESET, {0}, MR_ERR_RESET, 0, 0},
        {PEER_CLOSE, 0, {0}, MR_ERR_CLOSED, 0, 0},
        {0, PEER_NAK, {0}, MR_ERR_BIND_REJECTED, 0, 0},
        {0, PEER_SHUTDOWN, {0}, MR_ERR_CLOSED, 0, 0},
        {0, PEER_SAY, LIT("HTTP/1.1 400 Bad Request\r\n\r\n"), MR_ERR_PROTOCOL, true,
         MR_FOREIGN_HTTP},
        /* a handshake_failure alert, and silence or (below) the end */
        {0, PEER_SAY, LIT("\x15\x03\x01\x00\x02\x02\x28"), MR_ERR_PROTOCOL, true,
         MR_FOREIGN_TLS},
        {0, PEER_SAY, LIT("\0\0\0\x23\xffSMBr\0\0\0\0\0\0\0\0\0"), MR_ERR_PROTOCOL, true,
         MR_FOREIGN_SMB},
        {PEER_SAY, PEER_SILENT, LIT("SSH-2.0-OpenSSH_9.2\r\n"), MR_ERR_PROTOCOL, true,
         MR_FOREIGN_SSH},
        {PEER_SAY, PEER_SILENT, LIT("220 mail.example ESMTP\r\n"), MR_ERR_PROTOCOL, true,
         MR_FOREIGN_UNKNOWN},
        /* a reply to a call that was never made; a header that lies about its length */
        {0, PEER_SAY, LIT("\x05\0\x02\x03\x10\0\0\0\x18\0\0\0\x63\0\0\0\0\0\0\0\0\0\0\0"),
         MR_ERR_PROTOCOL, false, 0},
        {0, PEER_SAY, LIT("\x05\0\x0c\x03\x10\0\0\0\x04\0\0\0\x01\0\0\0"), MR_ERR_PROTOCOL, true,
         MR_FOREIGN_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        for (int slow = 0; slow < 2; slow++) {
            struct fixture f;
            setup(&f);
            f.peer.slow = slow;
            f.peer.on_accept = rows[i].on_accept;
            f.peer.on_bind = rows[i].on_bind;
            f.peer.say = rows[i].say;
            f.peer.nak = MR_NAK_LOCAL_LIMIT;
            if (rows[i].result == MR_ERR_TIMEOUT || rows[i].say.len == 7)
                f.options.timeout = ACKED;
            int r = start(&f);
            /* a close may overtake the bind, whose own sending then meets a reset */
            if (rows[i].on_accept == PEER_CLOSE && r == MR_ERR_RESET)
                r = MR_ERR_CLOSED;
            if (r != rows[i].result)
                print_message("# row %zu: %s\n", i, f.err.text);
            assert_int_equal(r, rows[i].result);
            const mr_client_report *report = mr_client_get_report(f.client);
            assert_int_equal(report->stage, MR_STAGE_BIND);
            assert_true(report->connected && !report->bound);
            assert_int_equal(report->has_foreign, rows[i].foreign);
            if (rows[i].foreign)
                assert_int_equal(report->foreign.guess, rows[i].guess);
            assert_int_equal(report->has_nak, r == MR_ERR_BIND_REJECTED);
            if (report->has_nak)
                assert_int_equal(report->nak_reason, MR_NAK_LOCAL_LIMIT);
            if (r == MR_ERR_TIMEOUT)
                assert_true(report->has_tcp && report->all_acked);
            peer_linger(&f.loop, 3);
            assert_int_equal(f.started, 1); /* told once */
            teardown(&f);
        }
    }
}

struct policy {
    uint64_t reject;        /* bit i: reject context i */
    bool take_ndr64;
    bool only_ndr64;
};

static void policy(struct peer *peer, size_t index, const mr_pdu_context *context,
                   const mr_syntax *transfer, mr_pdu_result *result) {
    const struct policy *p = peer->user;

    peer_policy(peer, index, context, transfer, result);
    bool ndr64 = mr_syntax_eq(transfer, &mr_syntax_ndr64);
    if (ndr64 && p->take_ndr64)
        *result = (mr_pdu_result){MR_CONTEXT_ACCEPT, 0, mr_syntax_ndr64};
    if (mr_syntax_eq(transfer, &mr_syntax_ndr20) && p->only_ndr64)
        *result = (mr_pdu_result){.result = MR_CONTEXT_PROVIDER_REJECT,
                                  .reason = MR_REASON_TRANSFER_SYNTAX};
    if (result->result == MR_CONTEXT_ACCEPT && p->reject >> index & 1)
        *result = (mr_pdu_result){.result = MR_CONTEXT_PROVIDER_REJECT,
                                  .reason = MR_REASON_ABSTRACT_SYNTAX};
}

/* One of several is rejected: the others serve. All are: another may be asked for. */
static void test_rejected(void **state) {
    struct policy p = {.reject = 2};
    mr_syntax asked[3] = {mr_mgmt_iface.syntax, mr_epmapper_iface.syntax, mr_mgmt_iface.syntax};
    struct fixture f;

    (void)state;
    asked[2].uuid.time_low++;
    setup(&f);
    f.peer.policy = policy;
    f.peer.user = &p;
    f.peer.request = answer;
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_start_many(f.client, asked, 3, on_started, &f, NULL), 0);
    peer_run_until(&f.loop, &f.started, 1);
    assert_int_equal(f.result, 0);
    for (size_t i = 0; i < 3; i++) {
        const mr_client_context *c = mr_client_get_context(f.client, i);
        assert_true(c->answered && mr_syntax_eq(&c->abstract, &asked[i]));
        assert_int_equal(c->accepted, i != 1);
    }
    assert_int_equal(mr_client_get_context(f.client, 1)->reason, MR_REASON_ABSTRACT_SYNTAX);
    assert_null(mr_client_get_context(f.client, 3));
    assert_string_equal(mr_client_get_report(f.client)->sec_addr, "135");
    assert_int_equal(mr_client_get_report(f.client)->assoc_group, 0x1234);
    struct mr_epmapper_ept_inq_object none = {0};
    mr_call call;
    assert_int_equal(mr_call_init(&call, &mr_epmapper_iface, 5, &none, NULL), 0);
    assert_int_equal(mr_call_start(&call, f.client, NULL), MR_ERR_STATE);
    mr_call_deinit(&call);
    struct asked q = {0};
    ask(&f, &q);
    peer_run_until(&f.loop, &q.done, 1);
    assert_int_equal(q.result, 0);
    mr_call_deinit(&q.call);
    teardown(&f);

    setup(&f);
    p.reject = 1;
    f.peer.policy = policy;
    f.peer.user = &p;
    f.peer.request = answer;
    assert_int_equal(start(&f), MR_ERR_CONTEXT_REJECTED);
    assert_int_equal(f.err.peer, (uint32_t)MR_CONTEXT_PROVIDER_REJECT << 16 |
                                     MR_REASON_ABSTRACT_SYNTAX);
    p.reject = 0;
    assert_int_equal(mr_client_add_contexts(f.client, &mr_mgmt_iface.syntax, 1, on_started, &f,
                                            NULL), 0);
    peer_run_until(&f.loop, &f.started, 2);
    assert_int_equal(f.result, 0);
    q = (struct asked){0};
    ask(&f, &q);
    peer_run_until(&f.loop, &q.done, 1);
    assert_int_equal(q.result, 0);
    mr_call_deinit(&q.call);
    teardown(&f);
}

/* NDR64 is offered as Windows does, and used only where that was asked for or nothing else is. */
static void test_ndr64(void **state) {
    static const struct {
        struct policy p;
        bool use;
        enum mr_ndr_syntax syntax;
        int result;
    } rows[] = {
        {{.take_ndr64 = false}, true, MR_NDR20, 0},
        {{.take_ndr64 = true}, false, MR_NDR20, 0},
        {{.take_ndr64 = true}, true, MR_NDR64, 0},
        {{.take_ndr64 = true, .only_ndr64 = true}, false, MR_NDR64, 0},
        {{.only_ndr64 = true}, true, MR_NDR20, MR_ERR_CONTEXT_REJECTED},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct policy p = rows[i].p;
        struct fixture f;
        setup(&f);
        f.peer.policy = policy;
        f.peer.user = &p;
        f.options.bind = MR_BIND_WINDOWS;
        f.options.ndr64 = rows[i].use;
        assert_int_equal(start(&f), rows[i].result);
        assert_int_equal(f.peer.asked, 3);
        const mr_client_context *c = mr_client_get_context(f.client, 0);
        assert_int_equal(c->accepted, rows[i].result == 0);
        if (c->accepted) {
            assert_int_equal(c->syntax, rows[i].syntax);
            assert_int_equal(c->result, MR_CONTEXT_ACCEPT);
            assert_int_equal(c->reason, 0);
        } else {
            assert_int_equal(c->reason, MR_REASON_TRANSFER_SYNTAX);
        }
        assert_int_equal(mr_client_get_report(f.client)->features, 3);
        teardown(&f);
    }
}

/* An alter_context may be answered, rejected, faulted, or be the end. */
static void test_add_contexts(void **state) {
    static const struct {
        enum peer_act act;
        bool reject;
        int result;
        bool alive;
    } rows[] = {
        {PEER_ANSWER, false, 0, true},
        {PEER_ANSWER, true, MR_ERR_CONTEXT_REJECTED, true},
        {PEER_FAULT, false, MR_ERR_FAULT, true},
        {PEER_CLOSE, false, MR_ERR_CLOSED, false},
        {PEER_RESET, false, MR_ERR_RESET, false},
        {PEER_SILENT, false, MR_ERR_TIMEOUT, false},
        {PEER_SHUTDOWN, false, MR_ERR_CLOSED, false},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct policy p = {0};
        struct fixture f;
        setup(&f);
        f.peer.policy = policy;
        f.peer.user = &p;
        f.peer.request = answer;
        f.peer.on_alter = rows[i].act;
        f.peer.fault = 0x1c010013;
        if (rows[i].act == PEER_SILENT)
            f.options.timeout = 10 * SOON;
        start_ok(&f);
        p.reject = rows[i].reject;
        assert_int_equal(mr_client_add_contexts(f.client, &mr_epmapper_iface.syntax, 1, on_started,
                                                &f, NULL), 0);
        assert_int_equal(mr_client_get_report(f.client)->stage, MR_STAGE_BIND);
        assert_int_equal(mr_client_add_contexts(f.client, &mr_epmapper_iface.syntax, 1, on_started,
                                                &f, NULL), MR_ERR_STATE);
        peer_run_until(&f.loop, &f.started, 2);
        assert_int_equal(f.result, rows[i].result);
        assert_int_equal(mr_client_get_report(f.client)->stage,
                         rows[i].alive ? MR_STAGE_READY : MR_STAGE_BIND);
        if (rows[i].result == MR_ERR_FAULT)
            assert_int_equal(f.err.peer, 0x1c010013);
        if (rows[i].alive) {
            struct asked q = {0};
            ask(&f, &q);
            peer_run_until(&f.loop, &q.done, 1);
            assert_int_equal(q.result, 0);
            mr_call_deinit(&q.call);
        }
        teardown(&f);
    }
}

/* Arguments that cannot be: no context stays behind. */
static void test_start_errors(void **state) {
    static mr_syntax many[MR_ASSOC_CONTEXT_MAX + 1];
    struct fixture f;

    (void)state;
    setup(&f);
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_start_many(f.client, many, 0, NULL, NULL, NULL), MR_ERR_LIMIT);
    assert_int_equal(mr_client_start_many(f.client, many, MR_COUNT(many), NULL, NULL, NULL),
                     MR_ERR_LIMIT);
    assert_null(mr_client_get_context(f.client, 0));
    assert_int_equal(mr_client_start(f.client, &mr_mgmt_iface.syntax, on_started, &f, NULL), 0);
    assert_int_equal(mr_client_start(f.client, &mr_mgmt_iface.syntax, on_started, &f, NULL),
                     MR_ERR_STATE);
    peer_run_until(&f.loop, &f.started, 1);
    assert_int_equal(f.result, 0);
    mr_call call;
    assert_int_equal(mr_call_init(&call, &mr_mgmt_iface, 99, NULL, NULL), MR_ERR_NOT_FOUND);
    mr_call_deinit(&call);
    teardown(&f);
}

static void say_and_close(struct peer *peer, size_t index, const mr_pdu_context *context,
                          const mr_syntax *transfer, mr_pdu_result *result) {
    struct peer_conn *conn = peer->conns[0];
    peer_policy(peer, index, context, transfer, result);
    peer_send(conn, peer->say);
    mr_stream_shutdown(&conn->stream);
}

/* A few octets of another protocol, then the end: a TLS server's alert. */
static void test_alert_and_end(void **state) {
    struct fixture f;
    (void)state;
    setup(&f);
    f.peer.say = MR_SLICE_LIT("\x15\x03\x01\x00\x02\x02\x28");
    f.peer.policy = say_and_close;
    assert_int_equal(start(&f), MR_ERR_PROTOCOL);
    assert_true(mr_client_get_report(f.client)->has_foreign);
    assert_int_equal(mr_client_get_report(f.client)->foreign.guess, MR_FOREIGN_TLS);
    teardown(&f);
}

/* ---- calls ---- */

static void test_call_ends(void **state) {
    static const struct {
        enum peer_act act;
        mr_slice say;
        int result;
        bool alive;
    } rows[] = {
        {PEER_FAULT, {0}, MR_ERR_FAULT, true},
        {PEER_CLOSE, {0}, MR_ERR_CLOSED, false},
        {PEER_RESET, {0}, MR_ERR_RESET, false},
        {PEER_SHUTDOWN, {0}, MR_ERR_CLOSED, false},
        {PEER_SILENT, {0}, MR_ERR_TIMEOUT, true},
        {PEER_SAY, LIT("this is no PDU at all"), MR_ERR_MALFORMED, false},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows) * 2; i++) {
        struct fixture f;
        struct asked q = {0};
        setup(&f);
        start_ok(&f);
        f.peer.slow = i >= MR_COUNT(rows);
        f.peer.on_request = rows[i % MR_COUNT(rows)].act;
        f.peer.say = rows[i % MR_COUNT(rows)].say;
        f.peer.fault = 0x1c010014;
        f.peer.fault_flags = MR_PFC_DID_NOT_EXECUTE;
        f.peer.request = answer;
        int want = rows[i % MR_COUNT(rows)].result;
        q.call.timeout = want == MR_ERR_TIMEOUT ? ACKED : 0;
        ask(&f, &q);
        assert_int_equal(mr_client_get_report(f.client)->stage, MR_STAGE_CALL);
        peer_run_until(&f.loop, &q.done, 1);
        assert_int_equal(q.result, want);
        assert_true(q.call.sent != 0);
        if (want == MR_ERR_FAULT) {
            assert_int_equal(q.call.fault, 0x1c010014);
            assert_true(q.call.did_not_execute);
            assert_true(q.call.answered >= q.call.sent);
        }
        if (want == MR_ERR_TIMEOUT) {
            assert_true(q.acked);
            peer_run_until(&f.loop, &f.peer.orphans, 1);
        }
        if (rows[i % MR_COUNT(rows)].alive) { /* the connection serves the next one */
            f.peer.on_request = PEER_ANSWER;
            mr_call_deinit(&q.call);
            q = (struct asked){0};
            ask(&f, &q);
            peer_run_until(&f.loop, &q.done, 1);
            assert_int_equal(q.result, 0);
            assert_int_equal(q.args.result, 2);
            assert_false(q.call.did_not_execute);
        } else {
            assert_int_equal(mr_client_get_report(f.client)->stage, MR_STAGE_CALL);
            assert_int_equal(mr_call_start(&q.call, f.client, NULL), want);
        }
        mr_call_deinit(&q.call);
        teardown(&f);
    }
}

/* A reply that comes after its call was given up is dropped; the next one is not confused. */
static mr_pdu late;
static void keep_first(struct peer_conn *conn, const mr_pdu *pdu) {
    if (conn->requests == 1) {
        late = *pdu;
        return;
    }
    answer(conn, &late);
    answer(conn, pdu);
}

static void test_late_reply(void **state) {
    (void)state;
    for (int multiplex = 0; multiplex < 2; multiplex++) {
        struct fixture f;
        struct asked a = {.call.timeout = SOON}, b = {0};
        setup(&f);
        f.peer.no_multiplex = !multiplex;
        f.peer.request = keep_first;
        start_ok(&f);
        ask(&f, &a);
        ask(&f, &b);
        peer_run_until(&f.loop, &b.done, 1);
        /* with multiplexing the first is answered with the second; else it times out first */
        assert_int_equal(a.done, 1);
        assert_int_equal(a.result, multiplex ? 0 : MR_ERR_TIMEOUT);
        assert_int_equal(b.result, 0);
        mr_call_deinit(&a.call);
        mr_call_deinit(&b.call);
        teardown(&f);
    }
}

/* Collects requests, and answers all of them in one segment once there are enough. */
static struct {
    mr_pdu pdus[64];
    unsigned count, want;
    bool backwards;
} held;

static void hold(struct peer_conn *conn, const mr_pdu *pdu) {
    mr_buf all;

    held.pdus[held.count++] = *pdu;
    if (held.count < held.want)
        return;
    mr_buf_init(&all, NULL, 0, 1 << 20);
    for (unsigned i = 0; i < held.count; i++) {
        const mr_pdu *to = &held.pdus[held.backwards ? held.count - 1 - i : i];
        mr_pdu_header head = peer_head(to->header.call_id, PEER_WHOLE);
        const uint8_t stub[8] = {0};
        const mr_pdu_response response = {.context_id = to->u.request.context_id,
                                          .stub = mr_slice_of(stub, sizeof stub)};
        mr_buf one;
        mr_buf_init(&one, NULL, 0, 4096);
        assert_int_equal(mr_pdu_encode_response(&one, &head, &response), 0);
        mr_buf_write(&all, mr_buf_slice(&one));
        mr_buf_deinit(&one);
    }
    held.count = 0;
    peer_send_buf(conn, &all);
}

/* Many at once, answered in one segment, each starting another call inside its callback: no
 * reply that lies behind in the segment is lost. */
static void test_multiplexed(void **state) {
    static struct asked first[20], second[20];

    (void)state;
    for (int way = 0; way < 2; way++) {
        struct fixture f;
        setup(&f);
        memset(first, 0, sizeof first);
        memset(second, 0, sizeof second);
        held.count = 0;
        held.want = MR_COUNT(first);
        held.backwards = way;
        f.peer.request = hold;
        start_ok(&f);
        for (size_t i = 0; i < MR_COUNT(first); i++) {
            first[i].then = &second[i];
            ask(&f, &first[i]);
        }
        for (size_t i = 0; i < MR_COUNT(first); i++)
            peer_run_until(&f.loop, &second[i].done, 1);
        for (size_t i = 0; i < MR_COUNT(first); i++) {
            assert_int_equal(first[i].done, 1);
            assert_int_equal(first[i].result, 0);
            assert_int_equal(second[i].result, 0);
            mr_call_deinit(&first[i].call);
            mr_call_deinit(&second[i].call);
        }
        assert_int_equal(mr_client_get_report(f.client)->stage, MR_STAGE_READY);
        teardown(&f);
    }
}

/* Without multiplexing calls wait their turn; one given up lets the next go. */
static void test_queued(void **state) {
    struct asked q[4] = {{0}};
    struct fixture f;

    (void)state;
    setup(&f);
    f.peer.no_multiplex = true;
    f.peer.on_request = PEER_SILENT;
    start_ok(&f);
    for (size_t i = 0; i < MR_COUNT(q); i++)
        ask(&f, &q[i]);
    peer_run_until(&f.loop, &f.peer.requests, 1);
    peer_linger(&f.loop, 3);
    assert_int_equal(f.peer.requests, 1);
    f.peer.on_request = PEER_ANSWER;
    f.peer.request = answer;
    mr_call_deinit(&q[2].call); /* waiting */
    mr_call_deinit(&q[0].call); /* in flight */
    peer_run_until(&f.loop, &q[3].done, 1);
    assert_int_equal(q[1].done, 1);
    assert_int_equal(q[1].result, 0);
    assert_int_equal(q[3].result, 0);
    assert_int_equal(q[0].done + q[2].done, 0);
    assert_int_equal(f.peer.orphans, 1);
    mr_call_deinit(&q[1].call);
    mr_call_deinit(&q[3].call);
    teardown(&f);
}

/* The end of the connection ends each call once, also those that a callback forgets. */
static void test_end_of_many(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct asked q[5] = {{0}};
        struct fixture f;
        setup(&f);
        f.peer.no_multiplex = way & 1;
        f.peer.on_request = PEER_SILENT;
        start_ok(&f);
        for (size_t i = 0; i < MR_COUNT(q); i++)
            ask(&f, &q[i]);
        q[0].forget = &q[1];
        q[2].forget = &q[2];
        q[3].free_client = way & 2;
        peer_run_until(&f.loop, &f.peer.requests, 1);
        peer_end(f.peer.conns[0], true);
        peer_run_until(&f.loop, &q[3].done, 1);
        peer_linger(&f.loop, 2);
        assert_int_equal(q[0].done, 1);
        assert_int_equal(q[1].done, 0);
        assert_int_equal(q[2].done, 1);
        assert_int_equal(q[4].done, way & 2 ? 0 : 1);
        assert_int_equal(q[0].result, MR_ERR_RESET);
        for (size_t i = 0; i < MR_COUNT(q); i++)
            mr_call_deinit(&q[i].call);
        teardown(&f);
    }
}

/* Several calls time out in one turn, and a callback frees the client. */
static void test_expire_many(void **state) {
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct asked q[5] = {{0}};
        struct fixture f;
        setup(&f);
        f.peer.on_request = PEER_SILENT;
        start_ok(&f);
        for (size_t i = 0; i < MR_COUNT(q); i++) {
            q[i].call.timeout = SOON;
            ask(&f, &q[i]);
        }
        q[0].forget = &q[1];
        q[1].free_call = true;
        q[3].free_client = way;
        peer_run_until(&f.loop, &q[way ? 3 : 4].done, 1);
        peer_linger(&f.loop, 2);
        assert_int_equal(q[1].done, 0);
        assert_int_equal(q[2].result, MR_ERR_TIMEOUT);
        assert_int_equal(q[4].done, !way);
        for (size_t i = 0; i < MR_COUNT(q); i++)
            mr_call_deinit(&q[i].call);
        teardown(&f);
    }
}

/* ---- the client is freed inside ---- */

static void on_started_free(void *user, mr_client *client, int result, const mr_error *err) {
    struct fixture *f = user;
    (void)err;
    f->started++;
    f->result = result;
    mr_client_free(client);
    f->client = NULL;
}

static void test_free_inside(void **state) {
    static const enum peer_act acts[] = {PEER_ANSWER, PEER_SILENT, PEER_CLOSE, PEER_RESET,
                                         PEER_NAK, PEER_SAY, PEER_SHUTDOWN};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(acts) * 2; i++) {
        enum peer_act act = acts[i / 2];
        struct policy p = {.reject = i % 2};
        setup(&f);
        f.peer.on_bind = act;
        f.peer.say = MR_SLICE_LIT("HTTP/1.0 200 OK\r\n");
        f.peer.policy = policy;
        f.peer.user = &p;
        f.options.timeout = act == PEER_SILENT ? SOON : PATIENCE;
        assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
        assert_int_equal(mr_client_start(f.client, &mr_mgmt_iface.syntax, on_started_free, &f,
                                         NULL), 0);
        peer_run_until(&f.loop, &f.started, 1);
        teardown(&f);
    }
    setup(&f); /* refused */
    f.options.connect.remote.port = peer_dead_port(&f.loop);
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_start(f.client, &mr_mgmt_iface.syntax, on_started_free, &f, NULL),
                     0);
    peer_run_until(&f.loop, &f.started, 1);
    teardown(&f);
    for (size_t i = 0; i < MR_COUNT(acts) * 2; i++) { /* inside a call's callback */
        struct asked q = {.free_client = true, .free_call = i % 2};
        if (acts[i / 2] == PEER_NAK)
            continue;
        setup(&f);
        f.peer.request = answer;
        f.peer.on_request = acts[i / 2];
        f.peer.say = MR_SLICE_LIT("HTTP/1.0 200 OK\r\n");
        q.call.timeout = acts[i / 2] == PEER_SILENT ? SOON : 0;
        start_ok(&f);
        ask(&f, &q);
        peer_run_until(&f.loop, &q.done, 1);
        mr_call_deinit(&q.call);
        teardown(&f);
    }
    for (int i = 0; i < 3; i++) { /* in the middle: unstarted, connecting, calling */
        struct asked q = {0};
        setup(&f);
        f.peer.on_request = PEER_SILENT;
        if (i == 2) {
            start_ok(&f);
            ask(&f, &q);
            peer_run_until(&f.loop, &f.peer.requests, 1);
        } else {
            assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
            if (i)
                assert_int_equal(mr_client_start(f.client, &mr_mgmt_iface.syntax, on_started, &f,
                                                 NULL), 0);
        }
        mr_client_free(f.client);
        f.client = NULL;
        peer_linger(&f.loop, 2);
        assert_int_equal(q.done, 0);
        mr_call_deinit(&q.call);
        teardown(&f);
    }
}

/* ---- replies ---- */

static void reply_stats(struct peer_conn *conn, const mr_pdu *pdu) {
    static uint32_t numbers[5000];
    struct mr_mgmt_inq_stats args = {.count = MR_COUNT(numbers), .statistics = numbers};
    peer_reply(conn, pdu, &mr_mgmt_iface, 1, &args);
}

/* A reply in fragments, octet by octet; and one past the cap, which ends its call only. */
static void test_reply_sizes(void **state) {
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct mr_mgmt_inq_stats args = {.count = 5000};
        struct fixture f;
        struct asked q = {0};
        setup(&f);
        f.options.stub_cap = way == 2 ? 9999 : 0;
        f.peer.request = reply_stats;
        start_ok(&f);
        f.peer.slow = way == 1;
        assert_int_equal(mr_call_init(&q.call, &mr_mgmt_iface, 1, &args, NULL), 0);
        q.call.done = on_asked;
        q.call.user = &q;
        assert_int_equal(mr_call_start(&q.call, f.client, NULL), 0);
        peer_run_until(&f.loop, &q.done, 1);
        assert_int_equal(q.result, way == 2 ? MR_ERR_LIMIT : 0);
        if (way != 2)
            assert_int_equal(args.statistics[4999], 0);
        mr_call_deinit(&q.call);
        f.peer.slow = false;
        f.peer.request = answer;
        q = (struct asked){0};
        ask(&f, &q);
        peer_run_until(&f.loop, &q.done, 1);
        assert_int_equal(q.result, 0);
        mr_call_deinit(&q.call);
        teardown(&f);
    }
}

static void reply_short(struct peer_conn *conn, const mr_pdu *pdu) {
    peer_reply_stub(conn, pdu, mr_slice_of("\1\0\0", 3));
}

static void reply_long(struct peer_conn *conn, const mr_pdu *pdu) {
    peer_reply_stub(conn, pdu, mr_slice_of("\0\0\0\0\1\0\0\0rest", 12));
}

/* A stub that does not decode is an error of its call; what follows the last parameter is noted. */
static void test_bad_stub(void **state) {
    struct fixture f;
    struct asked q = {0};

    (void)state;
    setup(&f);
    f.peer.request = reply_short;
    start_ok(&f);
    ask(&f, &q);
    peer_run_until(&f.loop, &q.done, 1);
    assert_true(q.result < 0 && q.result != MR_ERR_FAULT);
    assert_true(q.err.text[0] != '\0');
    f.peer.request = reply_long;
    assert_int_equal(mr_call_start(&q.call, f.client, NULL), 0);
    peer_run_until(&f.loop, &q.done, 2);
    assert_int_equal(q.result, 0);
    assert_int_equal(q.call.rest, 4);
    f.peer.request = answer;
    assert_int_equal(mr_call_start(&q.call, f.client, NULL), 0);
    peer_run_until(&f.loop, &q.done, 3);
    assert_int_equal(q.result, 0);
    assert_int_equal(q.call.rest, 0);
    mr_call_deinit(&q.call);
    teardown(&f);
}

/* A request far larger than what may wait for the system goes out piece by piece. */
static void test_large_request(void **state) {
    static uint8_t octets[40000];
    static mr_epmapper_ept_entry_t entries[500];
    mr_epmapper_twr_t tower = {sizeof octets, octets};
    struct mr_epmapper_ept_insert args = {.num_ents = MR_COUNT(entries), .entries = entries};
    mr_epmapper_twr_t own[MR_COUNT(entries)];
    struct fixture f;
    struct asked q = {0};

    (void)state;
    setup(&f);
    for (size_t i = 0; i < MR_COUNT(entries); i++) {
        own[i] = tower;
        entries[i].tower = &own[i];
        entries[i].annotation = (uint8_t *)"";
    }
    f.peer.on_request = PEER_FAULT;
    f.peer.fault = 5;
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_start(f.client, &mr_epmapper_iface.syntax, on_started, &f, NULL),
                     0);
    peer_run_until(&f.loop, &f.started, 1);
    assert_int_equal(mr_call_init(&q.call, &mr_epmapper_iface, 0, &args, NULL), 0);
    q.call.done = on_asked;
    q.call.user = &q;
    assert_int_equal(mr_call_start(&q.call, f.client, NULL), 0);
    assert_true(mr_client_get_report(f.client)->sent < 18 << 20);
    peer_run_until(&f.loop, &q.done, 1);
    assert_int_equal(q.result, MR_ERR_FAULT);
    assert_true(mr_client_get_report(f.client)->sent > 20000000);
    mr_call_deinit(&q.call);
    teardown(&f);
}

/* ---- waiting ---- */

static void test_open_and_call(void **state) {
    struct mr_mgmt_is_server_listening args = {0};
    struct fixture f;

    (void)state;
    setup(&f);
    f.peer.request = answer;
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_open(f.client, &mr_mgmt_iface.syntax, &f.err), 0);
    assert_int_equal(mr_client_call(f.client, &mr_mgmt_iface, 2, &args, &f.err), 0);
    assert_int_equal(args.result, 1);
    f.peer.on_request = PEER_FAULT;
    f.peer.fault = 5;
    assert_int_equal(mr_client_call(f.client, &mr_mgmt_iface, 2, &args, &f.err), MR_ERR_FAULT);
    assert_int_equal(f.err.peer, 5);
    mr_client_release(f.client);
    f.peer.on_request = PEER_CLOSE;
    assert_int_equal(mr_client_call(f.client, &mr_mgmt_iface, 2, &args, &f.err), MR_ERR_CLOSED);
    f.err = MR_ERROR_INIT; /* what ended the connection is what whoever comes later hears */
    assert_int_equal(mr_client_call(f.client, &mr_mgmt_iface, 2, &args, &f.err), MR_ERR_CLOSED);
    assert_int_equal(f.err.code, MR_ERR_CLOSED);
    mr_client_free(NULL);
    teardown(&f);
}

static void raise_now(void *user) {
    (void)user;
    raise(SIGTERM);
}

/* Interrupted while it waits: nobody is told later, and no reply is written into what is gone. */
static void test_interrupted(void **state) {
    struct fixture f;
    mr_timer timer;

    (void)state;
    for (int way = 0; way < 2; way++) {
        setup(&f);
        assert_int_equal(mr_loop_add_signals(&f.loop, NULL), 0);
        mr_timer_init(&timer, &f.loop, raise_now, NULL);
        f.peer.on_bind = way ? PEER_ANSWER : PEER_SILENT;
        f.peer.request = keep_first;
        assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
        if (way == 0)
            mr_timer_set(&timer, mr_clock_now() + 5 * MR_MSEC);
        int r = mr_client_open(f.client, &mr_mgmt_iface.syntax, &f.err);
        assert_int_equal(r, way ? 0 : MR_ERR_CANCELLED);
        if (way) {
            struct mr_mgmt_is_server_listening *args = calloc(1, sizeof *args);
            mr_timer_set(&timer, mr_clock_now() + 5 * MR_MSEC);
            r = mr_client_call(f.client, &mr_mgmt_iface, 2, args, &f.err);
            assert_int_equal(r, MR_ERR_CANCELLED);
            free(args);
            peer_run_until(&f.loop, &f.peer.requests, 1);
            answer(f.peer.conns[0], &late);
        } else {
            peer_end(f.peer.conns[0], true);
        }
        mr_timer_deinit(&timer);
        peer_linger(&f.loop, 3);
        teardown(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_bind_ends),
        cmocka_unit_test(test_rejected),      cmocka_unit_test(test_ndr64),
        cmocka_unit_test(test_add_contexts),  cmocka_unit_test(test_start_errors),
        cmocka_unit_test(test_alert_and_end), cmocka_unit_test(test_call_ends),
        cmocka_unit_test(test_late_reply),
        cmocka_unit_test(test_multiplexed),   cmocka_unit_test(test_queued),
        cmocka_unit_test(test_end_of_many),   cmocka_unit_test(test_expire_many),
        cmocka_unit_test(test_free_inside),   cmocka_unit_test(test_reply_sizes),
        cmocka_unit_test(test_bad_stub),      cmocka_unit_test(test_large_request),
        cmocka_unit_test(test_open_and_call), cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
