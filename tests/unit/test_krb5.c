/* Kerberos' security contexts against MIT GSSAPI's in the same process: every encryption type,
 * both roles, every level; then what is changed, repeated, lost and turned around on its way. */
#include "krb5_world.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "hex.h"
#include "krb5_flow.h"

#define HEADER 24
#define BODY_MAX 6000

static const krb5_enctype etypes[] = {17, 18, 19, 20, 23};

/* A fragment in one piece of memory, as a PDU is. */
typedef struct fragment {
    uint8_t bytes[HEADER + BODY_MAX + 8 + 96];
    mr_security_frag f;
} fragment;

static void fragment_init(fragment *g, size_t body, uint16_t value, uint8_t level, bool hs,
                          enum mr_dir dir) {
    for (size_t i = 0; i < sizeof g->bytes; i++)
        g->bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    g->f = (mr_security_frag){
        .header = {g->bytes, HEADER}, .body = {g->bytes + HEADER, body},
        .trailer = {g->bytes + HEADER + body, 8}, .value = {g->bytes + HEADER + body + 8, value},
        .level = level, .sign_header = hs, .dir = dir};
}

static uint8_t *body_of(fragment *g) {
    return g->bytes + HEADER;
}
static uint8_t *value_of(fragment *g) {
    return g->bytes + HEADER + g->f.body.len + 8;
}

static int protect(mr_krb5 *k, fragment *g) {
    mr_security *s = mr_krb5_get_security(k);
    return s->class->protect(s, &g->f, body_of(g), value_of(g), NULL);
}

static int unprotect(mr_krb5 *k, const fragment *g, uint8_t *plain) {
    mr_security *s = mr_krb5_get_security(k);
    return s->class->unprotect(s, &g->f, g->f.level == MR_AUTH_LEVEL_PRIVACY ? plain : NULL, NULL);
}

/* ---- the peer: GSSAPI ---- */

typedef struct gss_side {
    gss_cred_id_t cred;
    gss_ctx_id_t context;
    gss_name_t target;
    OM_uint32 major;
} gss_side;

static gss_OID_desc mech = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

/* Only subkeys of @etype, else both sides agree on the best they know. */
static void gss_side_init(gss_side *s, krb5_world *w, bool initiator, krb5_enctype etype) {
    gss_key_value_element_desc places[] = {
        {initiator ? "ccache" : "keytab", initiator ? w->cache_name : w->table_name},
        {"rcache", "none:"}};
    gss_key_value_set_desc store = {initiator ? 1 : 2, places};
    gss_OID_set_desc mechs = {1, &mech};
    gss_buffer_desc name = {strlen(SERVICE_FULL), SERVICE_FULL};
    OM_uint32 minor;

    *s = (gss_side){.major = GSS_S_CONTINUE_NEEDED};
    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs,
                                           initiator ? GSS_C_INITIATE : GSS_C_ACCEPT, &store,
                                           &s->cred, NULL, NULL), 0);
    assert_int_equal(gss_krb5_set_allowable_enctypes(&minor, s->cred, 1, &etype), 0);
    assert_int_equal(gss_import_name(&minor, &name, GSS_KRB5_NT_PRINCIPAL_NAME, &s->target), 0);
}

static void gss_side_deinit(gss_side *s) {
    OM_uint32 minor;

    gss_delete_sec_context(&minor, &s->context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &s->cred);
    gss_release_name(&minor, &s->target);
}

static void gss_step(gss_side *s, bool initiator, mr_buf *token, mr_buf *answer) {
    gss_buffer_desc in = {token->len, token->data}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, flags;

    s->major = initiator
        ? gss_init_sec_context(&minor, s->cred, &s->context, s->target, &mech,
                               GSS_C_MUTUAL_FLAG | GSS_C_DCE_STYLE | GSS_C_CONF_FLAG |
                               GSS_C_INTEG_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_REPLAY_FLAG,
                               0, NULL, &in, NULL, &out, &flags, NULL)
        : gss_accept_sec_context(&minor, &s->context, s->cred, &in, NULL, NULL, NULL, &out,
                                 &flags, NULL, NULL);
    assert_false(GSS_ERROR(s->major));
    mr_buf_reset(answer);
    mr_buf_write(answer, mr_slice_of(out.value, out.length));
    gss_release_buffer(&minor, &out);
}

static int our_step(mr_krb5 *k, enum mr_dir dir, mr_buf *token, mr_buf *answer) {
    mr_security *s = mr_krb5_get_security(k);
    mr_error err = MR_ERROR_INIT;

    mr_buf_reset(answer);
    int rc = s->class->step(s, dir, mr_buf_slice(token), answer, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    return rc;
}

/* Ours in @role and GSSAPI opposite, until both are complete. */
static void converse(krb5_world *w, mr_krb5 *ours, enum mr_security_role role, gss_side *theirs,
                     krb5_enctype etype) {
    bool initiator = role == MR_SECURITY_INITIATOR;
    uint8_t rooms[2][4096];
    mr_buf a, b;

    mr_buf_init(&a, rooms[0], sizeof rooms[0], sizeof rooms[0]);
    mr_buf_init(&b, rooms[1], sizeof rooms[1], sizeof rooms[1]);
    gss_side_init(theirs, w, !initiator, etype);
    if (initiator) {
        assert_int_equal(our_step(ours, MR_DIR_TO_CLIENT, &a, &b), MR_SECURITY_CONTINUE);
        gss_step(theirs, false, &b, &a);
        assert_int_equal(our_step(ours, MR_DIR_TO_CLIENT, &a, &b), 0);
        assert_true(b.len > 0);
        gss_step(theirs, false, &b, &a);
    } else {
        gss_step(theirs, true, &a, &b);
        assert_int_equal(our_step(ours, MR_DIR_TO_SERVER, &b, &a), MR_SECURITY_CONTINUE);
        gss_step(theirs, true, &a, &b);
        assert_int_equal(our_step(ours, MR_DIR_TO_SERVER, &b, &a), 0);
        assert_int_equal(a.len, 0);
    }
    assert_int_equal(theirs->major, GSS_S_COMPLETE);
}

/* GSSAPI's view of a fragment. Header, stub and trailer are one stretch when all is signed. */
static int gss_iov(const fragment *g, gss_iov_buffer_desc iov[4], OM_uint32 token) {
    OM_uint32 sign = g->f.sign_header ? GSS_IOV_BUFFER_TYPE_SIGN_ONLY : GSS_IOV_BUFFER_TYPE_EMPTY;
    iov[0] = (gss_iov_buffer_desc){token, {g->f.value.len, (void *)g->f.value.data}};
    iov[1] = (gss_iov_buffer_desc){sign, {HEADER, (void *)g->f.header.data}};
    iov[2] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_DATA,
                                   {g->f.body.len, (void *)g->f.body.data}};
    iov[3] = (gss_iov_buffer_desc){sign, {8, (void *)g->f.trailer.data}};
    return 4;
}

static gss_buffer_desc signed_part(const fragment *g) {
    const mr_security_frag *f = &g->f;
    if (f->sign_header)
        return (gss_buffer_desc){HEADER + f->body.len + 8, (void *)f->header.data};
    return (gss_buffer_desc){f->body.len, (void *)f->body.data};
}

static void gss_protect(gss_side *s, fragment *g) {
    gss_iov_buffer_desc iov[4];
    gss_buffer_desc mic = GSS_C_EMPTY_BUFFER, part = signed_part(g);
    OM_uint32 minor;
    int conf = 0;

    if (g->f.level == MR_AUTH_LEVEL_PRIVACY) {
        gss_iov(g, iov, GSS_IOV_BUFFER_TYPE_HEADER);
        assert_int_equal(gss_wrap_iov(&minor, s->context, 1, 0, &conf, iov, 4), 0);
        assert_int_equal(iov[0].buffer.length, g->f.value.len);
        assert_true(conf);
        return;
    }
    assert_int_equal(gss_get_mic(&minor, s->context, 0, &part, &mic), 0);
    assert_int_equal(mic.length, g->f.value.len);
    memcpy(value_of(g), mic.value, mic.length);
    gss_release_buffer(&minor, &mic);
}

static OM_uint32 gss_unprotect(gss_side *s, fragment *g) {
    gss_iov_buffer_desc iov[4];
    gss_buffer_desc mic = {g->f.value.len, value_of(g)}, part = signed_part(g);
    OM_uint32 minor;
    int conf = 0;

    if (g->f.level != MR_AUTH_LEVEL_PRIVACY)
        return gss_verify_mic(&minor, s->context, &part, &mic, NULL);
    gss_iov(g, iov, GSS_IOV_BUFFER_TYPE_HEADER);
    return gss_unwrap_iov(&minor, s->context, &conf, NULL, iov, 4);
}

/* Octet for octet what was put in. */
static void assert_plain(const fragment *g, const uint8_t *plain) {
    for (size_t i = 0; i < g->f.body.len; i++)
        assert_int_equal(plain[i], (uint8_t)((i + HEADER) * 7 + ((i + HEADER) >> 8)));
}

static void both_ways(mr_krb5 *ours, gss_side *theirs, bool initiator, size_t body, uint8_t level,
                      bool hs) {
    static uint8_t plain[BODY_MAX];
    mr_security *s = mr_krb5_get_security(ours);
    uint16_t size = s->class->sizes(s, level);
    enum mr_dir out = initiator ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT;
    fragment g;

    fragment_init(&g, body, size, level, hs, out);
    assert_int_equal(protect(ours, &g), 0);
    assert_int_equal(gss_unprotect(theirs, &g), GSS_S_COMPLETE);
    assert_plain(&g, body_of(&g));

    fragment_init(&g, body, size, level, hs, !out);
    gss_protect(theirs, &g);
    memset(plain, 0, body);
    assert_int_equal(unprotect(ours, &g, plain), 0);
    assert_plain(&g, level == MR_AUTH_LEVEL_PRIVACY ? plain : body_of(&g));
}

static void against_gssapi(void **state) {
    static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 48, 100, 1024, 4096, 5808, 5999};
    (void)state;

    for (size_t e = 0; e < MR_COUNT(etypes); e++)
        for (int initiator = 0; initiator < 2; initiator++) {
            enum mr_security_role role = initiator ? MR_SECURITY_INITIATOR : MR_SECURITY_ACCEPTOR;
            krb5_world w;
            gss_side theirs;
            mr_krb5_info info;
            krb5_world_init(&w, etypes[e]);
            mr_krb5 *ours = make_side(&w, role, MR_AUTH_LEVEL_PRIVACY);
            converse(&w, ours, role, &theirs, etypes[e]);
            mr_krb5_get_info(ours, &info);
            assert_true(info.complete);
            assert_string_equal(info.client, CLIENT_FULL);
            assert_string_equal(info.service, SERVICE_FULL);
            assert_int_equal(info.etype, etypes[e]);
            assert_int_equal(info.ticket_etype, etypes[e]);
            assert_int_equal(info.ticket_kvno, 7);
            assert_int_equal(info.failure.code, MR_KRB5_NO_CODE);
            for (size_t i = 0; i < MR_COUNT(sizes); i++)
                for (uint8_t level = MR_AUTH_LEVEL_PACKET; level <= MR_AUTH_LEVEL_PRIVACY; level++)
                    for (int hs = 0; hs < 2; hs++)
                        both_ways(ours, &theirs, initiator, sizes[i], level, hs);
            gss_side_deinit(&theirs);
            mr_krb5_free(ours);
            krb5_world_deinit(&w);
        }
}

/* What GSSAPI seals is what a signature for SPNEGO must be, too; the session keys are the same. */
static void signatures_and_key(void **state) {
    (void)state;
    for (size_t e = 0; e < MR_COUNT(etypes); e++) {
        gss_buffer_desc text = {9, "mechTypes"}, mic = GSS_C_EMPTY_BUFFER;
        gss_buffer_set_t key = GSS_C_NO_BUFFER_SET;
        uint8_t ours_mic[MR_KRB5_MIC_MAX];
        krb5_world w;
        gss_side theirs;
        OM_uint32 minor;
        mr_slice session;
        size_t n;
        krb5_world_init(&w, etypes[e]);
        mr_krb5 *ours = make_side(&w, MR_SECURITY_INITIATOR, MR_AUTH_LEVEL_INTEGRITY);
        assert_int_equal(mr_krb5_get_session_key(ours, &session, NULL), MR_ERR_STATE);
        assert_int_equal(mr_krb5_get_mic(ours, MR_DIR_TO_SERVER, MR_SLICE_LIT("mechTypes"),
                                         ours_mic, &n, NULL), MR_ERR_STATE);
        converse(&w, ours, MR_SECURITY_INITIATOR, &theirs, etypes[e]);
        assert_int_equal(mr_krb5_get_mic(ours, MR_DIR_TO_SERVER, MR_SLICE_LIT("mechTypes"),
                                         ours_mic, &n, NULL), 0);
        gss_buffer_desc sent = {n, ours_mic};
        assert_int_equal(gss_verify_mic(&minor, theirs.context, &text, &sent, NULL), 0);
        assert_int_equal(gss_get_mic(&minor, theirs.context, 0, &text, &mic), 0);
        assert_int_equal(mr_krb5_verify_mic(ours, MR_DIR_TO_CLIENT, MR_SLICE_LIT("mechTypes"),
                                            mr_slice_of(mic.value, mic.length), NULL), 0);
        assert_int_equal(gss_inquire_sec_context_by_oid(&minor, theirs.context,
                                                        GSS_C_INQ_SSPI_SESSION_KEY, &key), 0);
        assert_int_equal(mr_krb5_get_session_key(ours, &session, NULL), 0);
        assert_int_equal(session.len, key->elements[0].length);
        assert_memory_equal(session.data, key->elements[0].value, session.len);
        gss_release_buffer_set(&minor, &key);
        gss_release_buffer(&minor, &mic);
        gss_side_deinit(&theirs);
        mr_krb5_free(ours);
        krb5_world_deinit(&w);
    }
}

/* RC4 alone is offered: the server's subkey cannot be better. */
static void rc4_only(void **state) {
    mr_krb5_options o = {.role = MR_SECURITY_INITIATOR, .level = MR_AUTH_LEVEL_PRIVACY,
                         .service = SERVICE_FULL, .entropy = {1}};
    mr_error err = MR_ERROR_INIT;
    (void)state;

    for (int only = 0; only < 2; only++) {
        mr_krb5_info info;
        krb5_world w;
        uint8_t rooms[2][4096];
        mr_buf a, b;
        mr_krb5 *k = NULL;
        mr_buf_init(&a, rooms[0], sizeof rooms[0], sizeof rooms[0]);
        mr_buf_init(&b, rooms[1], sizeof rooms[1], sizeof rooms[1]);
        krb5_world_init(&w, 23);
        o.ccache = w.cache_name;
        o.rc4_only = only;
        assert_int_equal(mr_krb5_new(&o, &k, &err), 0);
        mr_krb5 *server = make_side(&w, MR_SECURITY_ACCEPTOR, MR_AUTH_LEVEL_PRIVACY);
        our_step(k, MR_DIR_TO_CLIENT, &a, &b);
        our_step(server, MR_DIR_TO_SERVER, &b, &a);
        assert_int_equal(our_step(k, MR_DIR_TO_CLIENT, &a, &b), 0);
        assert_int_equal(our_step(server, MR_DIR_TO_SERVER, &b, &a), 0);
        mr_krb5_get_info(server, &info);
        assert_int_equal(info.etype, only ? 23 : 18);
        mr_krb5_free(server);
        mr_krb5_free(k);
        krb5_world_deinit(&w);
    }
}

/* Key derivation of RFC 8009 appendix A. */
static void derivation(void **state) {
    static const struct {
        int32_t etype;
        const char *base, *kc, *ke, *ki;
    } rows[] = {
        {19, "3705D96080C17728A0E800EAB6E0D23C", "B31A018A48F54776F403E9A396325DC3",
         "9B197DD1E8C5609D6E67C3E37C62C72E", "9FDA0E56AB2D85E1569A688696C26A6C"},
        {20, "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52",
         "EF5718BE86CC84963D8BBB5031E9F5C4BA41F28FAF69E73D",
         "56AB22BEE63D82D7BC5227F6773F8EA7A5EB1C825160C38312980C442E5C7E49",
         "69B16514E3CD8E56B82010D5C73012B622C4D00FFC23ED1F"},
    };
    uint8_t key[32], out[32];
    size_t n;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        hex_read(rows[i].base, key, sizeof key);
        assert_int_equal(mr_krb5_derive(rows[i].etype, key, 2, MR_KRB5_KC, out, &n, NULL), 0);
        assert_hex(out, n, rows[i].kc);
        assert_int_equal(mr_krb5_derive(rows[i].etype, key, 2, MR_KRB5_KE, out, &n, NULL), 0);
        assert_hex(out, n, rows[i].ke);
        assert_int_equal(mr_krb5_derive(rows[i].etype, key, 2, MR_KRB5_KI, out, &n, NULL), 0);
        assert_hex(out, n, rows[i].ki);
    }
    assert_int_equal(mr_krb5_derive(23, key, 2, MR_KRB5_KC, out, &n, NULL), MR_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivation),
        cmocka_unit_test(against_gssapi),
        cmocka_unit_test(signatures_and_key),
        cmocka_unit_test(rc4_only),
    };
    setenv("KRB5_CONFIG", "/dev/null", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
