/*
 * A man in the middle of a protected association, whoever protects it: NTLM, Kerberos with AES and
 * RC4, Negotiate around either, Netlogon with AES and RC4. One table of what he does with the PDUs
 * of a call, both ways and at every level that protects: nothing that he touched is taken, and the
 * connection ends with an error that says so. Single bits are the business of each provider's test.
 */
#include "assoc_world.h"
#include "krb5_world.h"
#include "ntlm_world.h"

#include <unistd.h>

#include <msrpc/auth/netlogon.h>

#define FRAG 512 /* of which a call of STUB octets makes several */
#define STUB 1400

enum provider { NTLM, KRB5_AES, KRB5_RC4, SPNEGO_NTLM, SPNEGO_KRB5, NL_AES, NL_RC4, PROVIDERS };

typedef struct scene {
    ntlm_ends ntlm;
    krb5_world realm;
    mr_krb5 *krb5[2];
    mr_spnego *spnego[2];
    mr_netlogon *netlogon[2];
    mr_netlogon_key key;
} scene;

static void permit(const char *etype) {
    FILE *f = fopen(config_name, "w");

    assert_non_null(f);
    fprintf(f, "[libdefaults]\n permitted_enctypes = %s\n allow_rc4 = true\n", etype);
    assert_int_equal(fclose(f), 0);
}

static int find_key(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                    mr_error *err) {
    (void)domain;
    (void)computer;
    (void)err;
    *keyp = *(const mr_netlogon_key *)user;
    return 0;
}

static mr_security *make_end(scene *s, enum provider provider, int end, uint8_t level) {
    enum mr_security_role role = end ? MR_SECURITY_ACCEPTOR : MR_SECURITY_INITIATOR;
    mr_ntlm *ntlm = end ? s->ntlm.server : s->ntlm.client;
    mr_spnego_options o = {.role = role, .mech_count = 1};

    switch (provider) {
    case NTLM:
        return mr_ntlm_get_security(ntlm);
    case KRB5_AES:
    case KRB5_RC4:
        s->krb5[end] = make_side(&s->realm, role, level);
        return mr_krb5_get_security(s->krb5[end]);
    case SPNEGO_NTLM:
    case SPNEGO_KRB5:
        if (provider == SPNEGO_KRB5)
            s->krb5[end] = make_side(&s->realm, role, level);
        o.mechs[0] = provider == SPNEGO_NTLM ? mr_spnego_of_ntlm(ntlm)
                                             : mr_spnego_of_krb5(s->krb5[end]);
        assert_int_equal(mr_spnego_new(&o, &s->spnego[end], NULL), 0);
        return mr_spnego_get_security(s->spnego[end]);
    case NL_AES:
    case NL_RC4:
    case PROVIDERS:
        break;
    }
    const mr_netlogon_options nl = {.role = role, .entropy = "octets that nobody can guess",
                                    .domain = "LAB", .computer = "PC7", .key = s->key,
                                    .find = find_key, .user = &s->key};
    assert_int_equal(mr_netlogon_new(&nl, &s->netlogon[end], NULL), 0);
    return mr_netlogon_get_security(s->netlogon[end]);
}

static world *start(scene *s, enum provider provider, uint8_t level) {
    const mr_assoc_config config = {.max_xmit = FRAG};
    world *w = world_new(&config, &config, 0);
    bool rc4 = provider == KRB5_RC4;

    memset(s, 0, sizeof *s);
    ntlm_ends_init(&s->ntlm, level);
    ntlm_ends_open(&s->ntlm);
    permit(rc4 ? "rc4-hmac" : "aes256-cts");
    krb5_world_init(&s->realm, rc4 ? 23 : 18);
    s->key.aes = provider == NL_AES;
    memset(s->key.key, 0x4b, sizeof s->key.key);
    mr_security *client = make_end(s, provider, 0, level);
    w->acceptor = make_end(s, provider, 1, level);
    w->acceptor_level = level;
    w->no_tap = true;
    assert_int_equal(mr_assoc_set_security(&w->client.a, client, WORLD_AUTH, level, NULL), 0);
    world_bind(w);
    assert_sound(&w->client);
    assert_sound(&w->server);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
    return w;
}

static void stop(scene *s, world *w) {
    world_deinit(w);
    for (int i = 0; i < 2; i++) {
        mr_spnego_free(s->spnego[i]);
        mr_krb5_free(s->krb5[i]);
        mr_netlogon_free(s->netlogon[i]);
    }
    ntlm_ends_deinit(&s->ntlm);
    krb5_world_deinit(&s->realm);
}

/* ---- what he does ---- */

typedef struct view {
    uint8_t *at;  /* the first fragment */
    size_t len;   /* of it */
    size_t auth;  /* auth_length */
    uint8_t *trailer;
    mr_buf *q;    /* all of them */
} view;

static view view_of(mr_buf *q) {
    view v = {.at = q->data, .q = q};

    v.len = (size_t)(v.at[8] | v.at[9] << 8);
    v.auth = (size_t)(v.at[10] | v.at[11] << 8);
    v.trailer = v.at + v.len - v.auth - MR_PDU_AUTH_SIZE;
    assert_true(v.len < q->len && v.auth > 0);
    return v;
}

static void set_len(view *v, size_t len) {
    memmove(v->at + len, v->at + v->len, v->q->len - v->len);
    v->q->len -= v->len - len;
    v->at[8] = (uint8_t)len;
    v->at[9] = (uint8_t)(len >> 8);
}

static void no_auth_length(view *v) {
    v->at[10] = v->at[11] = 0;
}
static void no_verifier(view *v) {
    no_auth_length(v);
    set_len(v, (size_t)(v->trailer - v->at));
}
static void short_verifier(view *v) {
    v->at[10] = (uint8_t)(v->auth - 4);
    v->at[11] = (uint8_t)((v->auth - 4) >> 8);
    set_len(v, v->len - 4);
}
static void other_type(view *v) {
    v->trailer[0] = v->trailer[0] == MR_AUTH_NTLM ? MR_AUTH_SPNEGO : MR_AUTH_NTLM;
}
static void lower_level(view *v) {
    v->trailer[1] = MR_AUTH_LEVEL_CONNECT;
}
static void other_level(view *v) {
    v->trailer[1] = v->trailer[1] == MR_AUTH_LEVEL_PRIVACY ? MR_AUTH_LEVEL_INTEGRITY
                                                           : MR_AUTH_LEVEL_PRIVACY;
}
static void other_padding(view *v) {
    v->trailer[2] ^= 4;
}
static void other_context(view *v) {
    v->trailer[4] ^= 1;
}
static void sealed_anew(view *v) {
    memset(v->trailer + MR_PDU_AUTH_SIZE, 0, v->auth);
}
static void other_call(view *v) {
    v->at[12] ^= 0x40;
}
static void no_more(view *v) {
    v->at[3] |= MR_PFC_LAST_FRAG;
}
static void changed_stub(view *v) {
    v->at[60] ^= 0x10;
}
/* The second fragment comes first, comes twice, or is lost; they are alike in length. */
static void swapped(view *v) {
    for (size_t i = 0; i < v->len; i++) {
        uint8_t kept = v->at[i];
        v->at[i] = v->at[v->len + i];
        v->at[v->len + i] = kept;
    }
}
static void repeated(view *v) {
    memcpy(v->at + v->len, v->at, v->len);
}
static void lost(view *v) {
    size_t second = (size_t)(v->at[v->len + 8] | v->at[v->len + 9] << 8);

    memmove(v->at + v->len, v->at + v->len + second, v->q->len - v->len - second);
    v->q->len -= second;
}
/* One that was never protected in place of the first, or before it. */
static void bare(view *v) {
    no_verifier(v);
    v->at[3] |= MR_PFC_LAST_FRAG;
    v->q->len = (size_t)(v->at[8] | v->at[9] << 8);
}

static const struct {
    const char *name;
    void (*act)(view *v);
} acts[] = {
    {"auth_length is 0", no_auth_length}, {"no verifier", no_verifier},
    {"a shorter verifier", short_verifier}, {"another auth_type", other_type},
    {"a lower level", lower_level}, {"another level", other_level},
    {"other padding", other_padding}, {"another security context", other_context},
    {"an empty verifier", sealed_anew}, {"another call", other_call},
    {"no further fragments", no_more}, {"a changed stub", changed_stub},
    {"swapped", swapped}, {"repeated", repeated}, {"lost", lost}, {"a bare PDU", bare},
};

/* The call as he lets it through: @to has ended in error, and no call came through whole. */
static void try_act(enum provider provider, uint8_t level, enum mr_dir dir, size_t act) {
    scene s;
    world *w = start(&s, provider, level);
    side *to = dir ? &w->client : &w->server;

    uint32_t id = secure_call(w, 0, mr_slice_of(w->big_reply, STUB));
    pull_side(w, &w->client, MR_DIR_TO_SERVER);
    if (dir) {
        deliver(w, MR_DIR_TO_SERVER);
        pull_side(w, &w->server, MR_DIR_TO_CLIENT);
    }
    view v = view_of(&w->queue[dir]);
    acts[act].act(&v);
    pump(w);
    mr_assoc_feed_end(&to->a, dir, 1, &to->err);
    side_call *c = side_find(to, id, false);
    bool whole = dir ? to->seen[MR_EVENT_RESPONSE] && to->last[MR_EVENT_RESPONSE].u.chunk.last
                     : c && c->answered;
    if (!mr_assoc_get_error(&to->a) || whole || to->seen[MR_EVENT_FAULT])
        fail_msg("provider %d, level %u, to the %s: %s is taken", (int)provider, level,
                 dir ? "client" : "server", acts[act].name);
    stop(&s, w);
}

static void every_act(void **state) {
    (void)state;
    for (int provider = 0; provider < PROVIDERS; provider++)
        for (uint8_t level = MR_AUTH_LEVEL_PACKET; level <= MR_AUTH_LEVEL_PRIVACY; level++)
            for (int dir = 0; dir < 2; dir++)
                for (size_t act = 0; act < MR_COUNT(acts); act++)
                    try_act((enum provider)provider, level, (enum mr_dir)dir, act);
}

/* A fault is never protected, as Windows and Samba send it, so anybody can put one in place of the
 * reply: it is told as one that was not verified, and nothing else is taken for the reply. */
static void bare_fault(void **state) {
    (void)state;
    for (int provider = 0; provider < PROVIDERS; provider++)
        for (int injected = 0; injected < 2; injected++) {
            scene s;
            world *w = start(&s, (enum provider)provider, MR_AUTH_LEVEL_PRIVACY);
            uint32_t id = secure_call(w, injected ? 0 : 2, MR_SLICE_LIT("twenty octets of it!"));
            pull_side(w, &w->client, MR_DIR_TO_SERVER);
            deliver(w, MR_DIR_TO_SERVER);
            pull_side(w, &w->server, MR_DIR_TO_CLIENT);
            if (injected) {
                mr_pdu_header h = {.flags = 3, .call_id = id};
                mr_pdu_fault fault = {.status = 5};
                mr_buf_reset(&w->queue[MR_DIR_TO_CLIENT]);
                assert_int_equal(mr_pdu_encode_fault(&w->queue[MR_DIR_TO_CLIENT], &h, &fault), 0);
            }
            pump(w);
            assert_int_equal(w->client.seen[MR_EVENT_RESPONSE], 0);
            assert_int_equal(w->client.seen[MR_EVENT_FAULT], 1);
            assert_false(w->client.last[MR_EVENT_FAULT].auth.verified);
            stop(&s, w);
        }
}

/* The bind asks for less than the client wanted: whatever the server thinks it agreed to, no call
 * comes through. */
static void lowered_bind(void **state) {
    (void)state;
    for (int provider = 0; provider < PROVIDERS; provider++)
        for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level < MR_AUTH_LEVEL_PRIVACY; level++) {
            scene s;
            world *w = start(&s, (enum provider)provider, MR_AUTH_LEVEL_PRIVACY);
            stop(&s, w); /* the same again, with a bind that is changed */
            const mr_assoc_config config = {.max_xmit = FRAG};
            const mr_assoc_context c = {.id = 0, .abstract = echo_syntax,
                                        .transfer = &mr_syntax_ndr20, .transfer_count = 1};
            w = world_new(&config, &config, 0);
            memset(&s, 0, sizeof s);
            ntlm_ends_init(&s.ntlm, MR_AUTH_LEVEL_PRIVACY);
            ntlm_ends_open(&s.ntlm);
            krb5_world_init(&s.realm, provider == KRB5_RC4 ? 23 : 18);
            s.key.aes = provider == NL_AES;
            mr_security *client = make_end(&s, (enum provider)provider, 0, MR_AUTH_LEVEL_PRIVACY);
            w->acceptor = make_end(&s, (enum provider)provider, 1, level);
            w->no_tap = true;
            assert_int_equal(mr_assoc_set_security(&w->client.a, client, WORLD_AUTH,
                                                   MR_AUTH_LEVEL_PRIVACY, NULL), 0);
            assert_int_equal(mr_assoc_bind(&w->client.a, &c, 1, 0, NULL), 0);
            pull_side(w, &w->client, MR_DIR_TO_SERVER);
            mr_buf *q = &w->queue[MR_DIR_TO_SERVER];
            size_t auth = (size_t)(q->data[10] | q->data[11] << 8);
            q->data[q->len - auth - MR_PDU_AUTH_SIZE + 1] = level;
            pump(w);
            if (w->client.seen[MR_EVENT_READY]) {
                secure_call(w, 0, MR_SLICE_LIT("secret"));
                pump(w);
            }
            if (w->client.seen[MR_EVENT_RESPONSE] || w->server.seen[MR_EVENT_REQUEST])
                fail_msg("provider %d: a bind at level %u is taken for privacy", provider, level);
            stop(&s, w);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_act),
        cmocka_unit_test(bare_fault),
        cmocka_unit_test(lowered_bind),
    };

    return cmocka_run_group_tests(tests, make_config, remove_config);
}
