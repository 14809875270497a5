/* NTLM's exchange, step by step: who gets in, who does not and why, and what changes on the way
 * are noticed. */
#include "ntlm_world.h"

#include <msrpc/auth/observer.h>

#include "ntlm_private.h"

static mr_ntlm_info info_of(const mr_ntlm *n) {
    mr_ntlm_info info;
    mr_ntlm_get_info(n, &info);
    return info;
}

static void assert_same_key(const ntlm_ends *e) {
    uint8_t keys[3][MR_NTLM_KEY];

    assert_int_equal(mr_ntlm_get_session_key(e->client, keys[0], NULL), 0);
    assert_int_equal(mr_ntlm_get_session_key(e->server, keys[1], NULL), 0);
    assert_int_equal(mr_ntlm_get_session_key(e->tap, keys[2], NULL), 0);
    assert_memory_equal(keys[0], keys[1], MR_NTLM_KEY);
    assert_memory_equal(keys[0], keys[2], MR_NTLM_KEY);
}

static void assert_refused(ntlm_ends *e, enum mr_ntlm_failure failure) {
    mr_ntlm_info info = info_of(e->server);

    assert_int_equal(info.failure, failure);
    assert_false(info.complete);
    assert_string_equal(info.why, e->err.text);
    assert_null(strstr(info.why, "s3cret"));
    assert_int_equal(mr_ntlm_get_session_key(e->server, (uint8_t[16]){0}, NULL), MR_ERR_STATE);
    /* and it stays so */
    mr_error err = MR_ERROR_INIT;
    assert_int_equal(ntlm_step(e->server, MR_DIR_TO_SERVER, mr_buf_slice(&e->tokens[2]), NULL,
                               &err), e->err.code);
    assert_string_equal(err.text, e->err.text);
}

static void let_in(void **state) {
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    ntlm_ends_open(&e);
    assert_int_equal(mr_ntlm_get_security(e.client)->class->auth_type, MR_AUTH_NTLM);
    assert_int_equal(ntlm_shake(&e), 0);
    assert_same_key(&e);
    mr_ntlm *all[] = {e.client, e.server, e.tap};
    for (int i = 0; i < 3; i++) {
        mr_ntlm_info info = info_of(all[i]);
        assert_true(info.complete && info.v2 && !info.anonymous);
        assert_true(info.mic);
        assert_int_equal(info.failure, MR_NTLM_FAIL_NONE);
        assert_int_equal(info.key_bits, 128);
        assert_int_equal(info.flags & (MR_NTLM_SEAL | MR_NTLM_KEY_EXCH | MR_NTLM_EXTENDED),
                         MR_NTLM_SEAL | MR_NTLM_KEY_EXCH | MR_NTLM_EXTENDED);
        assert_string_equal(info.target, "LAB");
        assert_string_equal(info.computer, "FS1");
        assert_string_equal(info.dns_computer, "fs1.lab.test");
        assert_string_equal(info.dns_forest, "lab.test");
        assert_int_equal(info.server_time, NTLM_NOW + 5);
        assert_int_equal(info.server_version.build, 7601);
        if (i == 0)
            continue;
        assert_string_equal(info.user, "Alice");
        assert_string_equal(info.user_domain, "LAB");
        assert_string_equal(info.workstation, "PC7");
        assert_string_equal(info.spn, "host/fs1.lab.test");
        assert_false(info.bound);
    }
    ntlm_ends_deinit(&e);
}

static void let_in_otherwise(void **state) {
    static const char *const names[] = {"LAB\\ALICE", "alice@lab", "alice@LAB"};
    ntlm_ends e;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(names); i++) {
        ntlm_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY);
        assert_int_equal(mr_identity_set_name(&e.who, mr_slice_str(names[i]), NULL), 0);
        ntlm_ends_open(&e);
        assert_int_equal(ntlm_shake(&e), 0);
        assert_false(info_of(e.server).flags & MR_NTLM_SEAL);
        ntlm_ends_deinit(&e);
    }
    /* by hash alone, at the level that carries tokens only */
    ntlm_ends_init(&e, MR_AUTH_LEVEL_CONNECT);
    mr_identity_deinit(&e.who);
    mr_identity_init(&e.who, NULL);
    mr_identity_set_name(&e.who, MR_SLICE_LIT("alice"), NULL);
    memcpy(e.who.nt_hash, e.account.nt_hash, 16);
    e.who.has_nt_hash = true;
    ntlm_ends_open(&e);
    assert_int_equal(ntlm_shake(&e), 0);
    ntlm_ends_deinit(&e);
}

static void kept_out(void **state) {
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY);
    mr_identity_set_password(&e.who, MR_SLICE_LIT("S3cret"), NULL);
    ntlm_ends_open(&e);
    assert_int_equal(ntlm_shake(&e), MR_ERR_AUTH); /* the listener's key does not fit, either */
    assert_int_equal(info_of(e.tap).failure, MR_NTLM_FAIL_PASSWORD);
    assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
    assert_refused(&e, MR_NTLM_FAIL_PASSWORD);
    assert_string_equal(info_of(e.server).user, "Alice");
    ntlm_ends_close(&e);
    mr_identity_set_name(&e.who, MR_SLICE_LIT("LAB\\Bob"), NULL);
    ntlm_ends_open(&e);
    assert_int_equal(ntlm_shake(&e), MR_ERR_NOT_FOUND);
    assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
    assert_refused(&e, MR_NTLM_FAIL_ACCOUNT);
    ntlm_ends_deinit(&e);
}

/* The user's name counts in upper case, the domain's as it was written (MS-NLMP 3.3.2). */
static void whatever_case(void **state) {
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY);
    mr_identity_set_name(&e.who, MR_SLICE_LIT("lab\\J\xc3\xbcrgen"), NULL);
    mr_identity_set_name(&e.account, MR_SLICE_LIT("LAB\\j\xc3\x9cRGEN"), NULL);
    ntlm_ends_open(&e);
    assert_int_equal(ntlm_shake(&e), 0);
    ntlm_ends_deinit(&e);
}

/* Whatever bit of whatever message changes on its way, the client or the server refuses. */
static void every_bit(void **state) {
    ntlm_ends e;
    size_t sizes[3];
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    ntlm_ends_open(&e);
    assert_int_equal(ntlm_shake(&e), 0);
    for (int i = 0; i < 3; i++)
        sizes[i] = e.tokens[i].len;
    ntlm_ends_close(&e);
    e.server_options.weak = e.client_options.weak = e.server_options.v1 = true;
    for (int leg = 0; leg < 3; leg++)
        for (size_t bit = 0; bit < 8 * sizes[leg]; bit++) {
            int rc = 0;
            ntlm_ends_open(&e);
            for (int i = 0; i < 4 && rc >= 0; i++) {
                rc = ntlm_leg(&e, i);
                if (i == leg && rc >= 0)
                    e.tokens[i].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            assert_true(rc < 0);
            ntlm_ends_close(&e);
        }
    ntlm_ends_deinit(&e);
}

static void clear_flag(mr_buf *token, size_t at, uint32_t flag) {
    for (unsigned i = 0; i < 4; i++)
        token->data[at + i] &= (uint8_t)~(flag >> 8 * i);
}

static void downgrades(void **state) {
    static const uint32_t flags[] = {MR_NTLM_EXTENDED, MR_NTLM_128, MR_NTLM_SIGN, MR_NTLM_SEAL};
    ntlm_ends e;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(flags); i++)
        for (int weak = 0; weak < 2; weak++) {
            bool needed = flags[i] & (MR_NTLM_SIGN | MR_NTLM_SEAL);
            ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
            e.server_options.weak = e.client_options.weak = weak;
            ntlm_ends_open(&e); /* of the NEGOTIATE */
            assert_int_equal(ntlm_leg(&e, 0), MR_SECURITY_CONTINUE);
            clear_flag(&e.tokens[0], 12, flags[i]);
            if (weak && !needed) {
                assert_int_equal(ntlm_leg(&e, 1), MR_SECURITY_CONTINUE);
                assert_int_equal(ntlm_leg(&e, 2), 0);
                assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
                assert_refused(&e, MR_NTLM_FAIL_MIC);
            } else {
                assert_int_equal(ntlm_leg(&e, 1), MR_ERR_AUTH);
                assert_refused(&e, MR_NTLM_FAIL_WEAK);
            }
            ntlm_ends_close(&e);
            ntlm_ends_open(&e); /* of the CHALLENGE */
            ntlm_leg(&e, 0);
            ntlm_leg(&e, 1);
            clear_flag(&e.tokens[1], 20, flags[i]);
            if (weak && !needed) {
                assert_int_equal(ntlm_leg(&e, 2), 0);
                assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
                assert_refused(&e, MR_NTLM_FAIL_MIC);
            } else {
                assert_int_equal(ntlm_leg(&e, 2), MR_ERR_AUTH);
                assert_int_equal(info_of(e.client).failure, MR_NTLM_FAIL_WEAK);
            }
            ntlm_ends_deinit(&e);
        }
}

static void version_1(void **state) {
    ntlm_ends e;
    (void)state;

    for (int extended = 0; extended < 2; extended++) {
        ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
        e.client_options.v1 = true;
        e.server_options.weak = e.client_options.weak = true;
        for (int allowed = 0; allowed < 2; allowed++) {
            e.server_options.v1 = allowed;
            ntlm_ends_open(&e);
            ntlm_leg(&e, 0);
            if (!extended)
                clear_flag(&e.tokens[0], 12, MR_NTLM_EXTENDED);
            for (int i = 0; i < 3; i++) {
                if (i > 0)
                    assert_true(ntlm_leg(&e, i) >= 0);
                assert_true(ntlm_step(e.tap, MR_DIR_TO_SERVER, mr_buf_slice(&e.tokens[i]), NULL,
                                      NULL) >= 0);
            }
            if (!allowed) {
                assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
                assert_refused(&e, MR_NTLM_FAIL_V1);
            } else {
                assert_int_equal(ntlm_leg(&e, 3), 0);
                assert_same_key(&e);
                assert_false(info_of(e.server).v2 || info_of(e.server).mic);
            }
            ntlm_ends_close(&e);
        }
        mr_identity_set_password(&e.account, MR_SLICE_LIT("another"), NULL);
        ntlm_ends_open(&e);
        for (int i = 0; i < 3; i++)
            ntlm_leg(&e, i);
        assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
        assert_refused(&e, MR_NTLM_FAIL_PASSWORD);
        ntlm_ends_close(&e);
        mr_identity_set_password(&e.account, MR_SLICE_LIT("s3cret"), NULL);
        e.server_options.require_mic = true;
        ntlm_ends_open(&e);
        for (int i = 0; i < 3; i++)
            ntlm_leg(&e, i);
        assert_int_equal(ntlm_leg(&e, 3), MR_ERR_AUTH);
        assert_refused(&e, MR_NTLM_FAIL_MIC);
        ntlm_ends_deinit(&e);
    }
}

static void nobody(void **state) {
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY);
    e.who.anonymous = true;
    for (int allowed = 0; allowed < 2; allowed++) {
        e.server_options.anonymous = allowed;
        ntlm_ends_open(&e);
        assert_int_equal(ntlm_shake(&e), allowed ? 0 : MR_ERR_AUTH);
        if (allowed) {
            assert_same_key(&e);
            assert_true(info_of(e.server).anonymous);
            assert_string_equal(info_of(e.server).user, "");
        } else {
            assert_refused(&e, MR_NTLM_FAIL_ANONYMOUS);
        }
        ntlm_ends_close(&e);
    }
    ntlm_ends_deinit(&e);
}

static void channels(void **state) {
    static const uint8_t one[16] = "one", two[16] = "two";
    static const struct {
        const uint8_t *client, *server;
        bool required, ok;
    } rows[] = {{one, one, true, true}, {one, two, false, false}, {NULL, one, false, true},
                {NULL, one, true, false}, {one, NULL, false, true}};
    ntlm_ends e;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        ntlm_ends_init(&e, MR_AUTH_LEVEL_CONNECT);
        e.client_options.bindings = rows[i].client;
        e.server_options.bindings = rows[i].server;
        e.server_options.require_bindings = rows[i].required;
        ntlm_ends_open(&e);
        assert_int_equal(ntlm_shake(&e), rows[i].ok ? 0 : MR_ERR_AUTH);
        assert_int_equal(info_of(e.server).bound, rows[i].client != NULL);
        if (!rows[i].ok)
            assert_refused(&e, MR_NTLM_FAIL_BINDINGS);
        ntlm_ends_deinit(&e);
    }
}

/* A judge elsewhere who takes his time. */
typedef struct judge {
    int asked;
    bool refuses;
    const mr_identity *account;
} judge;

static int verify(void *user, const mr_ntlm_attempt *t, uint8_t base_keyp[MR_NTLM_KEY],
                  mr_error *err) {
    judge *j = user;
    uint8_t owf[16], proof[16];

    if (j->asked++ == 0)
        return MR_SECURITY_PENDING;
    if (j->refuses)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "the account is locked");
    assert_true(t->v2);
    assert_int_equal(mr_ntlm_owf_v2(j->account->nt_hash, t->user, t->domain, owf, NULL), 0);
    assert_int_equal(mr_ntlm_proof_v2(owf, t->challenge, mr_slice_sub(t->nt, 16, SIZE_MAX), proof,
                                      base_keyp, NULL), 0);
    assert_memory_equal(proof, t->nt.data, 16);
    return 0;
}

static void judged_elsewhere(void **state) {
    ntlm_ends e;
    (void)state;

    for (int refuses = 0; refuses < 2; refuses++) {
        ntlm_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY);
        judge j = {.account = &e.account, .refuses = refuses};
        e.server_options.find = NULL;
        e.server_options.verify = verify;
        e.server_options.user = &j;
        ntlm_ends_open(&e);
        assert_int_equal(ntlm_shake(&e), MR_SECURITY_PENDING);
        int rc = ntlm_step(e.server, MR_DIR_TO_SERVER, MR_SLICE_NULL, NULL, &e.err);
        assert_int_equal(rc, refuses ? MR_ERR_AUTH : 0);
        assert_int_equal(j.asked, 2);
        if (refuses)
            assert_refused(&e, MR_NTLM_FAIL_VERIFIER);
        else
            assert_same_key(&e);
        ntlm_ends_deinit(&e);
    }
}

/* The shortest NEGOTIATEs: no version, no names; and one of nothing but flags. */
static void short_negotiate(void **state) {
    ntlm_ends e;
    (void)state;

    for (size_t len = 16; len <= 32; len += 16) {
        ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
        ntlm_ends_open(&e);
        assert_int_equal(ntlm_leg(&e, 0), MR_SECURITY_CONTINUE);
        clear_flag(&e.tokens[0], 12, MR_NTLM_VERSION);
        e.tokens[0].len = len;
        e.client->messages[0].len = len; /* as if the client had sent it so */
        clear_flag(&e.client->messages[0], 12, MR_NTLM_VERSION);
        for (int leg = 1; leg < 4; leg++)
            assert_int_equal(ntlm_leg(&e, leg), leg == 1 ? MR_SECURITY_CONTINUE : 0);
        ntlm_ends_deinit(&e);
    }
}

static void wrong_tokens(void **state) {
    uint8_t room[64];
    ntlm_ends e;
    mr_buf out;
    (void)state;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    ntlm_ends_open(&e);
    assert_true(ntlm_step(e.server, MR_DIR_TO_SERVER, MR_SLICE_LIT("what?"), &out, &e.err) < 0);
    assert_refused(&e, MR_NTLM_FAIL_TOKEN);
    assert_true(ntlm_step(e.client, MR_DIR_TO_CLIENT, MR_SLICE_LIT("what?"), &out, NULL) < 0);
    assert_true(ntlm_step(e.tap, MR_DIR_TO_CLIENT, MR_SLICE_LIT("what?"), &out, NULL) < 0);
    ntlm_ends_close(&e);
    ntlm_ends_open(&e);
    assert_int_equal(ntlm_shake(&e), 0); /* complete, and then another token */
    assert_int_equal(ntlm_leg(&e, 3), MR_ERR_PROTOCOL);
    assert_int_equal(ntlm_step(e.tap, MR_DIR_TO_SERVER, mr_buf_slice(&e.tokens[2]), NULL, NULL),
                     MR_ERR_PROTOCOL);
    ntlm_ends_close(&e);
    ntlm_ends_open(&e); /* the output has no room */
    mr_buf_init(&out, room, 8, 8);
    assert_int_equal(ntlm_step(e.client, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, NULL),
                     MR_ERR_LIMIT);
    assert_int_equal(info_of(e.client).failure, MR_NTLM_FAIL_SYSTEM);
    ntlm_ends_deinit(&e);
}

static void wrong_options(void **state) {
    mr_ntlm *n = NULL;
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    mr_ntlm_options o = e.client_options;
    o.identity = NULL;
    assert_int_equal(mr_ntlm_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = e.server_options;
    o.verify = verify;
    assert_int_equal(mr_ntlm_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = e.server_options;
    o.names.computer = "";
    assert_int_equal(mr_ntlm_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = e.tap_options;
    o.find = NULL;
    assert_int_equal(mr_ntlm_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = e.client_options;
    o.spn = "\xff";
    assert_int_equal(mr_ntlm_new(&o, &n, NULL), MR_ERR_SYNTAX);
    e.who.has_nt_hash = false;
    assert_int_equal(mr_ntlm_new(&e.client_options, &n, NULL), MR_ERR_ARGUMENT);
    assert_null(n);
    ntlm_ends_deinit(&e);
}

/* mechListMICs, and what they leave behind for the PDUs. */
static void for_spnego(void **state) {
    mr_slice list = MR_SLICE_LIT("a list of mechanisms");
    uint8_t mic[2][16], room[32] = "sealed stub here";
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    ntlm_ends_open(&e);
    assert_int_equal(mr_ntlm_get_mic(e.client, MR_DIR_TO_SERVER, list, mic[0], NULL),
                     MR_ERR_STATE);
    assert_int_equal(ntlm_shake(&e), 0);
    for (int dir = 0; dir < 2; dir++) {
        mr_ntlm *from = dir ? e.server : e.client, *to = dir ? e.client : e.server;
        assert_int_equal(mr_ntlm_get_mic(from, (enum mr_dir)dir, list, mic[dir], NULL), 0);
        assert_int_equal(mr_ntlm_verify_mic(to, (enum mr_dir)dir, list,
                                            mr_slice_of(mic[dir], 16), NULL), 0);
    }
    assert_int_equal(mr_ntlm_verify_mic(e.tap, MR_DIR_TO_SERVER, MR_SLICE_LIT("another"),
                                        mr_slice_of(mic[0], 16), NULL), MR_ERR_AUTH);
    assert_int_equal(mr_ntlm_verify_mic(e.tap, MR_DIR_TO_CLIENT, list, mr_slice_of(mic[1], 15),
                                        NULL), MR_ERR_AUTH);
    mr_ntlm *fresh = e.tap;
    mr_security_frag frag = {.body = mr_slice_of(room, 16), .value = mr_slice_of(room + 16, 16),
                             .level = MR_AUTH_LEVEL_PRIVACY, .dir = MR_DIR_TO_SERVER};
    mr_ntlm_reset_for_spnego(e.client, false);
    mr_ntlm_reset_for_spnego(e.server, false);
    assert_int_equal(mr_ntlm_protect(&e.client->base, &frag, room, room + 16, NULL), 0);
    assert_int_equal(room[28], 1); /* the sequence went on */
    uint8_t plain[16], sealed[16];
    memcpy(sealed, room, 16);
    assert_int_equal(mr_ntlm_unprotect(&e.server->base, &frag, plain, NULL), 0);
    assert_memory_equal(plain, "sealed stub here", 16);
    mr_ntlm_reset_for_spnego(fresh, true); /* the key stream began anew */
    memcpy(room, "sealed stub here", 16);
    assert_int_equal(mr_ntlm_protect(&fresh->base, &frag, room, room + 16, NULL), 0);
    assert_memory_equal(room, sealed, 16);
    assert_int_equal(room[28], 0);
    ntlm_ends_deinit(&e);
}

/* A name of up to 2048 octets is told; whoever has a longer one gets in all the same, and an
 * observer's sentence about him is cut to its room. */
static void longest_names(void **state) {
    static char name[4 + 2049 + 1] = "LAB\\";

    (void)state;
    for (size_t len = 2047; len <= 2049; len++) {
        mr_observer_info seen;
        mr_observer *observer;
        ntlm_ends e;
        ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
        memset(name + 4, 'n', len);
        name[4 + len] = '\0';
        assert_int_equal(mr_identity_set_name(&e.who, mr_slice_str(name), NULL), 0);
        assert_int_equal(mr_identity_set_name(&e.account, mr_slice_str(name), NULL), 0);
        ntlm_ends_open(&e);
        assert_int_equal(ntlm_shake(&e), 0);
        assert_string_equal(info_of(e.server).user, len <= 2048 ? name + 4 : "");
        assert_string_equal(info_of(e.server).user_domain, "LAB");
        const mr_observer_keys keys = {.find_account = mr_ntlm_find_identity, .user = &e.account};
        assert_int_equal(mr_observer_new(&keys, MR_AUTH_NTLM, &observer, NULL), 0);
        mr_security *sec = mr_observer_get_security(observer);
        for (int leg = 0; leg < 3; leg++)
            assert_int_equal(sec->class->step(sec, leg % 2 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER,
                                              mr_buf_slice(&e.tokens[leg]), NULL, NULL),
                             leg < 2 ? MR_SECURITY_CONTINUE : 0);
        mr_observer_get_info(observer, &seen);
        assert_true(seen.complete);
        assert_string_equal(seen.text + strlen(seen.text) - 8, " by NTLM");
        assert_true(strncmp(seen.text, "LAB\\", 4) == 0 && strlen(seen.text) < 640);
        mr_observer_free(observer);
        ntlm_ends_deinit(&e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(let_in),
        cmocka_unit_test(let_in_otherwise),
        cmocka_unit_test(kept_out),
        cmocka_unit_test(whatever_case),
        cmocka_unit_test(every_bit),
        cmocka_unit_test(downgrades),
        cmocka_unit_test(version_1),
        cmocka_unit_test(nobody),
        cmocka_unit_test(channels),
        cmocka_unit_test(judged_elsewhere),
        cmocka_unit_test(short_negotiate),
        cmocka_unit_test(wrong_tokens),
        cmocka_unit_test(wrong_options),
        cmocka_unit_test(for_spnego),
        cmocka_unit_test(longest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
