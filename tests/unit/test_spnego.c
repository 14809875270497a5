/* Negotiate's steps: who chooses what, when the list is signed, what a man in the middle can do,
 * and what real peers sent each other. */
#include "spnego_world.h"

#include <msrpc/wire/spnego.h>

#include "sample.h"

static void assert_why(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* Both ends agree about the keys, and the first fragment of either has number 1. */
static void assert_keys(spnego_ends *e) {
    for (int dir = 0; dir < 2; dir++) {
        mr_security *from = mr_spnego_get_security(e->end[dir ? SERVER : CLIENT]);
        mr_security *to = mr_spnego_get_security(e->end[dir ? CLIENT : SERVER]);
        mr_security *tap = mr_spnego_get_security(e->end[TAP]);
        uint8_t room[] = "header__body____trailer_value___________", plain[8];
        mr_security_frag frag = {
            .header = mr_slice_of(room, 8), .body = mr_slice_of(room + 8, 8),
            .trailer = mr_slice_of(room + 16, 8), .value = mr_slice_of(room + 24, 16),
            .level = MR_AUTH_LEVEL_PRIVACY, .dir = (enum mr_dir)dir};
        assert_int_equal(from->class->sizes(from, MR_AUTH_LEVEL_PRIVACY), 16);
        assert_int_equal(from->class->protect(from, &frag, room + 8, room + 24, &e->err), 0);
        assert_memory_equal(room + 36, "\1\0\0\0", 4);
        assert_int_equal(to->class->unprotect(to, &frag, plain, &e->err), 0);
        assert_memory_equal(plain, "body____", 8);
        assert_int_equal(tap->class->unprotect(tap, &frag, plain, &e->err), 0);
        assert_memory_equal(plain, "body____", 8);
        room[0] ^= 1;
        assert_int_equal(to->class->unprotect(to, &frag, plain, &e->err), MR_ERR_AUTH);
    }
}

static void choices(void **state) {
    static const struct {
        enum mechs client, server;
        enum mr_mech chosen;
        int legs;
        bool falls_back;
    } cases[] = {
        {ONLY_NTLM, ONLY_NTLM, MR_MECH_NTLM, 4, false},
        {ONLY_NTLM, TOY_FIRST, MR_MECH_NTLM, 4, false},
        {NTLM_FIRST, TOY_FIRST, MR_MECH_NTLM, 4, false},
        {TOY_FIRST, ONLY_NTLM, MR_MECH_NTLM, 6, true},
        {TOY_FIRST, NTLM_FIRST, MR_MECH_MS_KRB5, 4, false},
        {ONLY_TOY, TOY_FIRST, MR_MECH_MS_KRB5, 4, false},
        {NTLM_FIRST, ONLY_TOY, MR_MECH_MS_KRB5, 6, true},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++)
        for (int pends = 0; pends < 2; pends++) {
            spnego_ends e;
            spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, cases[i].client, cases[i].server);
            e.toys[CLIENT].pends = e.toys[SERVER].pends = pends;
            spnego_ends_open(&e);
            if (spnego_shake(&e) != 0)
                fail_msg("case %zu: %s", i, e.err.text);
            assert_int_equal(e.legs, cases[i].legs);
            for (int end = 0; end < 3; end++) {
                mr_spnego_info info = spnego_info(&e, end);
                assert_true(info.complete && info.protected);
                assert_false(info.bare || info.rejected || info.tampered);
                assert_int_equal(info.chosen, cases[i].chosen);
                assert_int_equal(info.fallback, cases[i].falls_back ? MR_SPNEGO_FALLBACK_ACCEPTOR
                                                                    : MR_SPNEGO_NO_FALLBACK);
                assert_int_equal(*info.why != '\0', cases[i].falls_back);
                assert_string_equal(info.failure, "");
                assert_int_equal(info.offered[0], cases[i].client == ONLY_NTLM ||
                                 cases[i].client == NTLM_FIRST ? MR_MECH_NTLM : MR_MECH_MS_KRB5);
                assert_ptr_equal(info.security, e.options[end].mechs[
                    info.chosen == MR_MECH_NTLM &&
                    e.options[end].mechs[0].mech != MR_MECH_NTLM ? 1
                    : info.chosen != MR_MECH_NTLM &&
                      e.options[end].mechs[0].mech == MR_MECH_NTLM ? 1 : 0].security);
            }
            if (cases[i].chosen == MR_MECH_NTLM)
                assert_keys(&e);
            spnego_ends_deinit(&e);
        }
}

/* What the client cannot begin with is not offered, and the reason is kept. */
static void own_fallback(void **state) {
    spnego_ends e;
    (void)state;

    for (int missing = 0; missing < 2; missing++) {
        spnego_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY, missing ? ONLY_NTLM : TOY_FIRST, TOY_FIRST);
        e.toys[CLIENT].fails = true;
        if (missing)
            e.options[CLIENT].missing = "toy: there is no ticket";
        spnego_ends_open(&e);
        assert_int_equal(spnego_shake(&e), 0);
        mr_spnego_info info = spnego_info(&e, CLIENT);
        assert_int_equal(info.fallback, MR_SPNEGO_FALLBACK_INITIATOR);
        assert_string_equal(info.why, "toy: there is no ticket");
        assert_int_equal(info.offered_count, 1);
        assert_true(info.protected);
        assert_int_equal(spnego_info(&e, SERVER).fallback, MR_SPNEGO_NO_FALLBACK);
        spnego_ends_deinit(&e);
    }
    /* nothing can begin */
    spnego_ends_init(&e, MR_AUTH_LEVEL_INTEGRITY, ONLY_TOY, TOY_FIRST);
    e.toys[CLIENT].fails = true;
    spnego_ends_open(&e);
    assert_int_equal(spnego_shake(&e), MR_ERR_NOT_FOUND);
    assert_string_equal(spnego_info(&e, CLIENT).failure, "toy: there is no ticket");
    assert_int_equal(spnego_step(&e, CLIENT, MR_DIR_TO_CLIENT), MR_ERR_NOT_FOUND);
    spnego_ends_deinit(&e);
}

/* ---- a man in the middle ---- */

/* Rewrites the first token: NTLM alone is offered. */
static void strike_first(spnego_ends *e) {
    enum mr_mech ntlm = MR_MECH_NTLM;
    uint8_t room[64];
    mr_buf list;

    mr_buf_init(&list, room, sizeof room, sizeof room);
    assert_int_equal(mr_spnego_mechs_encode(&ntlm, 1, &list), 0);
    mr_buf_reset(&e->token);
    mr_spnego_init init = {.mech_list = mr_buf_slice(&list)};
    assert_int_equal(mr_spnego_init_encode(&init, &e->token), 0);
}

/* Rewrites a later token without its signature, with another state if it had one. */
static void strike_mic(spnego_ends *e, uint8_t state, enum mr_mech mech) {
    uint8_t room[4096];
    mr_gss_token t;

    memcpy(room, e->token.data, e->token.len);
    assert_int_equal(mr_gss_token_decode(mr_slice_of(room, e->token.len), &t, NULL), 0);
    mr_spnego_resp resp = {.state = state, .mech = mech, .token = t.whole};
    mr_buf_reset(&e->token);
    assert_int_equal(mr_spnego_resp_encode(&resp, &e->token), 0);
}

static void downgrade(spnego_ends *e, int leg) {
    if (leg == 0)
        strike_first(e);
}

static void downgrade_unsigned(spnego_ends *e, int leg) {
    if (leg == 0)
        strike_first(e);
    if (leg == 4)
        strike_mic(e, MR_SPNEGO_INCOMPLETE, MR_MECH_UNKNOWN);
}

static void unsigned_client(spnego_ends *e, int leg) {
    if (leg == 4)
        strike_mic(e, MR_SPNEGO_INCOMPLETE, MR_MECH_UNKNOWN);
}

static void unsigned_twice(spnego_ends *e, int leg) {
    unsigned_client(e, leg);
    if (leg == 6) {
        mr_spnego_resp resp = {.state = MR_SPNEGO_INCOMPLETE};
        mr_buf_reset(&e->token);
        assert_int_equal(mr_spnego_resp_encode(&resp, &e->token), 0);
    }
}

static void unsigned_server(spnego_ends *e, int leg) {
    if (leg == 5)
        strike_mic(e, MR_SPNEGO_COMPLETED, MR_MECH_UNKNOWN);
}

static void flip_last(spnego_ends *e, int leg) {
    if (leg == 4)
        e->token.data[e->token.len - 5] ^= 1; /* of the checksum */
}

static void flip_server(spnego_ends *e, int leg) {
    if (leg == 5)
        e->token.data[e->token.len - 5] ^= 1;
}

static void in_the_middle(void **state) {
    static const struct {
        void (*mangle)(spnego_ends *, int);
        enum mechs server;
        int who; /* finds out */
    } cases[] = {
        {downgrade, TOY_FIRST, SERVER},     {downgrade_unsigned, TOY_FIRST, CLIENT},
        {unsigned_client, ONLY_NTLM, CLIENT}, {unsigned_twice, ONLY_NTLM, CLIENT},
        {unsigned_server, ONLY_NTLM, CLIENT}, {flip_last, ONLY_NTLM, SERVER},
        {flip_server, ONLY_NTLM, CLIENT},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        spnego_ends e;
        spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, TOY_FIRST, cases[i].server);
        e.mangle = cases[i].mangle;
        spnego_ends_open(&e);
        int rc = spnego_shake(&e);
        if (cases[i].mangle == unsigned_client || cases[i].mangle == unsigned_twice) {
            /* the server asks for the signature, and the client has no other */
            assert_int_equal(rc, MR_ERR_PROTOCOL);
            assert_why(e.err.text, "a token that does not exist");
        } else {
            assert_int_equal(rc, MR_ERR_AUTH);
            assert_true(spnego_info(&e, cases[i].who).tampered);
            assert_why(spnego_info(&e, cases[i].who).failure, "list of mechanisms");
        }
        assert_false(spnego_info(&e, cases[i].who).complete);
        spnego_ends_deinit(&e);
    }
}

/* A client that never signs although it has to. */
static void acceptor_insists(void **state) {
    spnego_ends e;
    (void)state;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, TOY_FIRST, ONLY_NTLM);
    spnego_ends_open(&e);
    for (int leg = 0; leg < 5; leg++)
        assert_int_equal(spnego_step(&e, leg % 2, leg % 2 ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT),
                         MR_SECURITY_CONTINUE);
    strike_mic(&e, MR_SPNEGO_INCOMPLETE, MR_MECH_UNKNOWN);
    assert_int_equal(spnego_step(&e, SERVER, MR_DIR_TO_SERVER), MR_SECURITY_CONTINUE);
    assert_hex(e.token.data, e.token.len, "a1073005a0030a0103"); /* request-mic */
    mr_buf_reset(&e.token);
    mr_buf_write(&e.token, MR_SLICE_LIT("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x01"));
    assert_int_equal(spnego_step(&e, SERVER, MR_DIR_TO_SERVER), MR_ERR_AUTH);
    assert_true(spnego_info(&e, SERVER).tampered);
    assert_why(e.err.text, "NTLM is not its first");
    spnego_ends_deinit(&e);
}

/* Where the first mechanism is taken nobody needs to sign; NTLM's numbers begin at 0 then. */
static void old_server(spnego_ends *e, int leg) {
    if (leg == 3)
        strike_mic(e, MR_SPNEGO_COMPLETED, MR_MECH_UNKNOWN);
}

static void unsigned_but_first(void **state) {
    spnego_ends e;
    (void)state;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, NTLM_FIRST, ONLY_NTLM);
    e.mangle = old_server;
    spnego_ends_open(&e);
    assert_int_equal(spnego_shake(&e), 0);
    mr_spnego_info info = spnego_info(&e, CLIENT);
    assert_true(info.complete && !info.protected && !info.tampered);
    spnego_ends_deinit(&e);
    /* mechanisms that cannot sign do not need to */
    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, NTLM_FIRST, ONLY_TOY);
    e.unsigned_toys = true;
    spnego_set(&e, CLIENT, NTLM_FIRST);
    spnego_set(&e, SERVER, ONLY_TOY);
    spnego_set(&e, TAP, ONLY_TOY);
    spnego_ends_open(&e);
    assert_int_equal(spnego_shake(&e), 0);
    for (int end = 0; end < 3; end++) {
        info = spnego_info(&e, end);
        assert_true(info.complete && !info.protected);
        assert_int_equal(info.fallback, MR_SPNEGO_FALLBACK_ACCEPTOR);
    }
    spnego_ends_deinit(&e);
}

/* ---- other beginnings and ends ---- */

static void bare(void **state) {
    spnego_ends e;
    (void)state;

    for (int known = 0; known < 2; known++) {
        spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, ONLY_NTLM, known ? TOY_FIRST : ONLY_TOY);
        spnego_ends_open(&e);
        mr_security *client = mr_ntlm_get_security(e.ntlm.client), *tap =
            mr_spnego_get_security(e.end[TAP]);
        uint8_t room[4096];
        mr_buf out;
        mr_buf_init(&out, room, sizeof room, sizeof room);
        int rc = MR_SECURITY_CONTINUE;
        for (int leg = 0; leg < 3 && rc == MR_SECURITY_CONTINUE; leg += 2) {
            mr_buf_reset(&out);
            client->class->step(client, MR_DIR_TO_CLIENT, mr_buf_slice(&e.token), &out, NULL);
            mr_buf_reset(&e.token);
            mr_buf_write(&e.token, mr_buf_slice(&out));
            tap->class->step(tap, MR_DIR_TO_SERVER, mr_buf_slice(&out), NULL, NULL);
            rc = spnego_step(&e, SERVER, MR_DIR_TO_SERVER);
            if (rc > 0)
                tap->class->step(tap, MR_DIR_TO_CLIENT, mr_buf_slice(&e.token), NULL, NULL);
        }
        assert_int_equal(rc, known ? 0 : MR_ERR_AUTH);
        mr_spnego_info info = spnego_info(&e, SERVER);
        assert_int_equal(info.bare, known);
        assert_int_equal(info.complete, known);
        assert_int_equal(info.offered_count, 0);
        assert_false(info.protected);
        if (known)
            assert_true(spnego_info(&e, TAP).complete);
        else
            assert_why(info.failure, "NTLM, which is not taken");
        spnego_ends_deinit(&e);
    }
}

static void server_first(void **state) {
    mr_gss_token t;
    spnego_ends e;
    (void)state;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, ONLY_NTLM, TOY_FIRST);
    spnego_ends_open(&e);
    assert_int_equal(spnego_step(&e, SERVER, MR_DIR_TO_SERVER), MR_SECURITY_CONTINUE);
    assert_int_equal(mr_gss_token_decode(mr_buf_slice(&e.token), &t, NULL), 0);
    assert_int_equal(t.wrap, MR_GSS_INIT);
    assert_int_equal(t.mech_count, 3);
    assert_false(t.has_mic);
    mr_security *tap = mr_spnego_get_security(e.end[TAP]);
    assert_int_equal(tap->class->step(tap, MR_DIR_TO_CLIENT, mr_buf_slice(&e.token), NULL, NULL),
                     MR_SECURITY_CONTINUE);
    assert_int_equal(spnego_shake(&e), 0);
    assert_true(spnego_info(&e, TAP).protected);
    spnego_ends_deinit(&e);
    /* once is enough */
    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, ONLY_NTLM, TOY_FIRST);
    spnego_ends_open(&e);
    assert_int_equal(spnego_step(&e, SERVER, MR_DIR_TO_SERVER), MR_SECURITY_CONTINUE);
    mr_buf_reset(&e.token);
    assert_int_equal(spnego_step(&e, SERVER, MR_DIR_TO_SERVER), MR_ERR_PROTOCOL);
    spnego_ends_deinit(&e);
}

/* Something wrong comes after @after good legs; whoever's turn it is says so. */
static void comes(int after, const char *hex, int code, const char *says) {
    uint8_t room[512];
    spnego_ends e;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, TOY_FIRST, TOY_FIRST);
    spnego_ends_open(&e);
    for (int leg = 0; leg < after; leg++)
        assert_true(spnego_step(&e, leg % 2, leg % 2 ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT) >= 0);
    mr_buf_reset(&e.token);
    mr_buf_write(&e.token, mr_slice_of(room, hex_read(hex, room, sizeof room)));
    int rc = spnego_step(&e, after % 2, after % 2 ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT);
    if (rc != code)
        fail_msg("%s gives %d, \"%s\"", hex, rc, e.err.text);
    assert_why(spnego_info(&e, after % 2).failure, says);
    spnego_ends_deinit(&e);
}

#define REJECT "a1073005a0030a0102"
#define COMPLETED "a1073005a0030a0100"
#define INCOMPLETE "a1073005a0030a0101"

static void wrong_tokens(void **state) {
    (void)state;

    /* to a client that offered its list, and to one that heard the choice */
    comes(2, COMPLETED, MR_ERR_AUTH, "not the token that was due");
    /* to a server that waits for the list, and to one that has it */
    comes(1, INCOMPLETE, MR_ERR_PROTOCOL, "answers what was not asked");
    comes(1, "6019 06062b0601050502 a00f 300d a00b 3009 06072b060104010101", MR_ERR_AUTH,
          "nothing that is taken, unknown first");
    comes(1, "ff", MR_ERR_MALFORMED, "no security token");
    comes(3, REJECT, MR_ERR_AUTH, "the client broke off");
    comes(3, INCOMPLETE, MR_ERR_PROTOCOL, "no token of Kerberos");
    comes(3, "a10c300aa0030a0101a303040100", MR_ERR_PROTOCOL, "no token of Kerberos");
    comes(3, "a11c301aa0030a0101a2070405 6c65672032 a30a0408 0000000000000000", MR_ERR_AUTH,
          "not the token that was due");
    comes(3, "4e544c4d535350000100000097b208e2", MR_ERR_PROTOCOL, "began anew");
    comes(5, INCOMPLETE, MR_ERR_PROTOCOL, "after the negotiation");
}

/* Answers to a client that has only sent its list. */
static void to_the_client(const char *hex, int code, const char *says) {
    uint8_t room[512];
    spnego_ends e;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, TOY_FIRST, TOY_FIRST);
    spnego_ends_open(&e);
    assert_int_equal(spnego_step(&e, CLIENT, MR_DIR_TO_CLIENT), MR_SECURITY_CONTINUE);
    mr_buf_reset(&e.token);
    mr_buf_write(&e.token, mr_slice_of(room, hex_read(hex, room, sizeof room)));
    int rc = spnego_step(&e, CLIENT, MR_DIR_TO_CLIENT);
    if (rc != code)
        fail_msg("%s gives %d, \"%s\"", hex, rc, e.err.text);
    assert_why(spnego_info(&e, CLIENT).failure, says);
    spnego_ends_deinit(&e);
}

static void wrong_answers(void **state) {
    (void)state;

    to_the_client(REJECT, MR_ERR_AUTH, "none of the mechanisms offered: Kerberos, NTLM");
    to_the_client("", MR_ERR_MALFORMED, "no security token");
    to_the_client(COMPLETED, MR_ERR_AUTH, "not the token that was due");
    to_the_client("a1153013a0030a0101a10c060a2b06010401823702021e", MR_ERR_PROTOCOL,
                  "chose NEGOEX, which was not offered");
    to_the_client("a11a3018a0030a0101a10c060a2b06010401823702020aa2030401ff", MR_ERR_PROTOCOL,
                  "a token of NTLM, which was not begun");
    /* a server that has heard enough gets the last leg all the same */
    to_the_client("a110300ea0030a0100a2070405 6c65672032", 0, "");
    to_the_client("a1153013a0030a0101a2070405 6c65672032a303040100", MR_ERR_AUTH,
                  "signature (mechListMIC) is wrong");
    to_the_client("4e544c4d535350000200000000000000", MR_ERR_PROTOCOL, "no token of a negotiation");
}

/* What Windows 10 and a Windows server of a domain sent each other when the client's first choice,
 * Kerberos from user to user, was not taken (frames of a bind and its alter_contexts). */
static void as_windows_does(void **state) {
    static const char asked[] = "a1153013a0030a0103a10c060a2b06010401823702020a";
    static const char ended[] = "a11b3019a0030a0100a312041001000000 61c22bab50c68fa9 00000000";
    uint8_t room[64], out_room[64];
    mr_gss_token t;
    mr_buf out;
    (void)state;

    mr_buf_init(&out, out_room, sizeof out_room, sizeof out_room);
    mr_slice token = mr_slice_of(room, hex_read(asked, room, sizeof room));
    assert_int_equal(mr_gss_token_decode(token, &t, NULL), 0);
    assert_int_equal(t.state, MR_SPNEGO_REQUEST_MIC);
    assert_int_equal(t.supported, MR_MECH_NTLM);
    assert_int_equal(t.whole.len, 0);
    mr_spnego_resp resp = {.state = t.state, .mech = t.supported};
    assert_int_equal(mr_spnego_resp_encode(&resp, &out), 0);
    assert_hex(out.data, out.len, asked);
    token = mr_slice_of(room, hex_read(ended, room, sizeof room));
    assert_int_equal(mr_gss_token_decode(token, &t, NULL), 0);
    assert_true(t.has_mic);
    assert_int_equal(t.mic.len, 16);
    mr_buf_reset(&out);
    resp = (mr_spnego_resp){.state = t.state, .mic = t.mic};
    assert_int_equal(mr_spnego_resp_encode(&resp, &out), 0);
    assert_hex(out.data, out.len, ended);
}

/* smbclient's list, written anew. */
static void list_written_anew(void **state) {
    mr_slice s = sample_get("spnego/init");
    uint8_t room[512], list_room[128];
    mr_gss_token t;
    mr_buf out, list;
    (void)state;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    mr_buf_init(&list, list_room, sizeof list_room, sizeof list_room);
    assert_int_equal(mr_gss_token_decode(s, &t, NULL), 0);
    assert_int_equal(mr_spnego_mechs_encode(t.mechs, t.mech_count, &list), 0);
    assert_true(mr_slice_eq(mr_buf_slice(&list), t.mech_list));
    mr_spnego_init init = {.mech_list = t.mech_list, .token = t.whole};
    assert_int_equal(mr_spnego_init_encode(&init, &out), 0);
    assert_true(mr_slice_eq(mr_buf_slice(&out), s));
    /* no room */
    mr_buf_init(&out, room, 20, 20);
    assert_int_equal(mr_spnego_init_encode(&init, &out), MR_ERR_LIMIT);
    sample_free(s);
}

/* ---- the longest ---- */

static size_t longest;

/* The first token offers NTLM in a list of @longest octets: the rest are mechanisms of nobody. */
static void long_list(spnego_ends *e, int leg) {
    static const uint8_t ntlm[] = {6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10};
    size_t left = longest - 4 - sizeof ntlm;
    mr_buf list;

    if (leg != 0)
        return;
    mr_buf_init(&list, NULL, 0, 8192);
    mr_buf_write(&list, mr_slice_of((uint8_t[]){0x30, 0x82, (uint8_t)((longest - 4) >> 8),
                                                (uint8_t)(longest - 4)}, 4));
    mr_buf_write(&list, mr_slice_of(ntlm, sizeof ntlm));
    while (left) {
        size_t len = left > 100 ? left > 150 ? 100 : left / 2 : left;
        mr_buf_write_u8(&list, 6);
        mr_buf_write_u8(&list, (uint8_t)(len - 2));
        mr_buf_write_zero(&list, len - 2);
        left -= len;
    }
    assert_int_equal(list.len, longest);
    mr_buf_reset(&e->token);
    mr_spnego_init init = {.mech_list = mr_buf_slice(&list)};
    assert_int_equal(mr_spnego_init_encode(&init, &e->token), 0);
    mr_buf_deinit(&list);
}

/* The server's signature of the list has @longest octets. */
static void long_mic(spnego_ends *e, int leg) {
    static const uint8_t octets[100];
    mr_spnego_resp resp = {.state = MR_SPNEGO_COMPLETED, .mic = mr_slice_of(octets, longest)};

    if (leg != 5)
        return;
    mr_buf_reset(&e->token);
    assert_int_equal(mr_spnego_resp_encode(&resp, &e->token), 0);
}

/* What a stranger sends is kept up to 4096 octets of a list and 64 of a signature; that it was
 * changed is found out either way. */
static void longest_tokens(void **state) {
    static const struct {
        void (*mangle)(spnego_ends *, int);
        size_t most;
        int who, code;
        const char *says;
    } cases[] = {
        {long_list, 4096, SERVER, MR_ERR_LIMIT, "no room for the list of mechanisms"},
        {long_mic, 64, CLIENT, MR_ERR_PROTOCOL, "a mechListMIC has 65 octets"},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++)
        for (size_t len = cases[i].most - 1; len <= cases[i].most + 1; len++) {
            bool fits = len <= cases[i].most;
            spnego_ends e;
            longest = len;
            spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, TOY_FIRST, ONLY_NTLM);
            e.mangle = cases[i].mangle;
            spnego_ends_open(&e);
            assert_int_equal(spnego_shake(&e), fits ? MR_ERR_AUTH : cases[i].code);
            assert_true(!strstr(spnego_info(&e, cases[i].who).failure, cases[i].says) == fits);
            spnego_ends_deinit(&e);
        }
}

/* A mechanism's token has 64 KB at most. */
static void longest_inner(void **state) {
    (void)state;
    for (size_t len = 65535; len <= 65537; len++) {
        mr_error err = MR_ERROR_INIT;
        spnego_ends e;
        mr_buf out;
        spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, ONLY_TOY, ONLY_TOY);
        e.toys[CLIENT].more = len - 5; /* behind "leg 1" */
        spnego_ends_open(&e);
        mr_buf_init(&out, NULL, 0, (size_t)1 << 20);
        mr_security *sec = mr_spnego_get_security(e.end[CLIENT]);
        int rc = sec->class->step(sec, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, &err);
        if (len <= 65536) {
            assert_int_equal(rc, MR_SECURITY_CONTINUE);
            assert_true(out.len > len);
        } else {
            assert_int_equal(rc, MR_ERR_LIMIT);
            assert_why(err.text, "no room for a token of toy");
        }
        mr_buf_deinit(&out);
        spnego_ends_deinit(&e);
    }
}

static void impossible(void **state) {
    mr_spnego *n = NULL;
    spnego_ends e;
    (void)state;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, TOY_FIRST, TOY_FIRST);
    mr_spnego_options o = e.options[CLIENT];
    o.mech_count = 0;
    assert_int_equal(mr_spnego_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o.mech_count = MR_SPNEGO_INNER_MAX + 1;
    assert_int_equal(mr_spnego_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = e.options[CLIENT];
    o.mechs[1] = e.options[SERVER].mechs[1]; /* of another role */
    assert_int_equal(mr_spnego_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    o = e.options[CLIENT];
    o.mechs[0].verify_mic = NULL;
    assert_int_equal(mr_spnego_new(&o, &n, NULL), MR_ERR_ARGUMENT);
    assert_null(n);
    spnego_ends_deinit(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices),
        cmocka_unit_test(own_fallback),
        cmocka_unit_test(in_the_middle),
        cmocka_unit_test(acceptor_insists),
        cmocka_unit_test(unsigned_but_first),
        cmocka_unit_test(bare),
        cmocka_unit_test(server_first),
        cmocka_unit_test(wrong_answers),
        cmocka_unit_test(wrong_tokens),
        cmocka_unit_test(as_windows_does),
        cmocka_unit_test(list_written_anew),
        cmocka_unit_test(longest_tokens),
        cmocka_unit_test(longest_inner),
        cmocka_unit_test(impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
