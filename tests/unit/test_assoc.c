/* Conversations of a client and a server association, seen by a tap: every segmentation, fragment
 * sizes, multiplexing, contexts, features, cancel, orphaned, streaming, limits. */
#include "assoc_world.h"

static const size_t steps[] = {1, 2, 3, 7, 15, 16, 17, 31, 100, 1461, 0, RANDOM_SEGMENTS};

static void assert_same_logs(world *w) {
    assert_sound(&w->client);
    assert_sound(&w->server);
    assert_sound(&w->tap);
    assert_string_equal(w->client.log, w->tap.log);
    assert_true(w->client.log_len > 0);
    assert_int_equal(w->tap.seen[MR_EVENT_ERROR], 0);
    assert_int_equal(w->tap.seen[MR_EVENT_RESYNC], 0);
}

static void assert_ended_clean(world *w) {
    mr_assoc_info c, s;
    mr_assoc_get_info(&w->client.a, &c);
    mr_assoc_get_info(&w->server.a, &s);
    assert_int_equal(c.calls, 0);
    assert_int_equal(s.calls, 0);
    assert_int_equal(c.held, 0);
    assert_int_equal(s.held, 0);
    assert_int_equal(c.sent, s.received[MR_DIR_TO_SERVER]);
    assert_int_equal(s.sent, c.received[MR_DIR_TO_CLIENT]);
}

/* Several calls of every kind, one after the other. */
static void converse(world *w, size_t big) {
    uint32_t n = (uint32_t)big;

    world_bind(w);
    world_call(w, 0, MR_SLICE_LIT("hello"));
    pump(w);
    world_call(w, 0, MR_SLICE_NULL);
    pump(w);
    world_call(w, 1, mr_slice_of(&n, 4));
    pump(w);
    world_call(w, 0, mr_slice_of(w->big_reply, big));
    pump(w);
    world_call(w, 2, MR_SLICE_LIT("fault please"));
    pump(w);
    world_call(w, 4, mr_slice_of(w->big_reply, 2000));
    pump(w);
}

static void every_segmentation(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(steps); i++) {
        world *w = world_new(NULL, NULL, steps[i]);
        converse(w, 30000);
        assert_same_logs(w);
        assert_ended_clean(w);
        assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
        assert_int_equal(w->client.seen[MR_EVENT_FAULT], 1);
        assert_int_equal(w->client.seen[MR_EVENT_SENT], 6);
        world_deinit(w);
    }
}

static uint16_t least(uint16_t a, uint16_t b) {
    return a < b ? a : b;
}

static void every_fragment_size(void **state) {
    static const uint16_t sizes[] = {256, 257, 300, 511, 512, 1000, 1432, 2048, 4280,
                                     5840, 16384, 32767, 65528, 65535};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(sizes); i++)
        for (size_t k = 0; k < MR_COUNT(sizes); k++) {
            uint16_t xc = sizes[i], xs = sizes[k];
            mr_assoc_config c = {.max_xmit = xc, .max_recv = xs < 1432 ? 1432 : xs};
            mr_assoc_config s = {.max_xmit = xs, .max_recv = xc < 1432 ? 1432 : xc};
            world *w = world_new(&c, &s, i == k ? 1461 : 0);
            mr_assoc_info info;
            converse(w, 70001);
            assert_same_logs(w);
            assert_ended_clean(w);
            /* one size for both ways; a side may want to send less */
            uint16_t both = least(least(xc < 1432 ? 1432 : xc, c.max_recv), least(xs, s.max_recv));
            both = both < 2048 ? 2048 : both & ~7;
            mr_assoc_get_info(&w->client.a, &info);
            assert_int_equal(info.xmit_frag, least(xc, both));
            mr_assoc_get_info(&w->server.a, &info);
            assert_int_equal(info.xmit_frag, least(least(xs, both), c.max_recv));
            assert_int_equal(info.recv_frag, both);
            world_deinit(w);
        }
}

/* What a server makes of the sizes a client names, the same for both ways. */
static void agreed_sizes(void **state) {
    static const struct {
        uint16_t xmit, recv, config, both, sent;
    } cases[] = {
        {65535, 65535, 0, 5840, 5840},   {0, 65535, 0, 2048, 2048},
        {65535, 0, 0, 2048, 2048},       {0, 0, 0, 2048, 2048},
        {3199, 65535, 0, 3192, 3192},    {65535, 3199, 0, 3192, 3192},
        {65535, 65535, 8191, 8184, 8184}, {5840, 1432, 0, 2048, 1432},
        {5840, 1431, 0, 2048, 2048},     {2049, 5840, 0, 2048, 2048},
    };
    mr_pdu_header h = {.flags = 3, .call_id = 1};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++)
        for (int alter = 0; alter < 2; alter++) {
            mr_assoc_config s = {.max_xmit = cases[i].config, .max_recv = cases[i].config};
            mr_pdu_bind bind = {cases[i].xmit, cases[i].recv, 0, {{0}, 0}};
            world *w = world_new(NULL, &s, 0);
            mr_buf *q = &w->queue[MR_DIR_TO_SERVER];
            mr_assoc_info info;
            w->no_tap = true;
            assert_int_equal(mr_pdu_encode_bind(q, &h, &bind), 0);
            assert_int_equal(mr_pdu_add_context(q, 0, 0, &echo_syntax, &mr_syntax_ndr20, 1), 0);
            size_t at = q->len;
            bind = (mr_pdu_bind){4000, 4000, 99, {{0}, 0}}; /* an alter_context changes nothing */
            if (alter) {
                assert_int_equal(mr_pdu_encode_alter_context(q, &h, &bind), 0);
                assert_int_equal(mr_pdu_add_context(q, at, 0, &echo_syntax, &mr_syntax_ndr20, 1),
                                 0);
            }
            deliver(w, MR_DIR_TO_SERVER);
            pull_side(w, &w->server, MR_DIR_TO_CLIENT);
            assert_sound(&w->server);
            mr_slice out = mr_buf_slice(&w->queue[MR_DIR_TO_CLIENT]);
            size_t n;
            mr_pdu pdu;
            assert_int_equal(mr_pdu_frag_length(out, &n, NULL), 0);
            if (alter)
                out = mr_slice_sub(out, n, SIZE_MAX);
            assert_int_equal(mr_pdu_decode(alter ? out : mr_slice_sub(out, 0, n), &pdu, NULL), 0);
            assert_int_equal(pdu.header.ptype, alter ? MR_PTYPE_ALTER_CONTEXT_RESP
                                                     : MR_PTYPE_BIND_ACK);
            assert_int_equal(pdu.u.bind_ack.max_xmit, cases[i].both);
            assert_int_equal(pdu.u.bind_ack.max_recv, cases[i].both);
            assert_int_equal(pdu.u.bind_ack.assoc_group, w->group);
            mr_assoc_get_info(&w->server.a, &info);
            assert_int_equal(info.xmit_frag, cases[i].sent);
            world_deinit(w);
        }
}

static void multiplexed_out_of_order(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(steps); i++) {
        world *w = world_new(NULL, NULL, steps[i]);
        uint32_t ids[20];
        mr_error err = MR_ERROR_INIT;
        world_bind(w);
        for (int k = 0; k < 20; k++)
            ids[k] = world_call(w, 3, mr_slice_of(w->big_reply + k, (size_t)k * 601));
        pump(w);
        assert_int_equal(w->client.seen[MR_EVENT_RESPONSE], 0);
        for (int k = 0; k < 20; k++) {
            side_call *c = side_find(&w->server, ids[(k * 7 + 3) % 20], false);
            assert_non_null(c);
            assert_int_equal(mr_assoc_reply(&w->server.a, c->id, mr_stub_get(&c->request), false,
                                            &err), 0);
            if (k % 3 == 0)
                pump(w);
        }
        pump(w);
        assert_same_logs(w);
        assert_ended_clean(w);
        unsigned first;
        assert_int_equal(sscanf(w->client.log, "%u", &first), 1);
        assert_int_equal(first, ids[3]);
        world_deinit(w);
    }
}

static void random_interleavings(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        mr_assoc_config c = {.max_calls = 16, .max_events = 8 + seed % 9};
        mr_assoc_config s = {.max_calls = 5, .max_events = 8, .max_xmit = 300};
        world *w = world_new(&c, &s, RANDOM_SEGMENTS);
        uint32_t n[64];
        int open = 0;
        w->seed = seed;
        world_bind(w);
        for (int k = 0; k < 60; k++) {
            mr_assoc_info info;
            n[k] = world_random(w) % 9000;
            mr_assoc_get_info(&w->client.a, &info);
            if (info.calls == 16) {
                pump(w);
                open = 0;
            }
            switch (world_random(w) % 4) {
            case 0:
                world_call(w, 1, mr_slice_of(&n[k], 4));
                break;
            case 1:
                world_call(w, 2, mr_slice_of(&n[k], 4));
                break;
            default:
                world_call(w, world_random(w) % 2 ? 4 : 0, mr_slice_of(w->big_reply, n[k]));
                break;
            }
            if (++open > 1 && world_random(w) % 3 == 0)
                pump(w);
        }
        pump(w);
        assert_same_logs(w);
        assert_ended_clean(w);
        world_deinit(w);
    }
}

static void contexts_features_and_rejections(void **state) {
    const mr_syntax both[] = {mr_syntax_ndr64, mr_syntax_ndr20};
    mr_assoc_config with = {.features = 3}, half = {.features = 2};
    mr_assoc_context ask[] = {
        {.id = 5, .abstract = echo_syntax, .transfer = both, .transfer_count = 2},
        {.id = 6, .abstract = other_syntax, .transfer = both, .transfer_count = 2},
        {.id = 7, .abstract = echo_syntax, .transfer = both, .transfer_count = 1},
    };
    mr_error err = MR_ERROR_INIT;
    mr_event_context got;
    mr_assoc_info info;
    (void)state;

    world *w = world_new(&with, &half, 3);
    assert_int_equal(mr_assoc_bind(&w->client.a, ask, 3, 77, &err), 0);
    pump(w);
    assert_sound(&w->client);
    assert_int_equal(w->server.last[MR_EVENT_BIND].u.bind.count, 4);
    assert_int_equal(w->server.last[MR_EVENT_BIND].u.bind.features, 3);
    assert_int_equal(w->server.last[MR_EVENT_BIND].u.bind.assoc_group, 77);
    side *both_sides[] = {&w->client, &w->tap};
    for (int i = 0; i < 2; i++) {
        side *s = both_sides[i];
        assert_int_equal(s->context_count, 4);
        assert_int_equal(s->contexts[0].result, MR_CONTEXT_ACCEPT);
        assert_true(mr_syntax_eq(&s->contexts[0].transfer, &mr_syntax_ndr20));
        assert_int_equal(s->contexts[1].id, 6);
        assert_int_equal(s->contexts[1].result, MR_CONTEXT_PROVIDER_REJECT);
        assert_int_equal(s->contexts[1].reason, MR_REASON_ABSTRACT_SYNTAX);
        assert_true(mr_syntax_eq(&s->contexts[1].abstract, &other_syntax));
        assert_int_equal(s->contexts[2].reason, MR_REASON_TRANSFER_SYNTAX);
        assert_true(s->contexts[3].features);
        assert_int_equal(s->contexts[3].result, MR_CONTEXT_NEGOTIATE_ACK);
        assert_int_equal(s->last[MR_EVENT_BIND_ACK].u.bind.features, 2);
        assert_int_equal(s->last[MR_EVENT_BIND_ACK].u.bind.assoc_group, 0x1234);
        assert_true(mr_assoc_find_context(&s->a, 5, &got));
        assert_false(mr_assoc_find_context(&s->a, 6, &got));
        mr_assoc_get_info(&s->a, &info);
        assert_int_equal(info.features, 2);
        assert_true(info.multiplex);
    }
    /* alter_context, then a call on the context it brought */
    ask[1].abstract = echo_syntax;
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask[1], 1, 0, &err), 0);
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask[1], 1, 0, &err), MR_ERR_STATE);
    pump(w);
    assert_int_equal(w->client.seen[MR_EVENT_ALTER_RESP], 1);
    assert_int_equal(w->tap.seen[MR_EVENT_ALTER], 1);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 2);
    mr_uuid object = {.time_low = 0xc0ffee};
    mr_assoc_call call = {.context = 6, .opnum = 0, .object = &object};
    uint32_t id;
    assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_LIT("x"), &id, &err), 0);
    side_call *c = side_find(&w->client, id, true);
    c->info.context = 6;
    mr_event_chunk chunk = {.first = true, .last = true, .bytes = MR_SLICE_LIT("x")};
    keep_chunk(&w->client, &c->request, &chunk);
    pump(w);
    assert_same_logs(w);
    assert_non_null(strstr(w->tap.log, "ctx 6 op 0 obj 00c0ffee"));
    call.context = 7;
    assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_NULL, &id, &err),
                     MR_ERR_ARGUMENT);
    world_deinit(w);
}

static void everything_rejected(void **state) {
    mr_assoc_context ask = {.abstract = other_syntax, .transfer = &mr_syntax_ndr20,
                            .transfer_count = 1};
    mr_error err = MR_ERROR_INIT;
    mr_assoc_info info;
    uint32_t id;
    (void)state;

    world *w = world_new(NULL, NULL, 0);
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask, 1, 0, &err), 0);
    pump(w);
    assert_sound(&w->client);
    mr_assoc_get_info(&w->client.a, &info);
    assert_true(info.bound);
    assert_false(info.ready);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 0);
    mr_assoc_call call = {0};
    assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_NULL, &id, &err),
                     MR_ERR_STATE);
    world_bind(w);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
    world_deinit(w);
}

static void bind_nak(void **state) {
    (void)state;
    for (uint16_t reason = 0; reason < 10; reason++) {
        world *w = world_new(NULL, NULL, 5);
        w->reject = reason + 1;
        world_bind(w);
        assert_int_equal(w->client.rc, MR_ERR_BIND_REJECTED);
        assert_int_equal(w->client.err.peer_kind, MR_PEER_BIND_NAK);
        assert_int_equal(w->client.err.peer, reason);
        assert_int_equal(w->tap.last[MR_EVENT_BIND_NAK].u.nak.reason, reason);
        const mr_event_nak *nak = &w->client.last[MR_EVENT_BIND_NAK].u.nak;
        assert_int_equal(nak->reason, reason);
        assert_int_equal(nak->version_count, 1);
        assert_int_equal(nak->versions[0].major, 5);
        assert_int_equal(nak->versions[0].minor, 0);
        assert_int_equal(nak->eerr.len, strlen("why it was"));
        world_deinit(w);
    }
}

static void cancel_and_orphan(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_assoc_info info;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(steps); i++) {
        world *w = world_new(NULL, NULL, steps[i]);
        world_bind(w);
        uint32_t a = world_call(w, 3, MR_SLICE_LIT("first"));
        uint32_t b = world_call(w, 3, MR_SLICE_LIT("second"));
        pump(w);
        assert_int_equal(mr_assoc_cancel(&w->client.a, a, &err), 0);
        assert_int_equal(mr_assoc_orphan(&w->client.a, b, &err), 0);
        assert_int_equal(mr_assoc_cancel(&w->client.a, b, &err), MR_ERR_NOT_FOUND);
        pump(w);
        assert_int_equal(w->server.last[MR_EVENT_CANCEL].u.call.id, a);
        assert_int_equal(w->server.last[MR_EVENT_ORPHANED].u.call.id, b);
        assert_int_equal(w->tap.seen[MR_EVENT_CANCEL], 1);
        assert_int_equal(w->tap.seen[MR_EVENT_ORPHANED], 1);
        assert_int_equal(mr_assoc_reply(&w->server.a, b, MR_SLICE_LIT("unheard"), false, &err), 0);
        assert_int_equal(mr_assoc_fault(&w->server.a, a, 0x1c00000d, false, MR_SLICE_NULL, &err),
                         0);
        pump(w);
        assert_sound(&w->client);
        assert_int_equal(w->client.last[MR_EVENT_FAULT].u.fault.status, 0x1c00000d);
        assert_int_equal(w->client.seen[MR_EVENT_RESPONSE], 0);
        mr_assoc_get_info(&w->server.a, &info);
        assert_int_equal(info.calls, 0);
        /* before anything of it is sent: a cancel follows the request, an orphan vanishes */
        a = world_call(w, 3, MR_SLICE_LIT("third"));
        b = world_call(w, 3, MR_SLICE_LIT("fourth"));
        assert_int_equal(mr_assoc_cancel(&w->client.a, a, &err), 0);
        assert_int_equal(mr_assoc_orphan(&w->client.a, b, &err), 0);
        pump(w);
        assert_int_equal(w->server.seen[MR_EVENT_REQUEST], 3);
        assert_false(w->server.last[MR_EVENT_REQUEST].u.chunk.pending_cancel);
        assert_int_equal(w->server.seen[MR_EVENT_CANCEL], 2);
        assert_int_equal(w->server.last[MR_EVENT_CANCEL].u.call.id, a);
        world_deinit(w);
    }
}

/* A reply that was on its way when the client stopped waiting is dropped unseen. */
static void orphan_crosses_reply(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_slice out;
    (void)state;

    world *w = world_new(NULL, NULL, 0);
    world_bind(w);
    uint32_t id = world_call(w, 0, MR_SLICE_LIT("late"));
    assert_true(pull_side(w, &w->client, MR_DIR_TO_SERVER));
    assert_true(deliver(w, MR_DIR_TO_SERVER));
    assert_int_equal(mr_assoc_orphan(&w->client.a, id, &err), 0);
    pump(w);
    assert_sound(&w->client);
    assert_int_equal(w->client.seen[MR_EVENT_RESPONSE], 0);
    assert_int_equal(mr_assoc_pull(&w->client.a, 1, &out, &err), 0);
    assert_int_equal(out.len, 0);
    world_deinit(w);
}

/* An orphan in the middle of a request: the server forgets the call and its octets, if it was
 * agreed that the connection goes on; else it waits for the rest. */
static void orphan_mid_request(void **state) {
    mr_assoc_config c = {.max_xmit = 256, .features = MR_FEATURE_KEEP_ON_ORPHAN};
    mr_assoc_config kept = {.features = MR_FEATURE_KEEP_ON_ORPHAN};
    mr_error err = MR_ERROR_INIT;
    mr_assoc_info info;
    (void)state;

    for (unsigned keep = 0; keep < 2; keep++) {
        world *w = world_new(&c, keep ? &kept : NULL, 0);
        world_bind(w);
        mr_assoc_call call = {.opnum = 0, .more = true};
        uint32_t id;
        assert_int_equal(mr_assoc_request(&w->client.a, &call, mr_slice_of(w->big_reply, 4096),
                                          &id, &err), 0);
        pump(w);
        mr_assoc_get_info(&w->server.a, &info);
        assert_int_equal(info.held, 4096);
        assert_int_equal(w->client.seen[MR_EVENT_SENT], 1);
        assert_int_equal(mr_assoc_orphan(&w->client.a, id, &err), 0);
        pump(w);
        mr_assoc_get_info(&w->server.a, &info);
        assert_int_equal(info.calls, keep ? 0 : 1);
        assert_int_equal(info.held, keep ? 0 : 4096);
        assert_int_equal(w->server.seen[MR_EVENT_ORPHANED], keep);
        assert_int_equal(w->tap.seen[MR_EVENT_ORPHANED], 1);
        assert_sound(&w->server);
        world_deinit(w);
    }
}

static void maybe_calls(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_assoc_call call = {.opnum = 0, .maybe = true};
    (void)state;

    world *w = world_new(NULL, NULL, 4);
    uint32_t id;
    world_bind(w);
    assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_LIT("shout"), &id, &err), 0);
    pump(w);
    assert_true(w->server.last[MR_EVENT_REQUEST].u.chunk.call.maybe);
    assert_int_equal(w->client.seen[MR_EVENT_RESPONSE], 0);
    assert_int_equal(w->server.seen[MR_EVENT_SENT], 1);
    assert_ended_clean(w);
    world_deinit(w);
}

static void one_call_without_multiplexing(void **state) {
    mr_assoc_config none = {.no_multiplex = true};
    mr_error err = MR_ERROR_INIT;
    mr_assoc_call call = {.opnum = 3};
    uint32_t id;
    (void)state;

    world *w = world_new(NULL, &none, 0);
    world_bind(w);
    world_call(w, 3, MR_SLICE_LIT("one"));
    assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_NULL, &id, &err),
                     MR_ERR_BUSY);
    world_deinit(w);
}

static void deadlines(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_event e;
    (void)state;

    world *w = world_new(NULL, NULL, 0);
    mr_assoc_context ask = {.abstract = echo_syntax, .transfer = &mr_syntax_ndr20,
                            .transfer_count = 1};
    assert_int_equal(mr_assoc_deadline(&w->client.a), MR_NSEC_NEVER);
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask, 1, 0, &err), 0);
    mr_assoc_set_deadline(&w->client.a, MR_DEADLINE_BIND, 5000);
    assert_int_equal(mr_assoc_deadline(&w->client.a), 5000);
    pump(w);
    assert_int_equal(mr_assoc_deadline(&w->client.a), MR_NSEC_NEVER);
    world_call(w, 3, MR_SLICE_LIT("wait"));
    mr_assoc_set_deadline(&w->client.a, MR_DEADLINE_CALL, 9000);
    assert_int_equal(mr_assoc_expire(&w->client.a, 8999, &err), 0);
    assert_false(mr_assoc_pull_event(&w->client.a, &e));
    assert_int_equal(mr_assoc_expire(&w->client.a, 9000, &err), 0);
    assert_true(mr_assoc_pull_event(&w->client.a, &e));
    assert_int_equal(e.kind, MR_EVENT_TIMEOUT);
    assert_int_equal(e.u.timeout.what, MR_DEADLINE_CALL);
    assert_int_equal(mr_assoc_deadline(&w->client.a), MR_NSEC_NEVER);
    world_deinit(w);

    w = world_new(NULL, NULL, 0);
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask, 1, 0, &err), 0);
    mr_assoc_set_deadline(&w->client.a, MR_DEADLINE_BIND, 5000);
    assert_int_equal(mr_assoc_expire(&w->client.a, 5001, &err), MR_ERR_TIMEOUT);
    drain(w, &w->client);
    assert_int_equal(w->client.seen[MR_EVENT_TIMEOUT], 1);
    assert_int_equal(w->client.seen[MR_EVENT_ERROR], 1);
    assert_int_equal(mr_assoc_get_error(&w->client.a)->code, MR_ERR_TIMEOUT);
    world_deinit(w);
}

/* The budget stops reading until octets are released or calls end. */
static void budget(void **state) {
    mr_assoc_config small = {.budget = 20000};
    mr_error err = MR_ERROR_INIT;
    mr_assoc_info info;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(steps); i++) {
        world *w = world_new(NULL, &small, steps[i]);
        world_bind(w);
        uint32_t a = world_call(w, 3, mr_slice_of(w->big_reply, 15000));
        uint32_t b = world_call(w, 3, mr_slice_of(w->big_reply, 15000));
        pump(w);
        assert_sound(&w->server);
        mr_assoc_get_info(&w->server.a, &info);
        assert_in_range(info.held, 20000, 20000 + MR_ASSOC_FRAG_DEFAULT);
        assert_true(w->queue[MR_DIR_TO_SERVER].len > w->queue_at[MR_DIR_TO_SERVER]);
        assert_false(side_find(&w->server, b, false)->answered);
        if (i % 2) {
            mr_assoc_release(&w->server.a, a, SIZE_MAX);
            pump(w);
        } else {
            server_answer(w, side_find(&w->server, a, false));
            pump(w);
        }
        assert_true(side_find(&w->server, b, false)->answered);
        mr_assoc_release(&w->server.a, 4711, 1);
        if (i % 2)
            server_answer(w, side_find(&w->server, a, false));
        server_answer(w, side_find(&w->server, b, false));
        pump(w);
        assert_same_logs(w);
        assert_ended_clean(w);
        assert_int_equal(mr_assoc_reply(&w->server.a, a, MR_SLICE_NULL, false, &err),
                         MR_ERR_NOT_FOUND);
        world_deinit(w);
    }
}

/* Calls in flight are bounded on both sides: the server stops reading, the client is told. */
static void call_limits(void **state) {
    mr_assoc_config c = {.max_calls = 10}, s = {.max_calls = 4};
    mr_error err = MR_ERROR_INIT;
    mr_assoc_call call = {.opnum = 3};
    mr_assoc_info info;
    uint32_t ids[10], id;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(steps); i++) {
        world *w = world_new(&c, &s, steps[i]);
        world_bind(w);
        for (int k = 0; k < 10; k++)
            ids[k] = world_call(w, 3, MR_SLICE_LIT("many"));
        assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_NULL, &id, &err),
                         MR_ERR_BUSY);
        pump(w);
        mr_assoc_get_info(&w->server.a, &info);
        assert_int_equal(info.calls, 4);
        for (int k = 0; k < 10; k++) {
            server_answer(w, side_find(&w->server, ids[k], false));
            pump(w);
        }
        assert_same_logs(w);
        assert_ended_clean(w);
        world_deinit(w);
    }
}

/* At most MR_ASSOC_CONTEXT_MAX contexts: the client is told, a server answers "local limit". */
static void context_limit(void **state) {
    mr_assoc_context ask[MR_ASSOC_CONTEXT_MAX + 1];
    mr_error err = MR_ERROR_INIT;
    (void)state;

    for (int i = 0; i <= MR_ASSOC_CONTEXT_MAX; i++)
        ask[i] = (mr_assoc_context){.id = (uint16_t)i, .abstract = echo_syntax,
                                    .transfer = &mr_syntax_ndr20, .transfer_count = 1};
    world *w = world_new(NULL, NULL, 0);
    assert_int_equal(mr_assoc_bind(&w->client.a, ask, MR_ASSOC_CONTEXT_MAX + 1, 0, &err),
                     MR_ERR_LIMIT);
    assert_int_equal(mr_assoc_bind(&w->client.a, ask, MR_ASSOC_CONTEXT_MAX, 0, &err), 0);
    pump(w);
    assert_sound(&w->client);
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask[MR_ASSOC_CONTEXT_MAX], 1, 0, &err),
                     MR_ERR_LIMIT);
    /* a client that asks nevertheless */
    mr_pdu_header h = {.flags = 3, .call_id = 9};
    mr_pdu_bind bind = {5840, 5840, 0x1234, {{0}, 0}};
    assert_int_equal(mr_pdu_encode_alter_context(&w->queue[0], &h, &bind), 0);
    assert_int_equal(mr_pdu_add_context(&w->queue[0], 0, 900, &echo_syntax, &mr_syntax_ndr20, 1),
                     0);
    deliver(w, MR_DIR_TO_SERVER);
    pull_side(w, &w->server, MR_DIR_TO_CLIENT);
    mr_pdu pdu;
    mr_pdu_result result;
    assert_int_equal(mr_pdu_decode(mr_buf_slice(&w->queue[1]), &pdu, NULL), 0);
    assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &result));
    assert_int_equal(result.result, MR_CONTEXT_PROVIDER_REJECT);
    assert_int_equal(result.reason, MR_REASON_LOCAL_LIMIT);
    world_deinit(w);
}

static void shutdown_by_server(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_assoc_call call = {0};
    uint32_t id;
    (void)state;

    world *w = world_new(NULL, NULL, 3);
    world_bind(w);
    assert_int_equal(mr_assoc_shutdown(&w->server.a, &err), 0);
    pump(w);
    assert_int_equal(w->client.seen[MR_EVENT_SHUTDOWN], 1);
    assert_int_equal(w->tap.seen[MR_EVENT_SHUTDOWN], 1);
    assert_int_equal(mr_assoc_request(&w->client.a, &call, MR_SLICE_NULL, &id, &err),
                     MR_ERR_STATE);
    world_deinit(w);
}

/* Warm associations take no more memory, however many calls they make. */
static void no_growth(void **state) {
    (void)state;
    world *w = world_new(NULL, NULL, 1000);
    converse(w, 30000);
    size_t client = w->client.a.arena.used, server = w->server.a.arena.used;
    size_t tap = w->tap.a.arena.used;
    for (int i = 0; i < 200; i++) {
        world_call(w, 0, mr_slice_of(w->big_reply, 9000));
        pump(w);
    }
    assert_int_equal(w->client.a.arena.used, client);
    assert_int_equal(w->server.a.arena.used, server);
    assert_int_equal(w->tap.a.arena.used, tap);
    world_deinit(w);
}

static void stubs(void **state) {
    mr_stub s;
    mr_event_chunk one = {.first = true, .last = true, .bytes = MR_SLICE_LIT("whole")};
    mr_event_chunk head = {.first = true, .alloc_hint = 0xffffffff, .bytes = MR_SLICE_LIT("12345")};
    mr_event_chunk tail = {.last = true, .bytes = MR_SLICE_LIT("678")};
    (void)state;

    mr_stub_init(&s, 10);
    assert_int_equal(mr_stub_feed(&s, &one), MR_STUB_COMPLETE);
    assert_ptr_equal(mr_stub_get(&s).data, one.bytes.data);
    assert_int_equal(mr_stub_feed(&s, &tail), MR_ERR_STATE);
    assert_int_equal(mr_stub_keep(&s), 0);
    assert_ptr_not_equal(mr_stub_get(&s).data, one.bytes.data);
    assert_int_equal(mr_stub_feed(&s, &head), 0);
    assert_int_equal(mr_stub_feed(&s, &tail), MR_STUB_COMPLETE);
    assert_true(mr_slice_eq(mr_stub_get(&s), MR_SLICE_LIT("12345678")));
    assert_int_equal(mr_stub_feed(&s, &head), 0);
    assert_int_equal(mr_stub_feed(&s, &(mr_event_chunk){.bytes = MR_SLICE_LIT("123456")}),
                     MR_ERR_LIMIT);
    mr_stub_reset(&s);
    assert_int_equal(mr_stub_feed(&s, &head), 0);
    tail.damaged = true;
    assert_int_equal(mr_stub_feed(&s, &tail), MR_STUB_DAMAGED);
    mr_stub_deinit(&s);
}

static void bad_configurations(void **state) {
    const mr_assoc_config bad[] = {{.max_xmit = 255}, {.max_recv = 1431}, {.max_events = 7},
                                   {.max_calls = MR_ASSOC_CALL_MAX + 1}};
    mr_error err = MR_ERROR_INIT;
    mr_assoc a;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(bad); i++) {
        assert_int_equal(mr_assoc_init(&a, &bad[i], &err), MR_ERR_ARGUMENT);
        mr_assoc_deinit(&a);
    }
    for (int kind = 0; kind <= MR_EVENT_ERROR; kind++)
        assert_true(strlen(mr_event_name(kind)) > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_segmentation),
        cmocka_unit_test(every_fragment_size),
        cmocka_unit_test(agreed_sizes),
        cmocka_unit_test(multiplexed_out_of_order),
        cmocka_unit_test(random_interleavings),
        cmocka_unit_test(contexts_features_and_rejections),
        cmocka_unit_test(everything_rejected),
        cmocka_unit_test(bind_nak),
        cmocka_unit_test(cancel_and_orphan),
        cmocka_unit_test(orphan_crosses_reply),
        cmocka_unit_test(orphan_mid_request),
        cmocka_unit_test(maybe_calls),
        cmocka_unit_test(one_call_without_multiplexing),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(budget),
        cmocka_unit_test(call_limits),
        cmocka_unit_test(context_limit),
        cmocka_unit_test(shutdown_by_server),
        cmocka_unit_test(no_growth),
        cmocka_unit_test(stubs),
        cmocka_unit_test(bad_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
