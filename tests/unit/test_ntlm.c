/* NTLM's computations against the examples of MS-NLMP 4.2, identities, names and messages. */
#include "ntlm_world.h"

#include "ntlm_private.h"

#define SERVER_CHALLENGE MR_SLICE_LIT("\x01\x23\x45\x67\x89\xab\xcd\xef")
#define CLIENT_CHALLENGE MR_SLICE_LIT("\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa")
#define USER MR_SLICE_LIT("U\0s\0e\0r\0")
#define DOMAIN MR_SLICE_LIT("D\0o\0m\0a\0i\0n\0")

static const uint8_t password_hash[16] = { /* 4.2.2.1.2 */
    0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52};
static const uint8_t random_key[16] = "UUUUUUUUUUUUUUUU";

/* GSS_WrapEx and GSS_GetMIC of "Plaintext" by a client, and back (4.2.2.4, 4.2.3.4, 4.2.4.4). */
static void seal_example(uint32_t flags, const uint8_t key[16], const char *sealed,
                         const char *signature) {
    uint8_t room[18 + 16], plain[18];
    ntlm_ends e;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    ntlm_ends_open(&e);
    mr_ntlm *both[] = {e.client, e.server};
    for (int i = 0; i < 2; i++) {
        both[i]->flags = flags;
        memcpy(both[i]->key, key, 16);
        assert_int_equal(mr_ntlm_set_keys(both[i], NULL), 0);
    }
    memcpy(room, "P\0l\0a\0i\0n\0t\0e\0x\0t\0", 18);
    mr_security_frag frag = {
        .body = mr_slice_of(room, 18), .value = mr_slice_of(room + 18, 16),
        .level = MR_AUTH_LEVEL_PRIVACY, .dir = MR_DIR_TO_SERVER};
    assert_int_equal(mr_ntlm_protect(&e.client->base, &frag, room, room + 18, &e.err), 0);
    assert_hex(room, 18, sealed);
    assert_hex(room + 18, 16, signature);
    assert_int_equal(mr_ntlm_unprotect(&e.server->base, &frag, plain, &e.err), 0);
    assert_memory_equal(plain, "P\0l\0a\0i\0n\0t\0e\0x\0t\0", 18);
    ntlm_ends_deinit(&e);
}

static void example_v1(void **state) { /* 4.2.2 */
    const uint32_t flags = 0xe2028233;
    uint8_t out[24], challenge[8], base_key[16], exchange[16], exported[16];
    mr_identity id;
    mr_rc4 rc4;
    (void)state;

    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT("Password"), NULL), 0);
    assert_memory_equal(id.nt_hash, password_hash, 16);
    mr_identity_deinit(&id);
    mr_md4(mr_slice_of(password_hash, 16), base_key);
    assert_hex(base_key, 16, "d87262b0cde4b1cb7499becccdf10784");
    assert_int_equal(mr_ntlm_challenge_v1(flags, SERVER_CHALLENGE, CLIENT_CHALLENGE, challenge,
                                          NULL), 0);
    assert_int_equal(mr_ntlm_answer_v1(password_hash, challenge, out, NULL), 0);
    assert_hex(out, 24, "67c43011f30298a2ad35ece64f16331c44bdbed927841f94");
    assert_int_equal(mr_ntlm_exchange_key(flags, false, base_key, SERVER_CHALLENGE,
                                          MR_SLICE_NULL, exchange, NULL), 0);
    mr_rc4_init(&rc4, mr_slice_of(exchange, 16));
    mr_rc4_crypt(&rc4, random_key, exported, 16);
    assert_hex(exported, 16, "518822b1b3f350c8958682ecbb3e3cb7");
    seal_example(flags, random_key, "56fe04d861f9319af0d7238a2e3b4d457fb8",
                 "01000000 00000000 09dcd1df 2e459d36");
}

static void example_v1_extended(void **state) { /* 4.2.3 */
    const uint32_t flags = 0x820a8233;
    uint8_t lm[24] = {0}, out[24], challenge[8], base_key[16], key[16], part[16];
    size_t n;
    (void)state;

    memset(lm, 0xaa, 8);
    mr_md4(mr_slice_of(password_hash, 16), base_key);
    assert_int_equal(mr_ntlm_challenge_v1(flags, SERVER_CHALLENGE, CLIENT_CHALLENGE, challenge,
                                          NULL), 0);
    assert_int_equal(mr_ntlm_answer_v1(password_hash, challenge, out, NULL), 0);
    assert_hex(out, 24, "7537f803ae367128ca458204bde7caf81e97ed2683267232");
    assert_int_equal(mr_ntlm_exchange_key(flags, false, base_key, SERVER_CHALLENGE,
                                          mr_slice_of(lm, 24), key, NULL), 0);
    assert_hex(key, 16, "eb93429a8bd952f8b89c55b87f475edc");
    assert_int_equal(mr_ntlm_seal_key(flags, key, MR_DIR_TO_SERVER, part, &n, NULL), 0);
    assert_hex(part, n, "04dd7f014d8504d265a25cc86a3a7c06");
    assert_int_equal(mr_ntlm_sign_key(flags, key, MR_DIR_TO_SERVER, part, NULL), 0);
    assert_hex(part, 16, "60e799be5c72fc92922ae8ebe961fb8d");
    assert_int_equal(mr_ntlm_key_bits(flags), 56);
    seal_example(flags, key, "a02372f6530273f3aa1eb90190ce5200c99d",
                 "01000000 ff2aeb52f681793a 00000000");
}

static void example_v2(void **state) { /* 4.2.4 */
    const uint32_t flags = 0xe28a8233;
    uint8_t owf[16], proof[16], base_key[16], exported[16], lm[24], key[16], room[256];
    mr_rc4 rc4;
    size_t n = hex_read("0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"
                        "02000c0044006f006d00610069006e00 01000c00530065007200760065007200"
                        "00000000 00000000", room, sizeof room);
    (void)state;

    assert_int_equal(mr_ntlm_owf_v2(password_hash, USER, DOMAIN, owf, NULL), 0);
    assert_hex(owf, 16, "0c868a403bfd7a93a3001ef22ef02e3f");
    assert_int_equal(mr_ntlm_lm_v2(owf, SERVER_CHALLENGE, CLIENT_CHALLENGE, lm, NULL), 0);
    assert_hex(lm, 24, "86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa");
    assert_int_equal(mr_ntlm_proof_v2(owf, SERVER_CHALLENGE, mr_slice_of(room, n), proof,
                                      base_key, NULL), 0);
    assert_hex(proof, 16, "68cd0ab851e51c96aabc927bebef6a1c");
    assert_hex(base_key, 16, "8de40ccadbc14a82f15cb0ad0de95ca3");
    assert_int_equal(mr_ntlm_exchange_key(flags, true, base_key, SERVER_CHALLENGE,
                                          mr_slice_of(lm, 24), key, NULL), 0);
    mr_rc4_init(&rc4, mr_slice_of(key, 16));
    mr_rc4_crypt(&rc4, random_key, exported, 16);
    assert_hex(exported, 16, "c5dad2544fc9799094ce1ce90bc9d03e");
    assert_int_equal(mr_ntlm_seal_key(flags, random_key, MR_DIR_TO_SERVER, key, &n, NULL), 0);
    assert_hex(key, n, "59f600973cc4960a25480a7c196e4c58");
    assert_int_equal(mr_ntlm_sign_key(flags, random_key, MR_DIR_TO_SERVER, key, NULL), 0);
    assert_hex(key, 16, "4788dc861b4782f35d43fd98fe1a2d39");
    assert_int_equal(mr_ntlm_key_bits(flags), 128);
    seal_example(flags, random_key, "54e50165bf1936dc996020c1811b0f06fb5f",
                 "01000000 7fb38ec5c55d4976 00000000");
}

static void key_strengths(void **state) {
    uint8_t strong[16], middle[16], low[16];
    size_t n;
    (void)state;

    assert_int_equal(mr_ntlm_key_bits(MR_NTLM_EXTENDED), 40);
    mr_ntlm_seal_key(MR_NTLM_EXTENDED | MR_NTLM_128, random_key, MR_DIR_TO_CLIENT, strong, &n,
                     NULL);
    mr_ntlm_seal_key(MR_NTLM_EXTENDED | MR_NTLM_56, random_key, MR_DIR_TO_CLIENT, middle, &n,
                     NULL);
    mr_ntlm_seal_key(MR_NTLM_EXTENDED, random_key, MR_DIR_TO_CLIENT, low, &n, NULL);
    assert_memory_not_equal(strong, middle, 16);
    assert_memory_not_equal(middle, low, 16);
}

/* ---- names ---- */

static void upper_case(void **state) {
    static const uint16_t pairs[][2] = {
        {'a', 'A'}, {'z', 'Z'}, {'A', 'A'}, {'{', '{'}, {0xe4, 0xc4}, {0xdf, 0xdf}, {0xf7, 0xf7},
        {0xff, 0x178}, {0xb5, 0xb5}, {0x101, 0x100}, {0x131, 0x131}, {0x17f, 0x17f},
        {0x3b1, 0x391}, {0x3c2, 0x3c2}, {0x44f, 0x42f}, {0x561, 0x531}, {0x10d0, 0x10d0},
        {0x1e9f, 0x1e9f}, {0x24d0, 0x24b6}, {0xff41, 0xff21}, {0xffff, 0xffff}};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(pairs); i++)
        assert_int_equal(mr_upcase(pairs[i][0]), pairs[i][1]);
    assert_true(mr_utf16le_eq_nocase(MR_SLICE_LIT("a\0\xe4\0"), MR_SLICE_LIT("A\0\xc4\0")));
    assert_false(mr_utf16le_eq_nocase(MR_SLICE_LIT("a\0"), MR_SLICE_LIT("b\0")));
    assert_false(mr_utf16le_eq_nocase(MR_SLICE_LIT("a\0"), MR_SLICE_LIT("a")));
}

static void identities(void **state) {
    static const struct {
        const char *text, *user, *domain;
        bool principal;
    } good[] = {
        {"alice", "alice", "OLD", false}, {"LAB\\alice", "alice", "LAB", false},
        {"LAB/alice", "alice", "LAB", false}, {"alice@lab.test", "alice", "lab.test", true},
        {"a@b@lab.test", "a@b", "lab.test", true}, {"LAB\\a@b", "a@b", "LAB", false},
        {"host/mb.lab.test@LAB.TEST", "host/mb.lab.test", "LAB.TEST", true},
        {"LAB\\a/b@c", "a/b@c", "LAB", false},
        {"\\alice", "alice", "", false}, {"j\xc3\xbcrgen", "j\xc3\xbcrgen", "OLD", false}};
    static const char *const bad[] = {"", "LAB\\", "@lab.test", "alice@", "\xff"};
    mr_identity id;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(good); i++) {
        assert_int_equal(mr_identity_init(&id, NULL), 0);
        assert_int_equal(mr_identity_set_domain(&id, MR_SLICE_LIT("OLD"), NULL), 0);
        assert_int_equal(mr_identity_set_name(&id, mr_slice_str(good[i].text), NULL), 0);
        assert_string_equal(id.user, good[i].user);
        assert_string_equal(id.domain, good[i].domain);
        assert_int_equal(id.principal, good[i].principal);
        for (size_t k = 0; k < MR_COUNT(bad); k++)
            assert_int_equal(mr_identity_set_name(&id, mr_slice_str(bad[k]), NULL),
                             MR_ERR_SYNTAX);
        assert_string_equal(id.user, good[i].user);
        mr_identity_deinit(&id);
    }
}

static void identity_secrets(void **state) {
    static const uint8_t zeros[sizeof(mr_identity)];
    mr_error err = MR_ERROR_INIT;
    mr_identity id;
    (void)state;

    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_false(id.has_password || id.has_nt_hash);
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_NULL, NULL), 0);
    assert_hex(id.nt_hash, 16, "31d6cfe0d16ae931b73c59d7e0c089c0");
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT("hunter\xff"), &err),
                     MR_ERR_SYNTAX);
    assert_null(strstr(err.text, "hunter"));
    assert_true(id.has_password && id.has_nt_hash);
    assert_string_equal(id.password, "");
    assert_int_equal(mr_identity_set_nt_hash(
        &id, MR_SLICE_LIT("aad3b435b51404eeaad3b435b51404ee:A4F49C406510BDCAB6824EE7C30FD852"),
        NULL), 0);
    assert_memory_equal(id.nt_hash, password_hash, 16);
    assert_int_equal(mr_identity_set_nt_hash(
        &id, MR_SLICE_LIT(":a4f49c406510bdcab6824ee7c30fd852"), NULL), 0);
    mr_slice hash = MR_SLICE_LIT("a4f49c406510bdcab6824ee7c30fd852");
    assert_int_equal(mr_identity_set_nt_hash(&id, hash, NULL), 0);
    hash.len--;
    assert_int_equal(mr_identity_set_nt_hash(&id, hash, &err), MR_ERR_SYNTAX);
    assert_null(strstr(err.text, "a4f49c"));
    assert_int_equal(mr_identity_set_nt_hash(&id, MR_SLICE_LIT("xx:00"), NULL), MR_ERR_SYNTAX);
    assert_int_equal(mr_identity_set_aes_key(&id, MR_SLICE_LIT("0102030405060708090a0b0c0d0e0f10"),
                                             NULL), 0);
    assert_int_equal(id.aes_key_len, 16);
    assert_int_equal(id.aes_key[15], 16);
    assert_int_equal(mr_identity_set_aes_key(&id, MR_SLICE_LIT("01"), NULL), MR_ERR_SYNTAX);
    assert_int_equal(mr_identity_set_ccache(&id, MR_SLICE_LIT("FILE:/tmp/cc"), NULL), 0);
    assert_int_equal(mr_identity_set_keytab(&id, MR_SLICE_LIT("with\0nul"), NULL), MR_ERR_SYNTAX);
    mr_identity_deinit(&id);
    assert_memory_equal(&id, zeros, sizeof id);
    mr_identity_deinit(&id);
}

/* ---- messages ---- */

static void messages(void **state) {
    mr_ntlm_negotiate n = {.flags = MR_NTLM_VERSION | 0x3000, .domain = MR_SLICE_LIT("LAB"),
                           .workstation = MR_SLICE_LIT("PC"), .version = {10, 0, 17763}}, n2;
    mr_ntlm_challenge c = {.flags = MR_NTLM_UNICODE, .unicode = true, .target_name = DOMAIN,
                           .challenge = SERVER_CHALLENGE}, c2;
    mr_ntlm_authenticate a = {
        .flags = MR_NTLM_UNICODE | MR_NTLM_VERSION, .mic = true, .user = USER, .domain = DOMAIN,
        .lm = SERVER_CHALLENGE, .nt = CLIENT_CHALLENGE, .version = {6, 1, 7601}}, a2;
    mr_ntlm_target t = {.computer = USER, .domain = DOMAIN, .time = 77, .flags = 2}, t2;
    mr_ntlm_target more = {.spn = USER, .flags = 6, .channel_bindings = CLIENT_CHALLENGE};
    uint8_t room[512], list[256], second[256];
    mr_buf out, pairs, again;
    (void)state;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    mr_buf_write_u8(&out, 0x77); /* offsets count from where the message begins */
    assert_int_equal(mr_ntlm_negotiate_encode(&n, &out), 0);
    assert_int_equal(mr_ntlm_negotiate_decode(mr_slice_of(room + 1, out.len - 1), &n2, NULL), 0);
    assert_true(mr_slice_eq(n2.domain, n.domain) && mr_slice_eq(n2.workstation, n.workstation));
    assert_int_equal(n2.version.build, 17763);
    mr_buf_init(&pairs, list, sizeof list, sizeof list);
    assert_int_equal(mr_ntlm_target_encode(MR_SLICE_NULL, &t, &pairs), 0);
    mr_buf_init(&again, second, sizeof second, sizeof second);
    assert_int_equal(mr_ntlm_target_encode(mr_buf_slice(&pairs), &more, &again), 0);
    t2 = mr_ntlm_target_decode(mr_buf_slice(&again));
    assert_true(t2.complete && mr_slice_eq(t2.computer, USER) && mr_slice_eq(t2.domain, DOMAIN));
    assert_true(mr_slice_eq(t2.spn, USER) && mr_slice_eq(t2.channel_bindings, CLIENT_CHALLENGE));
    assert_int_equal(t2.flags, 6);
    assert_int_equal(t2.time, 77);
    mr_buf_reset(&out);
    c.target_info = mr_buf_slice(&again);
    assert_int_equal(mr_ntlm_challenge_encode(&c, &out), 0);
    assert_int_equal(mr_ntlm_challenge_decode(mr_buf_slice(&out), &c2, NULL), 0);
    assert_true(mr_slice_eq(c2.target_name, DOMAIN) && mr_slice_eq(c2.challenge, c.challenge));
    assert_true(mr_slice_eq(c2.target_info, c.target_info));
    mr_buf_reset(&out);
    assert_int_equal(mr_ntlm_authenticate_encode(&a, &out), 0);
    assert_int_equal(mr_ntlm_authenticate_decode(mr_buf_slice(&out), &a2, NULL), 0);
    assert_true(a2.mic && mr_slice_eq(a2.user, USER) && mr_slice_eq(a2.nt, a.nt));
    assert_int_equal(a2.version.build, 7601);
    /* too small a buffer, and a field too long */
    mr_buf_init(&out, room, 40, 40);
    assert_int_equal(mr_ntlm_authenticate_encode(&a, &out), MR_ERR_LIMIT);
    static const uint8_t long_name[65536];
    mr_buf_init(&out, NULL, 0, 1 << 20);
    a.user = mr_slice_of(long_name, sizeof long_name);
    assert_int_equal(mr_ntlm_authenticate_encode(&a, &out), MR_ERR_RANGE);
    mr_buf_deinit(&out);
}

static void bindings(void **state) {
    uint8_t hash[16], want[16];
    mr_slice whole = MR_SLICE_LIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x4\0\0\0data");
    (void)state;

    assert_int_equal(mr_ntlm_hash_bindings(MR_SLICE_LIT("data"), hash, NULL), 0);
    assert_int_equal(mr_hash_once(MR_HASH_MD5, &whole, 1, want, NULL), 0);
    assert_memory_equal(hash, want, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_v1),
        cmocka_unit_test(example_v1_extended),
        cmocka_unit_test(example_v2),
        cmocka_unit_test(key_strengths),
        cmocka_unit_test(upper_case),
        cmocka_unit_test(identities),
        cmocka_unit_test(identity_secrets),
        cmocka_unit_test(messages),
        cmocka_unit_test(bindings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
