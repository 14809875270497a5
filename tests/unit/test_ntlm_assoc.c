/* NTLM under an association: what a client and a server say at each level, what a listener who
 * knows the password makes of it, and what becomes of fragments that somebody touched. */
#include "assoc_world.h"
#include "ntlm_world.h"

#include "ntlm_private.h"

static ntlm_ends ends;

static world *start(uint8_t level, const mr_assoc_config *config, size_t step) {
    mr_error err = MR_ERROR_INIT;
    world *w = world_new(config, config, step);

    ntlm_ends_init(&ends, level);
    ntlm_ends_open(&ends);
    assert_int_equal(mr_assoc_set_security(&w->client.a, mr_ntlm_get_security(ends.client), 7,
                                           level, &err), 0);
    w->acceptor = mr_ntlm_get_security(ends.server);
    w->acceptor_level = level;
    w->observer = mr_ntlm_get_security(ends.tap);
    return w;
}

static void stop(world *w) {
    world_deinit(w);
    ntlm_ends_deinit(&ends);
}

static void every_level(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_CALL,
                                     MR_AUTH_LEVEL_PACKET, MR_AUTH_LEVEL_INTEGRITY,
                                     MR_AUTH_LEVEL_PRIVACY};
    (void)state;

    for (size_t l = 0; l < MR_COUNT(levels); l++)
        for (int variant = 0; variant < 4; variant++) {
            mr_assoc_config config = {.max_xmit = variant & 1 ? 256 : 0,
                                      .no_header_sign = variant & 2};
            world *w = start(levels[l], &config, l % 2 ? 1000 : RANDOM_SEGMENTS);
            bool protects = mr_auth_level_protects(levels[l]);
            world_bind(w);
            assert_sound(&w->client);
            assert_sound(&w->server);
            assert_int_equal(w->server.seen[MR_EVENT_AUTH3], 1);
            secure_converse(w);
            assert_sound(&w->client);
            assert_sound(&w->server);
            assert_sound(&w->tap);
            assert_string_equal(w->client.log, w->tap.log);
            assert_non_null(strstr(w->client.log, "70000/"));
            assert_int_equal(w->tap.last[MR_EVENT_RESPONSE].auth.verified, protects);
            assert_int_equal(w->tap.last[MR_EVENT_REQUEST].auth.verified, protects);
            assert_false(w->tap.last[MR_EVENT_RESPONSE].u.chunk.sealed);
            stop(w);
        }
}

/* At privacy nothing of a stub can be read on the way, at integrity it can. */
static void what_shows(void **state) {
    (void)state;
    for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
        world *w = start(level, NULL, 0);
        world_bind(w);
        size_t at = w->queue[0].len;
        secure_call(w, 0, MR_SLICE_LIT("twenty octets of it!"));
        pull_side(w, &w->client, MR_DIR_TO_SERVER);
        bool shows = memmem(w->queue[0].data, w->queue[0].len, "octets of", 9) != NULL;
        assert_int_equal(shows, level == MR_AUTH_LEVEL_INTEGRITY);
        assert_true(w->queue[0].len >= at);
        pump(w);
        assert_sound(&w->server);
        stop(w);
    }
}

/* A listener with another password, or none of the tokens, opens nothing and breaks nothing. */
static void deaf_listener(void **state) {
    (void)state;
    world *w = start(MR_AUTH_LEVEL_PRIVACY, NULL, 0);
    mr_identity other;
    mr_identity_init(&other, NULL);
    mr_identity_set_password(&other, MR_SLICE_LIT("another"), NULL);
    mr_ntlm_free(ends.tap);
    ends.tap_options.user = &other;
    assert_int_equal(mr_ntlm_new(&ends.tap_options, &ends.tap, NULL), 0);
    w->observer = mr_ntlm_get_security(ends.tap);
    world_bind(w);
    secure_call(w, 0, MR_SLICE_LIT("secret"));
    pump(w);
    assert_sound(&w->client);
    assert_sound(&w->tap);
    assert_true(w->tap.last[MR_EVENT_REQUEST].u.chunk.sealed);
    mr_identity_deinit(&other);
    stop(w);
}

/* Each octet of a protected PDU in both directions, changed on its way. */
static void tampering(void **state) {
    (void)state;
    for (int dir = 0; dir < 2; dir++)
        for (int no_sign = 0; no_sign < 2; no_sign++)
            for (size_t i = 0;; i++) {
                mr_assoc_config config = {.no_header_sign = no_sign};
                world *w = start(MR_AUTH_LEVEL_PRIVACY, &config, 0);
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
                    stop(w);
                    break;
                }
                q->data[i] ^= (uint8_t)(1u << i % 8);
                w->no_tap = true;
                pump(w);
                mr_assoc_feed_end(&to->a, (enum mr_dir)dir, 1, &to->err);
                assert_int_equal(to->seen[dir ? MR_EVENT_RESPONSE : MR_EVENT_REQUEST], 0);
                assert_non_null(mr_assoc_get_error(&to->a));
                stop(w);
            }
}

/* One protected PDU of the client's, whole in memory. */
typedef struct pdu {
    uint8_t octets[96];
    mr_security_frag frag;
} pdu;

#define STUB_AT 24
#define STUB_LEN 32
#define VALUE_AT (STUB_AT + STUB_LEN + MR_PDU_AUTH_SIZE)
#define PDU_LEN (VALUE_AT + MR_NTLM_SIGNATURE)

static void view(pdu *p, uint8_t level, bool sign, enum mr_dir dir) {
    p->frag = (mr_security_frag){
        .header = mr_slice_of(p->octets, STUB_AT),
        .body = mr_slice_of(p->octets + STUB_AT, STUB_LEN),
        .trailer = mr_slice_of(p->octets + STUB_AT + STUB_LEN, MR_PDU_AUTH_SIZE),
        .value = mr_slice_of(p->octets + VALUE_AT, MR_NTLM_SIGNATURE),
        .level = level, .sign_header = sign, .dir = dir};
}

static int open_pdu(mr_ntlm *n, const pdu *p, uint8_t plain[STUB_LEN]) {
    bool privacy = p->frag.level == MR_AUTH_LEVEL_PRIVACY;
    return mr_ntlm_unprotect(&n->base, &p->frag, privacy ? plain : NULL, NULL);
}

/* Every single bit of it, at every level, with and without header signing, in both directions. */
static void every_bit(void **state) {
    (void)state;
    for (uint8_t level = MR_AUTH_LEVEL_CALL; level <= MR_AUTH_LEVEL_PRIVACY; level++)
        for (int variant = 0; variant < 4; variant++) {
            enum mr_dir dir = variant & 1;
            uint8_t plain[STUB_LEN];
            mr_rc4 before;
            pdu p;
            ntlm_ends_init(&ends, level);
            ntlm_ends_open(&ends);
            assert_int_equal(ntlm_shake(&ends), 0);
            mr_ntlm *from = dir ? ends.server : ends.client, *to = dir ? ends.client : ends.server;
            memset(p.octets, 0x5a, sizeof p.octets);
            view(&p, level, variant & 2, dir);
            before = to->way[dir].rc4;
            assert_int_equal(mr_ntlm_protect(&from->base, &p.frag, p.octets + STUB_AT,
                                             p.octets + VALUE_AT, NULL), 0);
            for (size_t bit = 0; bit < (size_t)8 * PDU_LEN; bit++) {
                p.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_equal(open_pdu(to, &p, plain), MR_ERR_AUTH);
                p.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
                to->way[dir].rc4 = before;
                to->way[dir].seq = 0;
            }
            assert_int_equal(open_pdu(to, &p, plain), 0);
            if (level == MR_AUTH_LEVEL_PRIVACY)
                assert_int_equal(plain[STUB_LEN - 1], 0x5a);
            ntlm_ends_deinit(&ends);
        }
}

/* Repeated, left out, in another order, sent back to where it came from. */
static void order(void **state) {
    static const int orders[][3] = {{0, 0, -1}, {0, 2, -1}, {1, -1}, {0, 1, 2}, {2, -1}};
    (void)state;

    for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++)
        for (size_t i = 0; i < MR_COUNT(orders); i++) {
            uint8_t plain[STUB_LEN];
            pdu p[3];
            int rc = 0;
            ntlm_ends_init(&ends, level);
            ntlm_ends_open(&ends);
            assert_int_equal(ntlm_shake(&ends), 0);
            for (int k = 0; k < 3; k++) {
                memset(p[k].octets, k, sizeof p[k].octets);
                view(&p[k], level, true, MR_DIR_TO_SERVER);
                assert_int_equal(mr_ntlm_protect(&ends.client->base, &p[k].frag,
                                                 p[k].octets + STUB_AT, p[k].octets + VALUE_AT,
                                                 NULL), 0);
            }
            for (int k = 0; k < 3 && orders[i][k] >= 0; k++)
                rc = open_pdu(ends.server, &p[orders[i][k]], plain);
            assert_int_equal(rc, i == 3 ? 0 : MR_ERR_AUTH);
            view(&p[0], level, true, MR_DIR_TO_CLIENT);
            assert_int_equal(open_pdu(ends.client, &p[0], plain), MR_ERR_AUTH);
            ntlm_ends_deinit(&ends);
        }
}

/* Without extended session security both directions share one stream and one sequence, and the
 * header is covered only where header signing was agreed. */
static void shared_stream(void **state) {
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        uint8_t level = variant & 1 ? MR_AUTH_LEVEL_PRIVACY : MR_AUTH_LEVEL_INTEGRITY;
        bool sign = variant & 2;
        uint8_t plain[STUB_LEN];
        pdu p;
        ntlm_ends_init(&ends, level);
        ends.client_options.v1 = ends.client_options.weak = true;
        ends.server_options.v1 = ends.server_options.weak = true;
        ntlm_ends_open(&ends);
        assert_true(ntlm_leg(&ends, 0) > 0);
        ends.tokens[0].data[14] &= (uint8_t)~(MR_NTLM_EXTENDED >> 16);
        assert_true(ntlm_leg(&ends, 1) > 0);
        assert_int_equal(ntlm_leg(&ends, 2), 0);
        assert_int_equal(ntlm_leg(&ends, 3), 0);
        for (int k = 0; k < 7; k++) {
            enum mr_dir dir = k % 2;
            bool refused = k == 6 || (k == 5 && sign);
            mr_ntlm *from = dir ? ends.server : ends.client, *to = dir ? ends.client : ends.server;
            memset(p.octets, 'k', sizeof p.octets);
            view(&p, level, sign, dir);
            assert_int_equal(mr_ntlm_protect(&from->base, &p.frag, p.octets + STUB_AT,
                                             p.octets + VALUE_AT, NULL), 0);
            p.octets[VALUE_AT + 5] ^= 1; /* random, nobody looks */
            if (k >= 5)
                p.octets[k == 5 ? 0 : STUB_AT] ^= 1;
            assert_int_equal(open_pdu(to, &p, plain), refused ? MR_ERR_AUTH : 0);
            assert_true(level != MR_AUTH_LEVEL_PRIVACY || plain[1] == 'k');
        }
        ntlm_ends_deinit(&ends);
    }
}

/* A wrong password ends at the first request: auth3 has no answer. */
static void wrong_password(void **state) {
    (void)state;
    world *w = start(MR_AUTH_LEVEL_PRIVACY, NULL, 0);
    mr_identity_set_password(&ends.account, MR_SLICE_LIT("another"), NULL);
    w->observer = NULL;
    world_bind(w);
    assert_int_equal(w->server.seen[MR_EVENT_READY], 0);
    secure_call(w, 0, MR_SLICE_LIT("x"));
    pump(w);
    assert_int_equal(w->client.last[MR_EVENT_FAULT].u.fault.status, 5);
    stop(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level),
        cmocka_unit_test(what_shows),
        cmocka_unit_test(deaf_listener),
        cmocka_unit_test(tampering),
        cmocka_unit_test(every_bit),
        cmocka_unit_test(order),
        cmocka_unit_test(shared_stream),
        cmocka_unit_test(wrong_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
