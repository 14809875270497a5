/* Netlogon's secure channel: two associations and a tap with both kinds of keys at every level,
 * fragments as another implementation makes them, and all that is to be refused. */
#include "assoc_world.h"
#include "hex.h"

#include <msrpc/auth/netlogon.h>
#include <msrpc/wire/nl_auth.h>

typedef struct trio {
    mr_netlogon_key key;
    mr_netlogon *end[3];
} trio;

static int find(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                mr_error *err) {
    (void)err;
    if (!mr_slice_eq(domain, MR_SLICE_LIT("LAB")) || !mr_slice_eq(computer, MR_SLICE_LIT("PC7")))
        return MR_ERR_NOT_FOUND;
    *keyp = *(const mr_netlogon_key *)user;
    return 0;
}

static void open_trio(trio *t, bool aes, const char *computer) {
    memset(t, 0, sizeof *t);
    t->key.aes = aes;
    for (size_t i = 0; i < MR_NETLOGON_KEY; i++)
        t->key.key[i] = (uint8_t)i;
    for (int role = 0; role < 3; role++) {
        mr_netlogon_options o = {
            .role = (enum mr_security_role)role, .entropy = "octets that nobody can guess",
            .domain = "LAB", .computer = computer, .key = t->key, .find = find, .user = &t->key};
        assert_int_equal(mr_netlogon_new(&o, &t->end[role], NULL), 0);
    }
}

static void close_trio(trio *t) {
    for (int role = 0; role < 3; role++)
        mr_netlogon_free(t->end[role]);
}

static mr_security *face(trio *t, enum mr_security_role role) {
    return mr_netlogon_get_security(t->end[role]);
}

static world *start(trio *t, bool aes, uint8_t level, const mr_assoc_config *config, size_t step) {
    world *w = world_new(config, config, step);

    open_trio(t, aes, "PC7");
    assert_int_equal(mr_assoc_set_security(&w->client.a, face(t, MR_SECURITY_INITIATOR), 7, level,
                                           NULL), 0);
    w->acceptor = face(t, MR_SECURITY_ACCEPTOR);
    w->acceptor_level = level;
    w->observer = face(t, MR_SECURITY_OBSERVER);
    return w;
}

static void every_level(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_PACKET,
                                     MR_AUTH_LEVEL_INTEGRITY, MR_AUTH_LEVEL_PRIVACY};
    static const size_t sizes[] = {0, 1, 15, 16, 17, 240, 5000, 70000};
    (void)state;

    for (size_t l = 0; l < MR_COUNT(levels); l++)
        for (int variant = 0; variant < 8; variant++) {
            mr_assoc_config config = {.max_xmit = variant & 1 ? 256 : 0,
                                      .no_header_sign = variant & 2};
            bool aes = variant & 4, protects = mr_auth_level_protects(levels[l]);
            trio t;
            world *w = start(&t, aes, levels[l], &config, l % 2 ? 1000 : RANDOM_SEGMENTS);
            world_bind(w);
            assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
            for (size_t i = 0; i < MR_COUNT(sizes); i++) {
                secure_call(w, 0, mr_slice_of(w->big_reply, sizes[i]));
                pump(w);
            }
            secure_call(w, 2, MR_SLICE_LIT("fault"));
            pump(w);
            assert_sound(&w->client);
            assert_sound(&w->server);
            assert_sound(&w->tap);
            assert_string_equal(w->client.log, w->tap.log);
            assert_non_null(strstr(w->client.log, "70000/"));
            assert_int_equal(w->tap.last[MR_EVENT_RESPONSE].auth.verified, protects);
            assert_false(w->tap.last[MR_EVENT_RESPONSE].u.chunk.sealed);
            mr_netlogon_info info;
            mr_netlogon_get_info(t.end[MR_SECURITY_ACCEPTOR], &info);
            assert_true(info.complete && info.aes == aes);
            assert_string_equal(info.domain, "LAB");
            assert_string_equal(info.computer, "PC7");
            world_deinit(w);
            close_trio(&t);
        }
}

/* ---- fragments as another implementation makes them ---- */

static void shake(trio *t) {
    uint8_t room[2][64];
    mr_buf asked, answered;

    mr_buf_init(&asked, room[0], sizeof room[0], sizeof room[0]);
    mr_buf_init(&answered, room[1], sizeof room[1], sizeof room[1]);
    mr_security *c = face(t, MR_SECURITY_INITIATOR), *s = face(t, MR_SECURITY_ACCEPTOR);
    assert_int_equal(c->class->step(c, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &asked, NULL),
                     MR_SECURITY_CONTINUE);
    assert_hex(asked.data, asked.len, "00000000 03000000 4c414200 50433700");
    assert_int_equal(s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&asked), &answered, NULL),
                     0);
    assert_hex(answered.data, answered.len, "01000000 00000000 00000000");
    assert_int_equal(c->class->step(c, MR_DIR_TO_CLIENT, mr_buf_slice(&answered), &asked, NULL),
                     0);
}

static const struct {
    bool aes;
    const char *signature;        /* at integrity */
    const char *sealed, *sealing; /* at privacy: the body, the signature */
} examples[] = {
    {false, "7700ffffffff000035109f7398fa4e741566810ffaededcb",
     "7ce741a7b286d3636ea5e068d6bac90206dc8423106fc7f5eddc837a1c3f3654",
     "77007a00ffff000023aab7fa94e4eea689a50b7d616503b76ce157b5b896d327"},
    {true, "1300ffffffff0000b89d1740664ed93b31e39a398e32941d",
     "11d93ce863dca586bc5a95d20930b387e8e4e0a5adff972b10d3f8c8d0dc630c",
     "13001a00ffff000040de6f1b438f72e8136bcaa794afa4735e31e4a540791f5a"},
};

#define BODY "sixteen octets!!sixteen octets!!"

/* impacket's, of the key 00 01 ... 0f and the confounder "confound"; what stands behind them is
 * empty. */
static void fragments(void **state) {
    (void)state;

    for (size_t i = 0; i < MR_COUNT(examples); i++)
        for (int sealed = 0; sealed < 2; sealed++) {
            size_t full = examples[i].aes ? 56 : 32;
            uint8_t value[56] = {0}, body[32], plain[32];
            trio t;
            open_trio(&t, examples[i].aes, "PC7");
            shake(&t);
            mr_security *s = face(&t, MR_SECURITY_ACCEPTOR), *c = face(&t, MR_SECURITY_INITIATOR);
            mr_security_frag frag = {
                .body = {body, sizeof body}, .value = {value, full}, .dir = MR_DIR_TO_SERVER,
                .level = sealed ? MR_AUTH_LEVEL_PRIVACY : MR_AUTH_LEVEL_INTEGRITY};
            assert_int_equal(s->class->sizes(s, frag.level), full);
            memcpy(body, BODY, sizeof body);
            if (!sealed) {
                assert_int_equal(c->class->protect(c, &frag, body, value, NULL), 0);
                assert_hex(value, 24, examples[i].signature);
                frag.value.len -= 8; /* what peers may leave out */
                assert_int_equal(s->class->unprotect(s, &frag, NULL, NULL), 0);
            } else {
                hex_read(examples[i].sealed, body, sizeof body);
                hex_read(examples[i].sealing, value, sizeof value);
                assert_int_equal(s->class->unprotect(s, &frag, plain, NULL), 0);
                assert_memory_equal(plain, BODY, sizeof plain);
            }
            close_trio(&t);
        }
}

/* ---- what is refused ---- */

static void tampering(void **state) {
    (void)state;

    for (int aes = 0; aes < 2; aes++)
        for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++)
            for (size_t bit = 0; bit < 8 * (32 + 24u); bit++) {
                uint8_t body[32] = BODY, value[56], plain[32];
                size_t covered = level == MR_AUTH_LEVEL_PRIVACY ? 32 : 24, at = bit / 8;
                trio t;
                open_trio(&t, aes, "PC7");
                shake(&t);
                mr_security *s = face(&t, MR_SECURITY_ACCEPTOR), *c =
                    face(&t, MR_SECURITY_INITIATOR);
                mr_security_frag frag = {.body = {body, 32}, .value = {value, aes ? 56 : 32},
                                         .dir = MR_DIR_TO_SERVER, .level = level};
                assert_int_equal(c->class->protect(c, &frag, body, value, NULL), 0);
                *(at < covered ? &value[at] : &body[(at - covered) % 32]) ^=
                    (uint8_t)(1u << bit % 8);
                assert_int_equal(s->class->unprotect(s, &frag, covered == 32 ? plain : NULL, NULL),
                                 MR_ERR_AUTH);
                close_trio(&t);
            }
}

/* Header and trailer are covered where that was agreed, and only there. */
static void headers(void **state) {
    (void)state;

    for (int aes = 0; aes < 2; aes++)
        for (int covered = 0; covered < 2; covered++)
            for (int part = 0; part < 2; part++) {
                uint8_t body[32] = BODY, value[56], around[2][8] = {"header_", "trailer"};
                trio t;
                open_trio(&t, aes, "PC7");
                shake(&t);
                mr_security *s = face(&t, MR_SECURITY_ACCEPTOR), *c =
                    face(&t, MR_SECURITY_INITIATOR);
                mr_security_frag frag = {
                    .header = {around[0], 8}, .trailer = {around[1], 8}, .body = {body, 32},
                    .value = {value, aes ? 56 : 32}, .dir = MR_DIR_TO_SERVER,
                    .level = MR_AUTH_LEVEL_INTEGRITY, .sign_header = covered};
                assert_int_equal(c->class->protect(c, &frag, body, value, NULL), 0);
                around[part][3] ^= 1;
                assert_int_equal(s->class->unprotect(s, &frag, NULL, NULL),
                                 covered ? MR_ERR_AUTH : 0);
                close_trio(&t);
            }
}

/* Repeated, lost, and sent back to where it came from. */
static void order(void **state) {
    (void)state;

    for (int aes = 0; aes < 2; aes++)
        for (int how = 0; how < 3; how++) {
            uint8_t body[32] = BODY, value[56];
            mr_error err = MR_ERROR_INIT;
            trio t;
            open_trio(&t, aes, "PC7");
            shake(&t);
            mr_security *s = face(&t, MR_SECURITY_ACCEPTOR), *c = face(&t, MR_SECURITY_INITIATOR);
            mr_security_frag frag = {.body = {body, 32}, .value = {value, aes ? 56 : 32},
                                     .dir = MR_DIR_TO_SERVER, .level = MR_AUTH_LEVEL_INTEGRITY};
            assert_int_equal(c->class->protect(c, &frag, body, value, NULL), 0);
            if (how == 0)
                assert_int_equal(s->class->unprotect(s, &frag, NULL, NULL), 0);
            if (how == 1)
                assert_int_equal(c->class->protect(c, &frag, body, value, NULL), 0);
            if (how == 2)
                frag.dir = MR_DIR_TO_CLIENT;
            assert_int_equal(s->class->unprotect(s, &frag, NULL, &err), MR_ERR_AUTH);
            assert_non_null(strstr(err.text, "lost, repeated or forged"));
            close_trio(&t);
        }
}

static void refused(void **state) {
    mr_netlogon_options o = {.role = MR_SECURITY_ACCEPTOR};
    mr_netlogon *n = NULL;
    uint8_t room[64];
    mr_nl_auth m;
    mr_buf out;
    trio t;
    (void)state;

    assert_int_equal(mr_netlogon_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = (mr_netlogon_options){.domain = "LAB", .computer = "A-NAME-TOO-LONG1"};
    assert_int_equal(mr_netlogon_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o.computer = "";
    assert_int_equal(mr_netlogon_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    assert_null(n);
    /* a computer nobody knows; then nothing goes on */
    open_trio(&t, true, "PC8");
    mr_security *s = face(&t, MR_SECURITY_ACCEPTOR), *c = face(&t, MR_SECURITY_INITIATOR);
    mr_buf_init(&out, room, sizeof room, sizeof room);
    c->class->step(c, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, NULL);
    assert_int_equal(s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&out), &out, NULL),
                     MR_ERR_AUTH);
    assert_int_equal(s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&out), &out, NULL),
                     MR_ERR_PROTOCOL);
    /* its own token comes back */
    assert_int_equal(c->class->step(c, MR_DIR_TO_CLIENT, mr_buf_slice(&out), &out, NULL),
                     MR_ERR_PROTOCOL);
    mr_security_frag frag = {.level = MR_AUTH_LEVEL_INTEGRITY};
    assert_int_equal(c->class->unprotect(c, &frag, NULL, NULL), MR_ERR_STATE);
    assert_int_equal(c->class->protect(c, &frag, NULL, NULL, NULL), MR_ERR_STATE);
    close_trio(&t);
    assert_int_equal(mr_nl_auth_decode(MR_SLICE_LIT("\0\0\0\0\3\0\0\0LAB\0PC"), &m, NULL),
                     MR_ERR_TRUNCATED);
    assert_int_equal(mr_nl_auth_decode(MR_SLICE_LIT("\0\0\0\0"), &m, NULL), MR_ERR_TRUNCATED);
    assert_int_equal(mr_nl_auth_decode(MR_SLICE_LIT("\2\0\0\0\0\0\0\0"), &m, NULL),
                     MR_ERR_MALFORMED);
}

/* A machine of Samba's against a Samba DC, and by impacket without AES. */
static void derived(void **state) {
    static const struct {
        uint32_t flags;
        const char *credential, *key;
    } rows[] = {
        {0x610fffff, "c5dbbc54b6555494", "ee7fcacc53e281106e102939b38878ab"},
        {0x600fffff, "d4b10ea50c36b227", "b032490ed64698b70fca3447ee88a452"},
    };
    mr_netlogon_exchange x;
    mr_error err = MR_ERROR_INIT;
    uint8_t hash[16];
    (void)state;

    hex_read("a5789d4238cba3c0a4a61187986edf91", hash, sizeof hash);
    hex_read("8aa9cc78e3014200", x.client, sizeof x.client);
    hex_read("d63a292dca12d77b", x.server, sizeof x.server);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_netlogon_key key = {.aes = false};
        x.flags = rows[i].flags;
        hex_read(rows[i].credential, x.credential, sizeof x.credential);
        assert_int_equal(mr_netlogon_derive(&x, hash, &key, &err), 0);
        assert_hex(key.key, sizeof key.key, rows[i].key);
        assert_int_equal(key.aes, i == 0);
        x.credential[0] ^= 1;
        assert_int_equal(mr_netlogon_derive(&x, hash, &key, &err), MR_ERR_AUTH);
    }
    x.flags = 0x3fff;
    assert_int_equal(mr_netlogon_derive(&x, hash, &(mr_netlogon_key){.aes = false}, &err),
                     MR_ERR_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level),
        cmocka_unit_test(fragments),
        cmocka_unit_test(tampering),
        cmocka_unit_test(headers),
        cmocka_unit_test(order),
        cmocka_unit_test(refused),
        cmocka_unit_test(derived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
