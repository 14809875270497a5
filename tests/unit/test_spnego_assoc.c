/* Negotiate under an association, NTLM inside: every level with and without header signing, after
 * a fallback too, with a listener who knows the password, and fragments that somebody touched. */
#include "assoc_world.h"
#include "spnego_world.h"

static spnego_ends ends;

static world *start(uint8_t level, enum mechs client, const mr_assoc_config *config, size_t step) {
    mr_error err = MR_ERROR_INIT;
    world *w = world_new(config, config, step);

    spnego_ends_init(&ends, level, client, ONLY_NTLM);
    spnego_ends_open(&ends);
    assert_int_equal(mr_assoc_set_security(&w->client.a,
                                           mr_spnego_get_security(ends.end[CLIENT]), 7, level,
                                           &err), 0);
    w->acceptor = mr_spnego_get_security(ends.end[SERVER]);
    w->acceptor_level = level;
    w->observer = mr_spnego_get_security(ends.end[TAP]);
    return w;
}

static void stop(world *w) {
    world_deinit(w);
    spnego_ends_deinit(&ends);
}

static void every_level(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_CALL,
                                     MR_AUTH_LEVEL_PACKET, MR_AUTH_LEVEL_INTEGRITY,
                                     MR_AUTH_LEVEL_PRIVACY};
    (void)state;

    for (size_t l = 0; l < MR_COUNT(levels); l++)
        for (int variant = 0; variant < 8; variant++) {
            mr_assoc_config config = {.max_xmit = variant & 1 ? 256 : 0,
                                      .no_header_sign = variant & 2};
            bool falls_back = variant & 4, protects = mr_auth_level_protects(levels[l]);
            world *w = start(levels[l], falls_back ? TOY_FIRST : ONLY_NTLM, &config,
                             l % 2 ? 1000 : RANDOM_SEGMENTS);
            world_bind(w);
            assert_sound(&w->client);
            assert_sound(&w->server);
            assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
            assert_int_equal(w->server.seen[MR_EVENT_READY], 1);
            assert_int_equal(w->client.last[MR_EVENT_READY].u.ready.type, MR_AUTH_SPNEGO);
            assert_int_equal(w->server.seen[MR_EVENT_ALTER], falls_back ? 2 : 1);
            secure_converse(w);
            assert_sound(&w->client);
            assert_sound(&w->server);
            assert_sound(&w->tap);
            assert_string_equal(w->client.log, w->tap.log);
            assert_non_null(strstr(w->client.log, "70000/"));
            assert_int_equal(w->tap.last[MR_EVENT_RESPONSE].auth.verified, protects);
            assert_int_equal(w->tap.last[MR_EVENT_REQUEST].auth.verified, protects);
            assert_false(w->tap.last[MR_EVENT_RESPONSE].u.chunk.sealed);
            for (int end = 0; end < 3; end++) {
                mr_spnego_info info = spnego_info(&ends, end);
                assert_true(info.complete && !info.tampered);
                assert_int_equal(info.protected, protects); /* NTLM signs nothing at connect */
                assert_int_equal(info.fallback, falls_back ? MR_SPNEGO_FALLBACK_ACCEPTOR
                                                           : MR_SPNEGO_NO_FALLBACK);
            }
            stop(w);
        }
}

/* Every octet of the negotiation and of a sealed call that is changed: no call comes through. */
static void tampering(void **state) {
    (void)state;

    for (size_t i = 0;; i++) {
        world *w = start(MR_AUTH_LEVEL_PRIVACY, ONLY_NTLM, NULL, 0);
        world_bind(w);
        secure_call(w, 0, MR_SLICE_LIT("twenty octets of it!"));
        pull_side(w, &w->client, MR_DIR_TO_SERVER);
        mr_buf *q = &w->queue[MR_DIR_TO_SERVER];
        if (i >= q->len) {
            stop(w);
            break;
        }
        q->data[i] ^= (uint8_t)(1u << i % 8);
        w->no_tap = true;
        pump(w);
        mr_assoc_feed_end(&w->server.a, MR_DIR_TO_SERVER, 1, &w->server.err);
        assert_int_equal(w->server.seen[MR_EVENT_REQUEST], 0);
        assert_non_null(mr_assoc_get_error(&w->server.a));
        stop(w);
    }
}

/* The first token's list is changed on its way: the server does not take the client's last token,
 * and no call comes through. */
static void changed_list(void **state) {
    (void)state;

    world *w = start(MR_AUTH_LEVEL_INTEGRITY, TOY_FIRST, NULL, 0);
    mr_assoc_context c = {.id = 0, .abstract = echo_syntax, .transfer = &mr_syntax_ndr20,
                          .transfer_count = 1};
    assert_int_equal(mr_assoc_bind(&w->client.a, &c, 1, 0, &w->client.err), 0);
    pull_side(w, &w->client, MR_DIR_TO_SERVER);
    mr_buf *q = &w->queue[MR_DIR_TO_SERVER];
    mr_slice oid = mr_mech_oid(MR_MECH_KRB5);
    size_t at = 0;
    while (at + oid.len < q->len && memcmp(q->data + at, oid.data, oid.len) != 0)
        at++;
    assert_true(at + oid.len < q->len);
    q->data[at + oid.len - 1] ^= 0x40; /* the second of Kerberos' names */
    pump(w);
    assert_int_equal(w->server.rc, MR_ERR_AUTH);
    assert_true(spnego_info(&ends, SERVER).tampered);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 0);
    stop(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level),
        cmocka_unit_test(tampering),
        cmocka_unit_test(changed_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
