/*
 * What a server says to octets that no client face of ours would send: answers to binds PDU by
 * PDU, unknown contexts, big-endian callers, garbage, slow and endless senders, greedy ones. Each
 * test ends by asking the same server something sensible.
 */
#include "test_server_raw.h"

#include <stdio.h>

/* ---- tests ---- */

static void expect_result(struct fixture *f, const mr_syntax *abstract, const mr_syntax *transfers,
                          size_t count, uint16_t result, uint16_t reason) {
    struct raw raw;
    mr_pdu_result got;

    raw_open(&raw, f);
    send_bind(&raw, abstract, transfers, count, false);
    mr_pdu pdu = raw_read(&raw, 0);
    assert_int_equal(pdu.header.ptype, MR_PTYPE_BIND_ACK);
    assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &got));
    assert_int_equal(got.result, result);
    assert_int_equal(got.reason, reason);
    if (result == MR_CONTEXT_ACCEPT)
        assert_true(mr_syntax_eq(&got.transfer, &transfers[count - 1]));
    raw_close(&raw);
}

static void test_contexts(void **state) {
    mr_syntax unknown = mr_mgmt_iface.syntax, odd = mr_syntax_ndr20;
    struct fixture f;

    (void)state;
    setup(&f, &(mr_server_options){0});
    unknown.uuid.time_low ^= 1;
    odd.major = 3;
    const mr_syntax both[] = {odd, mr_syntax_ndr64};
    const mr_syntax features = mr_features_syntax(3);
    expect_result(&f, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1, MR_CONTEXT_ACCEPT, 0);
    expect_result(&f, &mr_mgmt_iface.syntax, both, 2, MR_CONTEXT_ACCEPT, 0);
    expect_result(&f, &mr_mgmt_iface.syntax, both, 1, MR_CONTEXT_PROVIDER_REJECT,
                  MR_REASON_TRANSFER_SYNTAX);
    expect_result(&f, &unknown, &mr_syntax_ndr20, 1, MR_CONTEXT_PROVIDER_REJECT,
                  MR_REASON_ABSTRACT_SYNTAX);
    expect_result(&f, &mr_mgmt_iface.syntax, &features, 1, MR_CONTEXT_NEGOTIATE_ACK,
                  MR_FEATURE_KEEP_ON_ORPHAN | MR_FEATURE_SECURITY_MULTIPLEXING);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* As many contexts as a connection may have, then one more; what stands may be asked for anew. */
static void test_context_limit(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    for (uint16_t i = 1; i <= MR_ASSOC_CONTEXT_MAX + 1; i++) {
        bool over = i == MR_ASSOC_CONTEXT_MAX;
        uint16_t id = i > MR_ASSOC_CONTEXT_MAX ? 5 : i;
        mr_pdu_result got;
        send_list(&raw, true, false,
                  &(struct asked){id, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1}, 1);
        mr_pdu pdu = raw_read(&raw, i);
        assert_int_equal(pdu.header.ptype, MR_PTYPE_ALTER_CONTEXT_RESP);
        assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &got));
        assert_int_equal(got.result, over ? MR_CONTEXT_PROVIDER_REJECT : MR_CONTEXT_ACCEPT);
        assert_int_equal(got.reason, over ? MR_REASON_LOCAL_LIMIT : 0);
    }
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* Of several contexts for one interface a PDU brings one: that of NDR64, else the first. */
static void test_one_of_many(void **state) {
    const mr_syntax *mgmt = &mr_mgmt_iface.syntax, *map = &mr_epmapper_iface.syntax;
    const mr_syntax *n20 = &mr_syntax_ndr20, *n64 = &mr_syntax_ndr64;
    const mr_syntax keep = mr_features_syntax(MR_FEATURE_KEEP_ON_ORPHAN);
    const struct {
        struct asked list[4];
        size_t count;
        uint16_t results[4];
    } cases[] = {
        {{{0, mgmt, n20, 1}, {1, mgmt, n20, 1}}, 2, {0, 2}},
        {{{0, mgmt, n20, 1}, {1, mgmt, n64, 1}, {2, mgmt, &keep, 1}}, 3, {2, 0, 3}},
        {{{0, mgmt, n64, 1}, {1, mgmt, n20, 1}, {2, mgmt, n64, 1}}, 3, {0, 2, 2}},
        {{{0, mgmt, n20, 1}, {1, map, n20, 1}, {2, mgmt, n64, 1}, {3, map, n20, 1}}, 4,
         {2, 0, 0, 2}},
        {{{0, map, n20, 1}, {1, mgmt, n20, 1}}, 2, {0, 0}},
    };
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        raw_open(&raw, &f);
        send_list(&raw, false, false, cases[i].list, cases[i].count);
        mr_pdu pdu = raw_read(&raw, 0);
        assert_int_equal(pdu.header.ptype, MR_PTYPE_BIND_ACK);
        for (size_t k = 0; k < cases[i].count; k++) {
            mr_pdu_result got;
            assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &got));
            assert_int_equal(got.result, cases[i].results[k]);
            if (got.result == MR_CONTEXT_PROVIDER_REJECT)
                assert_int_equal(got.reason, MR_REASON_TRANSFER_SYNTAX);
        }
        raw_close(&raw);
    }
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* A context that stands may be asked for anew, with what it has among other things, but never
 * becomes another one; asked for with nothing that is known, it stays. */
static void test_standing_context(void **state) {
    mr_syntax odd = mr_syntax_ndr20;
    odd.major = 9;
    const mr_syntax with[] = {mr_syntax_ndr64, mr_syntax_ndr20}, without[] = {odd, odd},
                    other[] = {odd, mr_syntax_ndr64};
    const mr_syntax *mgmt = &mr_mgmt_iface.syntax, *map = &mr_epmapper_iface.syntax;
    const struct {
        struct asked list[2];
        size_t count;
        int result; /* of the last; -1: the connection breaks off */
    } cases[] = {
        {{{0, mgmt, with, 2}}, 1, MR_CONTEXT_ACCEPT},
        {{{0, mgmt, without, 2}}, 1, MR_CONTEXT_PROVIDER_REJECT},
        {{{0, mgmt, other, 2}}, 1, -1},
        {{{0, map, with, 2}}, 1, -1},
        {{{4, mgmt, with, 1}, {4, map, with, 1}}, 2, -1},
        {{{4, mgmt, with, 1}, {5, map, with, 1}}, 2, MR_CONTEXT_ACCEPT},
    };
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_pdu_result got = {0};
        bound(&raw, &f, mgmt);
        send_list(&raw, true, false, cases[i].list, cases[i].count);
        if (cases[i].result < 0) {
            assert_int_equal(read_fault(&raw, 1, true).status, MR_FAULT_PROTO_ERROR);
            run_until(&f, &raw.closed, 1);
            raw_close(&raw);
            continue;
        }
        mr_pdu pdu = raw_read(&raw, 1);
        assert_int_equal(pdu.header.ptype, MR_PTYPE_ALTER_CONTEXT_RESP);
        while (mr_pdu_read_result(&pdu.u.bind_ack.results.items, &got))
            ;
        assert_int_equal(got.result, cases[i].result);
        send_request(&raw, 2, WHOLE, 0, 2, MR_SLICE_NULL, false);
        assert_int_equal(raw_read(&raw, 2).header.ptype, MR_PTYPE_RESPONSE);
        raw_close(&raw);
    }
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* A response names the low octet of its context, a fault all of it. */
static void test_large_context_id(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    raw_open(&raw, &f);
    send_list(&raw, false, false,
              &(struct asked){0x1234, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1}, 1);
    assert_int_equal(raw_read(&raw, 0).header.ptype, MR_PTYPE_BIND_ACK);
    send_request(&raw, 2, WHOLE, 0x1234, 2, MR_SLICE_NULL, false);
    assert_int_equal(raw_read(&raw, 1).u.response.context_id, 0x34);
    send_request(&raw, 3, WHOLE, 0x1234, 77, MR_SLICE_NULL, false);
    assert_int_equal(read_fault(&raw, 2, true).context_id, 0x1234);
    send_request(&raw, 4, WHOLE, 0x34, 2, MR_SLICE_NULL, false);
    assert_int_equal(read_fault(&raw, 3, true).context_id, 0);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

static void test_unknown_context(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    send_request(&raw, 7, WHOLE, 9, 2, MR_SLICE_NULL, false);
    assert_int_equal(read_fault(&raw, 1, true).status, MR_FAULT_UNK_IF);
    send_request(&raw, 8, MR_PFC_FIRST_FRAG, 0, 77, MR_SLICE_LIT("12345678"), false);
    assert_int_equal(read_fault(&raw, 2, true).status, MR_FAULT_OP_RNG_ERROR);
    send_request(&raw, 8, MR_PFC_LAST_FRAG, 0, 77, MR_SLICE_LIT("12345678"), false);
    send_request(&raw, 9, WHOLE, 0, 2, MR_SLICE_LIT("more than was asked for"), false);
    assert_int_equal(raw_read(&raw, 3).header.ptype, MR_PTYPE_RESPONSE);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

static void test_big_endian(void **state) {
    static const uint8_t three[] = {0, 0, 0, 3};
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    raw_open(&raw, &f);
    send_bind(&raw, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1, true);
    assert_int_equal(raw_read(&raw, 0).header.ptype, MR_PTYPE_BIND_ACK);
    send_request(&raw, 5, WHOLE, 0, 1, mr_slice_of(three, 4), true);
    mr_pdu pdu = raw_read(&raw, 1);
    assert_int_equal(pdu.header.ptype, MR_PTYPE_RESPONSE);
    assert_int_equal(pdu.u.response.stub.len, 4 + 4 + 3 * 4 + 4);
    assert_int_equal(pdu.u.response.stub.data[0], 3);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* Things that are no DCE/RPC, or break it: the connection ends, the server does not. */
static void test_garbage(void **state) {
    static const char *const lines[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "\x16\x03\x01\x02\x01\x01\x01\x01\xfc\x03\x03 hello hello",
                                        "SSH-2.0-OpenSSH_9.2\r\n", "quite something else ......"};
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (size_t i = 0; i < MR_COUNT(lines); i++) {
        raw_open(&raw, &f);
        raw_send(&raw, mr_slice_str(lines[i]));
        run_until(&f, &raw.closed, 1);
        raw_close(&raw);
    }
    raw_open(&raw, &f); /* a request before any bind */
    send_request(&raw, 1, WHOLE, 0, 2, MR_SLICE_NULL, false);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);

    uint8_t noise[4096];
    mr_random random = {42};
    for (unsigned round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)mr_random_get(&random);
        noise[0] = 5; /* looks like a PDU, at first */
        noise[1] = 0;
        noise[2] = (uint8_t)(round % 21);
        noise[3] = WHOLE;
        noise[4] = 0x10;
        if (round % 2)
            bound(&raw, &f, &mr_mgmt_iface.syntax);
        else
            raw_open(&raw, &f);
        raw_send(&raw, mr_slice_of(noise, sizeof noise));
        mr_stream_shutdown(&raw.stream);
        run_until(&f, &raw.closed, 1);
        raw_close(&raw);
    }
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* Clients that stand still: before the bind, inside a PDU, inside a request, nothing to say. */
static void test_timeouts(void **state) {
    const mr_server_options options = {
        .bind_timeout = 200 * MR_MSEC,
        .stall_timeout = 200 * MR_MSEC,
        .idle_timeout = 400 * MR_MSEC,
    };
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &options);
    raw_open(&raw, &f);
    raw_send(&raw, MR_SLICE_LIT("\5"));
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    raw_send(&raw, MR_SLICE_LIT("\5\0\0\3"));
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    send_request(&raw, 3, MR_PFC_FIRST_FRAG, 0, 1, MR_SLICE_LIT("12345678"), false);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* A client that is bound and silent is left alone, however little time a bind may take. */
static void test_patience(void **state) {
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &(mr_server_options){.bind_timeout = 50 * MR_MSEC, .stall_timeout = 50 * MR_MSEC});
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    for (unsigned i = 0; i < 3; i++) {
        mr_loop_run(&f.loop, mr_clock_now() + 120 * MR_MSEC);
        send_request(&raw, 2 + i, WHOLE, 0, 2, MR_SLICE_NULL, false);
        assert_int_equal(raw_read(&raw, 1 + i).header.ptype, MR_PTYPE_RESPONSE);
    }
    f.late = true; /* nor is one that waits for an answer */
    send_request(&raw, 9, WHOLE, 0, 2, MR_SLICE_NULL, false);
    run_until(&f, &f.waiting_count, 1);
    mr_loop_run(&f.loop, mr_clock_now() + 120 * MR_MSEC);
    mr_server_reply(f.waiting[0]);
    assert_int_equal(raw_read(&raw, 4).header.call_id, 9);
    raw_close(&raw);
    run_until_connections(&f, 0);
    teardown(&f);
}

/* A bound client, and a first fragment that promises @hint octets. */
static void send_hint(struct raw *raw, struct fixture *f, uint32_t hint, uint8_t flags) {
    const mr_pdu_header header = {.flags = flags, .call_id = 3};
    const mr_pdu_request request = {
        .alloc_hint = hint, .opnum = 1, .stub = MR_SLICE_LIT("\1\0\0\0")};
    mr_buf buf = out_begin();

    bound(raw, f, &mr_mgmt_iface.syntax);
    assert_int_equal(mr_pdu_encode_request(&buf, &header, &request), 0);
    raw_send(raw, mr_buf_slice(&buf));
}

/* Requests that never end: over the stub's limit, over what a connection may hold, empty ones. */
static void test_endless(void **state) {
    static const uint8_t chunk[4096];
    const mr_server_options options = {.stub_cap = 65536, .budget = 100000,
                                       .stall_timeout = 500 * MR_MSEC};
    struct fixture f;
    struct raw raw;

    (void)state;
    setup(&f, &options);
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    for (unsigned i = 0; i < 17; i++)
        send_request(&raw, 3, i ? 0 : MR_PFC_FIRST_FRAG, 0, 1, mr_slice_of(chunk, sizeof chunk),
                     false);
    assert_int_equal(read_fault(&raw, 1, false).status, MR_FAULT_ACCESS_DENIED);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);

    send_hint(&raw, &f, 65536, MR_PFC_FIRST_FRAG); /* what is promised may be as long as allowed */
    send_request(&raw, 3, MR_PFC_LAST_FRAG, 0, 1, MR_SLICE_NULL, false);
    assert_int_equal(raw_read(&raw, 1).header.ptype, MR_PTYPE_RESPONSE);
    raw_close(&raw);
    send_hint(&raw, &f, UINT32_MAX, WHOLE); /* and is nothing when nothing follows */
    assert_int_equal(raw_read(&raw, 1).header.ptype, MR_PTYPE_RESPONSE);
    raw_close(&raw);
    send_hint(&raw, &f, 65537, MR_PFC_FIRST_FRAG);
    assert_int_equal(read_fault(&raw, 1, false).status, MR_FAULT_ACCESS_DENIED);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);

    bound(&raw, &f, &mr_mgmt_iface.syntax); /* many requests, each of a decent size, none ends */
    for (unsigned i = 0; i < 60; i++)
        send_request(&raw, 3 + i / 6, i % 6 ? 0 : MR_PFC_FIRST_FRAG, 0, 1,
                     mr_slice_of(chunk, sizeof chunk), false);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);

    bound(&raw, &f, &mr_mgmt_iface.syntax);
    for (unsigned i = 0; i < 2000; i++)
        send_request(&raw, 3, i ? 0 : MR_PFC_FIRST_FRAG, 0, 1, MR_SLICE_NULL, false);
    run_until(&f, &raw.closed, 1);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* A client that asks for much and reads nothing: the server stops answering, then hangs up. */
static void test_greedy(void **state) {
    static const uint8_t count[] = {0, 0, 4, 0}; /* 262144 statistics, 1 MiB */
    struct fixture f;
    struct raw raw;
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){.budget = 2 << 20, .stall_timeout = 300 * MR_MSEC});
    bound(&raw, &f, &mr_mgmt_iface.syntax);
    mr_stream_set_reading(&raw.stream, false);
    for (uint32_t i = 0; i < 40; i++)
        send_request(&raw, 3 + i, WHOLE, 0, 1, mr_slice_of(count, 4), false);
    run_until_connections(&f, 0);
    mr_server_get_stats(f.server, &stats);
    assert_true(stats.calls_in < 40);
    raw_close(&raw);
    sensible(&f);
    teardown(&f);
}

/* A whole conversation in segments of one octet. */
static void test_octet_by_octet(void **state) {
    struct fixture f;
    struct raw raw;
    mr_buf buf = out_begin();
    const mr_pdu_header bind_header = {.flags = WHOLE, .call_id = 1};
    const mr_pdu_header request_header = {.flags = WHOLE, .call_id = 2};
    const mr_pdu_bind bind = {.max_xmit = 4280, .max_recv = 4280};
    const mr_pdu_request request = {.opnum = 2};

    (void)state;
    setup(&f, &(mr_server_options){0});
    raw_open(&raw, &f);
    assert_int_equal(mr_pdu_encode_bind(&buf, &bind_header, &bind), 0);
    assert_int_equal(mr_pdu_add_context(&buf, 0, 0, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1),
                     0);
    assert_int_equal(mr_pdu_encode_request(&buf, &request_header, &request), 0);
    for (size_t i = 0; i < buf.len; i++) {
        raw_send(&raw, mr_slice_sub(mr_buf_slice(&buf), i, 1));
        mr_loop_run(&f.loop, mr_clock_now() + MR_MSEC / 10);
    }
    assert_int_equal(raw_read(&raw, 1).header.ptype, MR_PTYPE_RESPONSE);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

/* A client orphans a call that is to be answered later, and one whose request is not complete. The
 * connection goes on, as was agreed. */
static void test_orphans(void **state) {
    const mr_syntax keep = mr_features_syntax(MR_FEATURE_KEEP_ON_ORPHAN);
    const struct asked list[] = {{0, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1},
                                 {1, &mr_mgmt_iface.syntax, &keep, 1}};
    struct fixture f;
    struct raw raw;
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){0});
    f.late = true;
    raw_open(&raw, &f);
    send_list(&raw, false, false, list, 2);
    assert_int_equal(raw_read(&raw, 0).header.ptype, MR_PTYPE_BIND_ACK);
    send_request(&raw, 2, WHOLE, 0, 2, MR_SLICE_NULL, false);
    send_request(&raw, 3, MR_PFC_FIRST_FRAG, 0, 1, MR_SLICE_LIT("12345678"), false);
    run_until(&f, &f.waiting_count, 1);
    for (uint32_t id = 2; id <= 3; id++) {
        const mr_pdu_header header = {.flags = WHOLE, .call_id = id};
        mr_buf buf = out_begin();
        assert_int_equal(mr_pdu_encode_orphaned(&buf, &header), 0);
        raw_send(&raw, mr_buf_slice(&buf));
    }
    run_until(&f, &f.gone, 1);
    mr_server_reply(f.waiting[0]); /* goes nowhere */
    f.late = false;
    send_request(&raw, 4, WHOLE, 0, 2, MR_SLICE_NULL, false);
    mr_pdu pdu = raw_read(&raw, 1);
    assert_int_equal(pdu.header.ptype, MR_PTYPE_RESPONSE);
    assert_int_equal(pdu.header.call_id, 4);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_now, 0);
    raw_close(&raw);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts),   cmocka_unit_test(test_context_limit),
        cmocka_unit_test(test_unknown_context), cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_garbage),    cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_endless),    cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_patience),   cmocka_unit_test(test_octet_by_octet),
        cmocka_unit_test(test_orphans),    cmocka_unit_test(test_one_of_many),
        cmocka_unit_test(test_standing_context), cmocka_unit_test(test_large_context_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
