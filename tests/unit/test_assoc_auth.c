/* The security vtable at work, with a provider that is easily seen through: tokens "leg 1", "leg 2"
 * ..., a verifier of sequence number and checksum, and XOR for privacy. */
#include "assoc_world.h"

typedef struct toy {
    mr_security base;
    int legs;             /* tokens in all, both sides together */
    int next;             /* number of the next token */
    bool pend;            /* every step says pending once */
    bool pended;
    int fail_at;          /* the token at which step fails */
    uint32_t seq[2];
    unsigned protected, opened;
} toy;

static int toy_step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out,
                    mr_error *err) {
    toy *t = (toy *)sec;
    char expected[16];
    (void)dir;

    if (t->pend && !t->pended) {
        t->pended = true;
        if (token.len > 0)
            t->next++;
        return MR_SECURITY_PENDING;
    }
    if (token.len > 0) {
        int n = snprintf(expected, sizeof expected, "leg %d", t->next);
        if (!mr_slice_eq(token, mr_slice_of(expected, (size_t)n)))
            return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "not the token expected");
        t->next++;
    }
    t->pended = false;
    if (t->next == t->fail_at)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "told to fail");
    if (t->base.role == MR_SECURITY_OBSERVER)
        return t->next > t->legs ? 0 : MR_SECURITY_CONTINUE;
    if (t->next <= t->legs)
        mr_buf_write_fmt(out, "leg %d", t->next++);
    return t->next > t->legs ? 0 : MR_SECURITY_CONTINUE;
}

static uint16_t toy_sizes(mr_security *sec, uint8_t level) {
    (void)sec;
    (void)level;
    return 12;
}

static uint32_t toy_sum(const mr_security_frag *f, const uint8_t *body, uint32_t seq) {
    uint32_t h = seq * 31 + f->level;
    if (f->sign_header)
        h += sum_of(f->header) * 3 + sum_of(f->trailer) * 5;
    return h + sum_of(mr_slice_of(body, f->body.len));
}

static void toy_xor(uint8_t *dst, const uint8_t *src, size_t n, uint32_t seq) {
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] ^ (uint8_t)(0x5a + seq + i);
}

static int toy_protect(mr_security *sec, const mr_security_frag *f, uint8_t *body, uint8_t *value,
                       mr_error *err) {
    toy *t = (toy *)sec;
    uint32_t seq = t->seq[f->dir]++, sum = toy_sum(f, body, seq);
    (void)err;

    assert_int_equal(f->body.len % 16, 0);
    assert_ptr_equal(f->body.data, body);
    assert_ptr_equal(f->header.data + f->header.len, body);
    assert_ptr_equal(f->body.data + f->body.len, f->trailer.data);
    assert_int_equal(f->trailer.len, MR_PDU_AUTH_SIZE);
    assert_ptr_equal(f->value.data, value);
    assert_int_equal(f->value.len, 12);
    memcpy(value, &seq, 4);
    memcpy(value + 4, &sum, 4);
    memcpy(value + 8, "toy!", 4);
    if (f->level == MR_AUTH_LEVEL_PRIVACY)
        toy_xor(body, body, f->body.len, seq);
    t->protected++;
    return 0;
}

static int toy_unprotect(mr_security *sec, const mr_security_frag *f, uint8_t *body,
                         mr_error *err) {
    toy *t = (toy *)sec;
    uint32_t seq = t->seq[f->dir]++, got_seq, got_sum;

    if (f->value.len != 12 || memcmp(f->value.data + 8, "toy!", 4) != 0)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "no verifier of this provider");
    memcpy(&got_seq, f->value.data, 4);
    memcpy(&got_sum, f->value.data + 4, 4);
    assert_true((body != NULL) == (f->level == MR_AUTH_LEVEL_PRIVACY) || f->body.len == 0);
    if (body)
        toy_xor(body, f->body.data, f->body.len, seq);
    if (seq != got_seq || got_sum != toy_sum(f, body ? body : f->body.data, seq))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "the verifier is wrong");
    t->opened++;
    return 0;
}

static const mr_security_class toy_class = {
    .name = "toy", .auth_type = MR_AUTH_NTLM, .step = toy_step, .sizes = toy_sizes,
    .protect = toy_protect, .unprotect = toy_unprotect};

static toy toy_of(enum mr_security_role role, int legs) {
    return (toy){.base = {&toy_class, role}, .legs = legs, .next = 1};
}

typedef struct trio {
    toy client, server, tap;
} trio;

static world *start(trio *t, int legs, uint8_t level, const mr_assoc_config *config, size_t step) {
    mr_error err = MR_ERROR_INIT;
    world *w = world_new(config, config, step);

    *t = (trio){toy_of(MR_SECURITY_INITIATOR, legs), toy_of(MR_SECURITY_ACCEPTOR, legs),
                toy_of(MR_SECURITY_OBSERVER, legs)};
    assert_int_equal(mr_assoc_set_security(&w->client.a, &t->client.base, 7, level, &err), 0);
    w->acceptor = &t->server.base;
    w->observer = &t->tap.base;
    return w;
}

static void every_leg_and_level(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_PACKET,
                                     MR_AUTH_LEVEL_INTEGRITY, MR_AUTH_LEVEL_PRIVACY};
    static const size_t steps[] = {0, 1, 1000, RANDOM_SEGMENTS};
    (void)state;

    for (int legs = 2; legs <= 6; legs++)
        for (size_t l = 0; l < MR_COUNT(levels); l++)
            for (int small = 0; small < 2; small++) {
                mr_assoc_config config = {.max_xmit = small ? 256 : 0,
                                          .no_header_sign = legs == 4};
                trio t;
                world *w = start(&t, legs, levels[l], &config, steps[(size_t)legs % 4]);
                mr_assoc_info info;
                world_bind(w);
                assert_sound(&w->client);
                assert_sound(&w->server);
                assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
                assert_int_equal(w->server.seen[MR_EVENT_READY], 1);
                assert_int_equal(w->client.last[MR_EVENT_READY].u.ready.level, levels[l]);
                assert_int_equal(w->server.seen[MR_EVENT_AUTH3], legs % 2);
                assert_int_equal(w->tap.seen[MR_EVENT_AUTH3], legs % 2);
                assert_int_equal(w->server.seen[MR_EVENT_ALTER], legs % 2 ? (legs - 3) / 2
                                                                          : (legs - 2) / 2);
                mr_assoc_get_info(&w->client.a, &info);
                assert_int_equal(info.header_sign, legs != 4);
                secure_converse(w);
                assert_sound(&w->client);
                assert_sound(&w->server);
                assert_sound(&w->tap);
                assert_string_equal(w->client.log, w->tap.log);
                bool protects = mr_auth_level_protects(levels[l]);
                assert_int_equal(t.client.protected > 0, protects);
                assert_int_equal(t.client.protected, t.server.opened);
                assert_int_equal(t.server.protected, t.client.opened);
                assert_int_equal(t.tap.opened, t.client.opened + t.server.opened);
                assert_int_equal(w->tap.last[MR_EVENT_RESPONSE].auth.verified, protects);
                assert_false(w->tap.last[MR_EVENT_RESPONSE].u.chunk.sealed);
                world_deinit(w);
            }
}

/* A tap without keys shows sealed stubs as sealed, with their true sizes. */
static void tap_without_keys(void **state) {
    trio t;
    (void)state;
    world *w = start(&t, 3, MR_AUTH_LEVEL_PRIVACY, NULL, 100);
    w->observer = NULL;
    world_bind(w);
    secure_call(w, 0, MR_SLICE_LIT("secret"));
    pump(w);
    assert_sound(&w->client);
    assert_true(w->tap.last[MR_EVENT_REQUEST].u.chunk.sealed);
    assert_int_equal(w->tap.last[MR_EVENT_REQUEST].u.chunk.bytes.len, 6);
    assert_int_equal(w->tap.last[MR_EVENT_REQUEST].auth.pad, 10);
    assert_false(w->tap.last[MR_EVENT_REQUEST].auth.verified);
    world_deinit(w);
}

static void pending_steps(void **state) {
    (void)state;
    for (int legs = 2; legs <= 5; legs++) {
        trio t;
        world *w = start(&t, legs, MR_AUTH_LEVEL_INTEGRITY, NULL, 11);
        mr_error err = MR_ERROR_INIT;
        t.client.pend = t.server.pend = true;
        assert_int_equal(mr_assoc_resume(&w->client.a, 1, &err), MR_ERR_STATE);
        world_bind(w);
        for (int i = 0; i < 10 && !(w->client.seen[MR_EVENT_READY] &&
                                    w->server.seen[MR_EVENT_READY]); i++) {
            side *s = t.client.pended ? &w->client : &w->server;
            assert_true(t.client.pended || t.server.pended);
            assert_int_equal(mr_assoc_resume(&s->a, 1, &err), 0);
            drain(w, s);
            pump(w);
        }
        assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
        assert_int_equal(w->client.seen[MR_EVENT_AUTH_PENDING] +
                         w->server.seen[MR_EVENT_AUTH_PENDING], (unsigned)legs + legs % 2 * 1 +
                         (legs % 2 ? 0 : 1));
        secure_converse(w);
        assert_sound(&w->client);
        assert_sound(&w->server);
        world_deinit(w);
    }
}

static void failing_steps(void **state) {
    mr_error err = MR_ERROR_INIT;
    trio t;
    (void)state;

    /* the initiator cannot even begin */
    world *w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    t.client.fail_at = 1;
    assert_int_equal(world_bind(w), MR_ERR_AUTH);
    assert_int_equal(w->client.err.floor, MR_FLOOR_AUTH);
    world_deinit(w);
    /* the acceptor refuses the first token: bind_nak */
    w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    t.server.fail_at = 2;
    world_bind(w);
    assert_int_equal(w->server.rc, MR_ERR_AUTH);
    assert_int_equal(w->client.rc, MR_ERR_BIND_REJECTED);
    world_deinit(w);
    /* the initiator refuses the answer */
    w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    t.client.fail_at = 3;
    world_bind(w);
    assert_int_equal(w->client.rc, MR_ERR_AUTH);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 0);
    world_deinit(w);
    /* auth3 has no answer: the next request is denied */
    w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    t.server.fail_at = 4;
    world_bind(w);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
    assert_int_equal(w->server.seen[MR_EVENT_READY], 0);
    secure_call(w, 0, MR_SLICE_LIT("x"));
    pump(w);
    assert_int_equal(w->client.last[MR_EVENT_FAULT].u.fault.status, 5);
    assert_int_equal(w->server.rc, MR_ERR_AUTH);
    world_deinit(w);
    /* the acceptor refuses the third token, which came in an alter_context: a fault */
    w = start(&t, 4, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    t.server.fail_at = 4;
    world_bind(w);
    assert_int_equal(w->client.rc, MR_ERR_FAULT);
    assert_int_equal(w->client.err.peer, 0x721);
    world_deinit(w);
    /* nobody accepts: authentication type not recognised */
    w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    w->acceptor = NULL;
    world_bind(w);
    assert_int_equal(w->client.rc, MR_ERR_BIND_REJECTED);
    assert_int_equal(w->client.err.peer, MR_NAK_AUTH_TYPE);
    world_deinit(w);
    /* another level than the server wants */
    w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    w->acceptor_level = MR_AUTH_LEVEL_PRIVACY;
    world_bind(w);
    assert_int_equal(w->client.err.peer, MR_NAK_AUTH_TYPE);
    assert_int_equal(mr_assoc_set_security(&w->server.a, &t.server.base, 9, 5, &err),
                     MR_ERR_AUTH);
    world_deinit(w);
}

static void limits(void **state) {
    mr_error err = MR_ERROR_INIT;
    toy t[MR_ASSOC_AUTH_MAX + 1];
    (void)state;
    world *w = world_new(NULL, NULL, 0);
    for (uint32_t i = 0; i <= MR_ASSOC_AUTH_MAX; i++) {
        t[i] = toy_of(MR_SECURITY_INITIATOR, 2);
        assert_int_equal(mr_assoc_set_security(&w->client.a, &t[i].base, i, 5, &err),
                         i < MR_ASSOC_AUTH_MAX ? 0 : MR_ERR_LIMIT);
    }
    assert_int_equal(mr_assoc_set_security(&w->client.a, &t[0].base, 0, 5, &err), MR_ERR_STATE);
    assert_int_equal(mr_assoc_set_security(&w->server.a, &t[0].base, 0, 5, &err), MR_ERR_STATE);
    world_deinit(w);
}

/* Every octet of a protected request that is changed on its way is found out: nothing of it comes
 * out as a stub. With header signing that covers the header. */
static void tampering(void **state) {
    (void)state;
    for (int dir = 0; dir < 2; dir++)
        for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++)
            for (size_t i = 0;; i++) {
                trio t;
                world *w = start(&t, 3, level, NULL, 0);
                side *to = dir ? &w->client : &w->server;
                world_bind(w);
                secure_call(w, 0, MR_SLICE_LIT("twenty octets of it!"));
                pull_side(w, &w->client, MR_DIR_TO_SERVER);
                if (dir) {
                    deliver(w, MR_DIR_TO_SERVER);
                    pull_side(w, &w->server, MR_DIR_TO_CLIENT);
                }
                mr_buf *q = &w->queue[dir];
                if (i == q->len) {
                    world_deinit(w);
                    break;
                }
                q->data[i] ^= 0x81;
                w->no_tap = true;
                pump(w);
                unsigned kind = dir ? MR_EVENT_RESPONSE : MR_EVENT_REQUEST;
                mr_assoc_feed_end(&to->a, (enum mr_dir)dir, 1, &to->err);
                assert_int_equal(to->seen[kind], 0);
                assert_non_null(mr_assoc_get_error(&to->a));
                world_deinit(w);
            }
}

/* Fragments out of their order, repeated or without a verifier are refused. */
static void replay_and_stripping(void **state) {
    mr_pdu_header h = {.flags = 3, .call_id = 99};
    mr_pdu_request r = {.opnum = 0, .stub = MR_SLICE_LIT("bare")};
    trio t;
    (void)state;

    world *w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    world_bind(w);
    w->no_tap = true;
    assert_int_equal(mr_pdu_encode_request(&w->queue[0], &h, &r), 0);
    pump(w);
    assert_int_equal(w->server.rc, MR_ERR_AUTH);
    assert_int_equal(w->server.seen[MR_EVENT_REQUEST], 0);
    assert_int_equal(w->client.last[MR_EVENT_FAULT].u.fault.status, 5);
    world_deinit(w);

    w = start(&t, 3, MR_AUTH_LEVEL_INTEGRITY, NULL, 0);
    world_bind(w);
    w->no_tap = true;
    secure_call(w, 0, MR_SLICE_LIT("once"));
    pull_side(w, &w->client, MR_DIR_TO_SERVER);
    mr_buf *q = &w->queue[0];
    size_t n = q->len;
    mr_buf_reserve(q, n);
    mr_buf_write(q, mr_slice_of(q->data, n));
    pump(w);
    assert_int_equal(w->server.rc, MR_ERR_AUTH);
    assert_int_equal(w->server.seen[MR_EVENT_REQUEST], 1);
    world_deinit(w);
}

/* A response to a protected call in the name of another context, which protects nothing. */
static void another_verifier(void **state) {
    mr_pdu_header h = {.flags = 3};
    mr_pdu_response r = {.stub = MR_SLICE_LIT("told by a stranger")};
    mr_pdu_auth weak = {.type = MR_AUTH_NTLM, .level = MR_AUTH_LEVEL_CONNECT, .context_id = 8,
                        .value = MR_SLICE_LIT("no verifier!")};
    mr_error err = MR_ERROR_INIT;
    trio t;
    (void)state;

    world *w = start(&t, 3, MR_AUTH_LEVEL_PRIVACY, NULL, 0);
    world_bind(w);
    toy client = toy_of(MR_SECURITY_INITIATOR, 3), server = toy_of(MR_SECURITY_ACCEPTOR, 3);
    assert_int_equal(mr_assoc_set_security(&w->client.a, &client.base, 8, MR_AUTH_LEVEL_CONNECT,
                                           &err), 0);
    w->acceptor = &server.base;
    w->server.seen[MR_EVENT_BIND] = 0;
    w->no_tap = true;
    world_bind(w);
    assert_sound(&w->client);
    assert_int_equal(w->client.last[MR_EVENT_READY].u.ready.id, 8);
    h.call_id = secure_call(w, 0, MR_SLICE_LIT("a question"));
    pull_side(w, &w->client, MR_DIR_TO_SERVER);
    deliver(w, MR_DIR_TO_SERVER);
    assert_int_equal(mr_pdu_encode_response(&w->queue[1], &h, &r), 0);
    assert_int_equal(mr_pdu_encode_auth(&w->queue[1], 0, &weak), 0);
    deliver(w, MR_DIR_TO_CLIENT);
    assert_int_equal(w->client.seen[MR_EVENT_RESPONSE], 0);
    assert_int_equal(w->client.rc, MR_ERR_AUTH);
    world_deinit(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_leg_and_level),
        cmocka_unit_test(tap_without_keys),
        cmocka_unit_test(pending_steps),
        cmocka_unit_test(failing_steps),
        cmocka_unit_test(limits),
        cmocka_unit_test(tampering),
        cmocka_unit_test(replay_and_stripping),
        cmocka_unit_test(another_verifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
