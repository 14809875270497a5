/*
 * Calls that meet on one connection, and clients that misuse them: fragments of two requests mixed,
 * with and without PFC_CONC_MPX (C706 12.6.3.7), call ids used twice, cancels and orphans for calls
 * that are there, were there, and never were (C706 12.6.4.3, 12.6.4.8), replies out of order,
 * readers that do not read, a server that ends.
 */
#include "test_server_raw.h"

#define FIRST MR_PFC_FIRST_FRAG
#define LAST MR_PFC_LAST_FRAG

/* Bound to mgmt; with @multiplex both sides agreed to mix. */
static void bound_as(struct raw *raw, struct fixture *f, bool multiplex) {
    const mr_pdu_header header = {.flags = (uint8_t)(WHOLE | (multiplex ? MR_PFC_CONC_MPX : 0)),
                                  .call_id = 1};
    const mr_pdu_bind bind = {.max_xmit = 4280, .max_recv = 4280};
    mr_buf buf = out_begin();

    raw_open(raw, f);
    assert_int_equal(mr_pdu_encode_bind(&buf, &header, &bind), 0);
    assert_int_equal(mr_pdu_add_context(&buf, 0, 0, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1),
                     0);
    raw_send(raw, mr_buf_slice(&buf));
    mr_pdu pdu = raw_read(raw, 0);
    assert_int_equal(pdu.header.ptype, MR_PTYPE_BIND_ACK);
    assert_int_equal((pdu.header.flags & MR_PFC_CONC_MPX) != 0, multiplex);
}

/* A fragment of inq_stats for @count statistics; what follows the number is filler. */
static void send_stats(struct raw *raw, uint32_t call_id, uint8_t flags, uint8_t count) {
    const uint8_t stub[8] = {count};
    send_request(raw, call_id, flags, 0, 1, mr_slice_of(stub, sizeof stub), false);
}

static void expect_stats(struct raw *raw, unsigned index, uint32_t call_id, uint8_t count) {
    mr_pdu pdu = raw_read(raw, index);

    assert_int_equal(pdu.header.ptype, MR_PTYPE_RESPONSE);
    assert_int_equal(pdu.header.call_id, call_id);
    assert_int_equal(pdu.u.response.stub.len, 4 + 4 + 4 * count + 4);
    assert_int_equal(pdu.u.response.stub.data[0], count);
}

static void send_control(struct raw *raw, uint8_t ptype, uint32_t call_id) {
    const mr_pdu_header header = {.flags = WHOLE, .call_id = call_id};
    mr_buf buf = out_begin();

    assert_int_equal(ptype == MR_PTYPE_CO_CANCEL ? mr_pdu_encode_cancel(&buf, &header)
                                                 : mr_pdu_encode_orphaned(&buf, &header), 0);
    raw_send(raw, mr_buf_slice(&buf));
}

static void ask(struct raw *raw, uint32_t call_id) {
    send_request(raw, call_id, WHOLE, 0, 2, MR_SLICE_NULL, false);
}

/* The connection broke off with a fault for @call_id. */
static void expect_broken(struct raw *raw, unsigned index, uint32_t call_id) {
    assert_int_equal(read_fault(raw, index, false).status, MR_FAULT_PROTO_ERROR);
    assert_int_equal(raw_read(raw, index).header.call_id, call_id);
    run_until(raw->f, &raw->closed, 1);
    raw_close(raw);
}

static void end(struct fixture *f) {
    run_until_connections(f, 0);
    sensible(f);
    teardown(f);
}

/* Two requests, fragment by fragment in turn: each gets what it asked for, the first to be complete
 * is answered first. */
static void test_mixed(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    bound_as(&raw, &f, true);
    send_stats(&raw, 2, FIRST, 3);
    send_stats(&raw, 3, FIRST, 5);
    send_stats(&raw, 2, 0, 99);
    ask(&raw, 4); /* a whole one between them */
    send_stats(&raw, 3, LAST, 99);
    send_stats(&raw, 2, LAST, 99);
    assert_int_equal(raw_read(&raw, 1).header.call_id, 4);
    expect_stats(&raw, 2, 3, 5);
    expect_stats(&raw, 3, 2, 3);
    raw_close(&raw);
    end(&f);
}

/* Where that was not agreed, the first fragment between ends it, as the fault of the request that
 * was left alone; one request after the other is no mixing, answered or not. */
static void test_mixed_unasked(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    bound_as(&raw, &f, false);
    send_stats(&raw, 2, FIRST, 3);
    send_stats(&raw, 3, FIRST, 5);
    expect_broken(&raw, 1, 2);
    bound_as(&raw, &f, false);
    send_stats(&raw, 2, FIRST, 3);
    ask(&raw, 3);
    expect_broken(&raw, 1, 2);

    f.late = true;
    bound_as(&raw, &f, false);
    ask(&raw, 2);
    send_stats(&raw, 3, WHOLE, 5);
    expect_stats(&raw, 1, 3, 5);
    mr_server_reply(f.waiting[0]);
    assert_int_equal(raw_read(&raw, 2).header.call_id, 2);
    raw_close(&raw);
    end(&f);
}

/* A call id names one call at a time. */
static void test_same_id(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (unsigned round = 0; round < 2; round++) {
        bound_as(&raw, &f, true);
        send_stats(&raw, 2, FIRST, 3); /* its request is not complete */
        send_stats(&raw, 2, round ? WHOLE : FIRST, 3);
        expect_broken(&raw, 1, 2);
    }
    f.late = f.end_when_gone = true;
    bound_as(&raw, &f, true);
    ask(&raw, 2); /* its body is to answer */
    run_until(&f, &f.waiting_count, 1);
    ask(&raw, 2);
    expect_broken(&raw, 1, 2);
    run_until(&f, &f.gone, 1);
    assert_int_equal(f.waiting_count, 1);
    f.late = false;
    bound_as(&raw, &f, true); /* free again once it is answered */
    for (unsigned i = 1; i <= 3; i++) {
        ask(&raw, 2);
        assert_int_equal(raw_read(&raw, i).header.call_id, 2);
    }
    raw_close(&raw);
    end(&f);
}

/* Fragments that go on with nothing, with what is complete, or with something else. */
static void test_stray_fragments(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (uint8_t flags = 0; flags <= LAST; flags += LAST) {
        bound_as(&raw, &f, true);
        send_stats(&raw, 2, flags, 3);
        expect_broken(&raw, 1, 2);
    }
    f.late = f.end_when_gone = true;
    bound_as(&raw, &f, true);
    ask(&raw, 2);
    run_until(&f, &f.waiting_count, 1);
    send_stats(&raw, 2, LAST, 3);
    expect_broken(&raw, 1, 2);
    run_until(&f, &f.gone, 1);
    bound_as(&raw, &f, true); /* the same call, another operation */
    send_stats(&raw, 2, FIRST, 3);
    send_request(&raw, 2, LAST, 0, 2, MR_SLICE_NULL, false);
    expect_broken(&raw, 1, 2);
    end(&f);
}

/* A cancel is a hint: the call is answered all the same. Where there is no call it is nothing. */
static void test_cancels(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    bound_as(&raw, &f, true);
    send_control(&raw, MR_PTYPE_CO_CANCEL, 77); /* never was */
    send_control(&raw, MR_PTYPE_ORPHANED, 78);
    ask(&raw, 2);
    assert_int_equal(raw_read(&raw, 1).header.call_id, 2);
    send_control(&raw, MR_PTYPE_CO_CANCEL, 2); /* is over */
    send_control(&raw, MR_PTYPE_ORPHANED, 2);
    send_stats(&raw, 3, FIRST, 3);
    send_control(&raw, MR_PTYPE_CO_CANCEL, 3); /* is coming */
    send_stats(&raw, 3, LAST, 3);
    expect_stats(&raw, 2, 3, 3);
    f.late = true;
    ask(&raw, 4);
    ask(&raw, 5);
    run_until(&f, &f.waiting_count, 2);
    assert_false(mr_server_is_cancelled(f.waiting[0]));
    send_control(&raw, MR_PTYPE_CO_CANCEL, 4); /* is at work */
    send_stats(&raw, 6, WHOLE, 1);
    expect_stats(&raw, 3, 6, 1);
    assert_true(mr_server_is_cancelled(f.waiting[0]));
    assert_false(mr_server_is_cancelled(f.waiting[1]));
    assert_int_equal(f.gone, 0);
    mr_server_reply(f.waiting[0]);
    mr_server_reply(f.waiting[1]);
    assert_int_equal(raw_read(&raw, 4).header.call_id, 4);
    assert_int_equal(raw_read(&raw, 5).header.call_id, 5);
    raw_close(&raw);
    end(&f);
}

/* Replies go out as they are given, whatever the order of the requests; the call ids tell. Faults
 * among them, and the connection's end before the last. */
static void test_out_of_order(void **state) {
    static const uint8_t order[] = {3, 0, 2};
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    f.late = true;
    bound_as(&raw, &f, true);
    for (uint32_t i = 0; i < 5; i++)
        ask(&raw, 10 + i);
    run_until(&f, &f.waiting_count, 5);
    for (unsigned i = 0; i < MR_COUNT(order); i++) {
        mr_server_reply(f.waiting[order[i]]);
        mr_pdu pdu = raw_read(&raw, 1 + i);
        assert_int_equal(pdu.header.ptype, MR_PTYPE_RESPONSE);
        assert_int_equal(pdu.header.call_id, 10 + order[i]);
    }
    mr_server_fault(f.waiting[4], 0x1234);
    assert_int_equal(read_fault(&raw, 4, false).status, 0x1234);
    assert_int_equal(raw_read(&raw, 4).header.call_id, 14);
    raw_close(&raw);
    run_until(&f, &f.gone, 1);
    mr_server_reply(f.waiting[1]); /* goes nowhere */
    end(&f);
}

/* One of two connections of a group ends, by a reset in the middle of a request: the group lives on
 * with its handles and ends with the other. */
static void test_half_a_group(void **state) {
    const mr_client_options plain = {.timeout = PATIENCE};
    struct mr_epmapper_ept_lookup args = {.max_ents = 1};
    mr_client *clients[2];
    struct fixture f;
    mr_call call;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (unsigned i = 0; i < 2; i++) {
        mr_client_options options = plain;
        options.connect.remote = *mr_server_endpoint_get_local(f.endpoint);
        if (i)
            options.assoc_group = mr_client_get_report(clients[0])->assoc_group;
        assert_int_equal(mr_client_new(&f.loop, &options, &clients[i], NULL), 0);
        assert_int_equal(mr_client_open(clients[i], &mr_epmapper_iface.syntax, NULL), 0);
    }
    for (unsigned i = 0; i < 3; i++) { /* opened by the first, used by both, then by the other */
        assert_int_equal(mr_call_init(&call, &mr_epmapper_iface, 2, &args, NULL), 0);
        assert_int_equal(mr_call_run(&call, clients[i > 0], NULL), 0);
        mr_ndr_context handle = args.entry_handle;
        mr_call_deinit(&call);
        args = (struct mr_epmapper_ept_lookup){.max_ents = 1, .entry_handle = handle};
        if (i == 1) {
            mr_client_free(clients[0]);
            run_until_connections(&f, 1);
            assert_int_equal(f.rundowns, 0);
        }
    }
    assert_int_equal(f.lookups, 2);
    mr_client_free(clients[1]);
    run_until(&f, &f.rundowns, 1);
    end(&f);
}

/* ---- a reader that does not read ---- */

struct notices {
    unsigned slow, other;
};

static void on_noticed(void *user, enum mr_server_notice what, const mr_server_endpoint *endpoint,
                       const mr_addr *peer, const char *text) {
    struct notices *notices = user;

    (void)endpoint;
    (void)peer;
    (void)text;
    if (what == MR_NOTICE_SLOW)
        notices->slow++;
    else if (what != MR_NOTICE_CONNECTED && what != MR_NOTICE_CLOSED)
        notices->other++;
}

/* It asks for 40 MiB and takes none: what is kept for it is bounded, others are served meanwhile,
 * it is sent away in the end, and that is counted and told. */
static void test_slow_reader(void **state) {
    enum { BUDGET = 2 << 20, REPLY = 1 << 20, AT_ONCE = 8 };
    static const uint8_t count[] = {0, 0, 4, 0}; /* 262144 statistics, 1 MiB */
    static const mr_server_watcher watcher = {.noticed = on_noticed};
    struct notices notices = {0};
    struct raw greedy, modest;
    struct fixture f;
    mr_server_stats stats;
    unsigned served = 0;
    size_t most = 0;

    (void)state;
    setup(&f, &(mr_server_options){.budget = BUDGET, .stall_timeout = 300 * MR_MSEC,
                                   .watcher = &watcher, .watcher_user = &notices});
    bound(&greedy, &f, &mr_mgmt_iface.syntax);
    bound(&modest, &f, &mr_mgmt_iface.syntax);
    mr_stream_set_reading(&greedy.stream, false);
    for (uint32_t i = 0; i < 40; i++)
        send_request(&greedy, 3 + i, WHOLE, 0, 1, mr_slice_of(count, 4), false);
    while (connections(&f) == 2) {
        send_request(&modest, 2 + served, WHOLE, 0, 2, MR_SLICE_NULL, false);
        assert_int_equal(raw_read(&modest, 1 + served).header.ptype, MR_PTYPE_RESPONSE);
        served++;
        mr_server_get_stats(f.server, &stats);
        most = stats.held > most ? stats.held : most;
        mr_loop_run(&f.loop, mr_clock_now() + 5 * MR_MSEC);
    }
    print_message("# %zu octets kept at most, %u calls of another meanwhile\n", most, served);
    assert_true(most > BUDGET && most <= BUDGET + AT_ONCE * (REPLY + 64));
    assert_true(served > 3);
    mr_server_get_stats(f.server, &stats);
    assert_true(stats.calls_in < 40 + served);
    assert_int_equal(stats.timeouts, 1);
    assert_int_equal(stats.held, 0);
    assert_int_equal(notices.slow, 1);
    assert_int_equal(notices.other, 0);
    raw_close(&greedy);
    raw_close(&modest);
    end(&f);
}

/* ---- no room, and the end ---- */

static void expect_nak(struct raw *raw, uint16_t reason) {
    mr_pdu pdu = raw_read(raw, 0);

    assert_int_equal(pdu.header.ptype, MR_PTYPE_BIND_NAK);
    assert_int_equal(pdu.u.bind_nak.reason, reason);
    run_until(raw->f, &raw->closed, 1);
    raw_close(raw);
}

/* An association group too many is refused in words. */
static void test_no_group_left(void **state) {
    struct fixture f;
    struct raw one, two;

    (void)state;
    setup(&f, &(mr_server_options){.max_groups = 1});
    bound(&one, &f, &mr_mgmt_iface.syntax);
    raw_open(&two, &f);
    send_bind(&two, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1, false);
    expect_nak(&two, MR_NAK_LOCAL_LIMIT);
    raw_close(&one);
    end(&f);
}

static void on_drained(void *user) {
    ++*(unsigned *)user;
}

/* A server that ends answers what it has begun; a bind that comes, a request, a request on a
 * connection that was asked to go, each hear that it was not executed, and why. */
static void test_end(void **state) {
    struct raw fresh, idle, busy;
    unsigned drained = 0;
    struct fixture f;

    (void)state;
    setup(&f, &(mr_server_options){0});
    raw_open(&fresh, &f);
    run_until_connections(&f, 1);
    bound_as(&idle, &f, true);
    bound_as(&busy, &f, true);
    f.late = true;
    ask(&busy, 2);
    send_stats(&busy, 3, FIRST, 3);
    run_until(&f, &f.waiting_count, 1);

    mr_server_drain(f.server, on_drained, &drained);
    send_bind(&fresh, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1, false);
    ask(&busy, 4);
    assert_int_equal(raw_read(&idle, 1).header.ptype, MR_PTYPE_SHUTDOWN);
    ask(&idle, 2);
    assert_int_equal(read_fault(&idle, 2, true).status, MR_FAULT_SERVER_TOO_BUSY);
    assert_int_equal(read_fault(&busy, 1, true).status, MR_FAULT_SERVER_TOO_BUSY);
    expect_nak(&fresh, MR_NAK_TEMPORARY_CONGESTION);
    run_until(&f, &idle.closed, 1);
    raw_close(&idle);
    send_stats(&busy, 3, LAST, 3); /* was begun before */
    expect_stats(&busy, 2, 3, 3);
    assert_int_equal(drained, 0);
    mr_server_reply(f.waiting[0]);
    assert_int_equal(raw_read(&busy, 3).header.call_id, 2);
    assert_int_equal(raw_read(&busy, 4).header.ptype, MR_PTYPE_SHUTDOWN);
    run_until(&f, &busy.closed, 1);
    raw_close(&busy);
    run_until(&f, &drained, 1);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixed),       cmocka_unit_test(test_mixed_unasked),
        cmocka_unit_test(test_same_id),     cmocka_unit_test(test_stray_fragments),
        cmocka_unit_test(test_cancels),     cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_half_a_group), cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_no_group_left), cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
