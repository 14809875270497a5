/* Kerberos between two associations: every level and encryption type, with a tap that has the
 * service's key; refused tickets; a server's KRB-ERROR; PDUs that are changed, repeated, dropped
 * or turned around. */
#include "assoc_world.h"
#include "krb5_world.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <unistd.h>

/* GSSAPI reads this anew for every context: only subkeys of that kind. */
static void permit(const char *etype) {
    FILE *f = fopen(config_name, "w");
    assert_non_null(f);
    fprintf(f, "[libdefaults]\n permitted_enctypes = %s\n allow_rc4 = true\n", etype);
    assert_int_equal(fclose(f), 0);
}

typedef struct trio {
    krb5_world realm;
    mr_krb5 *client, *server, *tap;
} trio;

static world *start(trio *t, krb5_enctype etype, uint8_t level, const mr_assoc_config *config,
                    size_t step) {
    mr_error err = MR_ERROR_INIT;
    world *w = world_new(config, config, step);

    krb5_world_init(&t->realm, etype);
    t->client = make_side(&t->realm, MR_SECURITY_INITIATOR, level);
    t->server = make_side(&t->realm, MR_SECURITY_ACCEPTOR, level);
    t->tap = make_side(&t->realm, MR_SECURITY_OBSERVER, level);
    assert_int_equal(mr_assoc_set_security(&w->client.a, mr_krb5_get_security(t->client), 7,
                                           level, &err), 0);
    w->acceptor = mr_krb5_get_security(t->server);
    w->observer = mr_krb5_get_security(t->tap);
    return w;
}

static void end(trio *t, world *w) {
    world_deinit(w);
    mr_krb5_free(t->client);
    mr_krb5_free(t->server);
    mr_krb5_free(t->tap);
    krb5_world_deinit(&t->realm);
}

static const struct {
    krb5_enctype etype;
    const char *name;
} etypes[] = {
    {17, "aes128-cts"}, {18, "aes256-cts"}, {19, "aes128-sha2"}, {20, "aes256-sha2"},
    {23, "rc4-hmac"},
};

static void every_level(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_CALL,
                                     MR_AUTH_LEVEL_PACKET, MR_AUTH_LEVEL_INTEGRITY,
                                     MR_AUTH_LEVEL_PRIVACY};
    static const size_t steps[] = {0, 1000, RANDOM_SEGMENTS, 1, 7};
    (void)state;

    for (size_t e = 0; e < MR_COUNT(etypes); e++)
        for (size_t l = 0; l < MR_COUNT(levels); l++)
            for (int bare = 0; bare < 2; bare++) {
                mr_assoc_config config = {.no_header_sign = bare, .max_xmit = bare ? 512 : 0};
                mr_krb5_info info;
                trio t;
                permit(etypes[e].name);
                world *w = start(&t, etypes[e].etype, levels[l], &config, steps[e]);
                world_bind(w);
                assert_sound(&w->client);
                assert_sound(&w->server);
                assert_int_equal(w->client.last[MR_EVENT_READY].u.ready.level, levels[l]);
                assert_int_equal(w->server.seen[MR_EVENT_AUTH3], 1); /* the third leg */
                mr_krb5_get_info(t.server, &info);
                assert_int_equal(info.etype, etypes[e].etype);
                assert_string_equal(info.client, CLIENT_FULL);
                secure_converse(w);
                assert_sound(&w->client);
                assert_sound(&w->server);
                assert_sound(&w->tap);
                assert_string_equal(w->client.log, w->tap.log);
                assert_int_equal(w->tap.last[MR_EVENT_RESPONSE].auth.verified,
                                 mr_auth_level_protects(levels[l]));
                assert_false(w->tap.last[MR_EVENT_RESPONSE].u.chunk.sealed);
                mr_krb5_get_info(t.tap, &info);
                assert_true(info.complete);
                assert_string_equal(info.client, CLIENT_FULL);
                assert_string_equal(info.service, SERVICE_FULL);
                assert_int_equal(info.etype, etypes[e].etype);
                end(&t, w);
            }
}

/* Another key table: neither the server nor the tap can open the ticket. */
static void wrong_key(void **state) {
    (void)state;
    permit("aes256-cts");
    for (int observer = 0; observer < 2; observer++) {
        trio t;
        mr_krb5_options o = {.keytab = t.realm.other_name, .entropy = {1}};
        mr_error err = MR_ERROR_INIT;
        mr_krb5_info info;
        world *w = start(&t, 18, MR_AUTH_LEVEL_PRIVACY, NULL, 0);
        mr_krb5 **other = observer ? &t.tap : &t.server;
        mr_krb5_free(*other);
        o.role = observer ? MR_SECURITY_OBSERVER : MR_SECURITY_ACCEPTOR;
        assert_int_equal(mr_krb5_new(&o, other, &err), 0);
        *(observer ? &w->observer : &w->acceptor) = mr_krb5_get_security(*other);
        world_bind(w);
        mr_krb5_get_info(*other, &info);
        assert_false(info.complete);
        assert_true(info.failure.text[0] != '\0');
        if (observer) {
            assert_sound(&w->client);
            secure_call(w, 0, MR_SLICE_LIT("secret"));
            pump(w);
            assert_sound(&w->client);
            assert_true(w->tap.last[MR_EVENT_REQUEST].u.chunk.sealed);
        } else {
            assert_int_equal(w->server.rc, MR_ERR_AUTH);
            assert_int_equal(w->client.rc, MR_ERR_BIND_REJECTED);
        }
        end(&t, w);
    }
}

/* impacket frames its AP-REQ as if it were not DCE style. */
static void framed_request(void **state) {
    uint8_t rooms[3][4096];
    mr_buf first, framed, answer;
    mr_error err = MR_ERROR_INIT;
    krb5_world r;
    mr_krb5_info info;
    (void)state;

    permit("aes256-cts");
    krb5_world_init(&r, 18);
    mr_krb5 *client = make_side(&r, MR_SECURITY_INITIATOR, MR_AUTH_LEVEL_PRIVACY);
    mr_krb5 *server = make_side(&r, MR_SECURITY_ACCEPTOR, MR_AUTH_LEVEL_PRIVACY);
    mr_security *c = mr_krb5_get_security(client), *s = mr_krb5_get_security(server);
    mr_buf_init(&first, rooms[0], sizeof rooms[0], sizeof rooms[0]);
    mr_buf_init(&framed, rooms[1], sizeof rooms[1], sizeof rooms[1]);
    mr_buf_init(&answer, rooms[2], sizeof rooms[2], sizeof rooms[2]);
    assert_int_equal(c->class->step(c, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &first, &err),
                     MR_SECURITY_CONTINUE);
    size_t frame = mr_ber_open(&framed, MR_BER_APPLICATION(0));
    mr_buf_write(&framed, MR_SLICE_LIT("\6\x09\x2a\x86\x48\x86\xf7\x12\1\2\2\1\0"));
    mr_buf_write(&framed, mr_buf_slice(&first));
    mr_ber_close(&framed, frame);
    assert_int_equal(s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&framed), &answer, &err),
                     MR_SECURITY_CONTINUE);
    mr_buf_reset(&first);
    assert_int_equal(c->class->step(c, MR_DIR_TO_CLIENT, mr_buf_slice(&answer), &first, &err), 0);
    assert_int_equal(s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&first), &answer, &err), 0);
    mr_krb5_get_info(server, &info);
    assert_true(info.complete);
    mr_krb5_free(client);
    mr_krb5_free(server);
    krb5_world_deinit(&r);
}

/* A client of GSSAPI's own style is told what it lacks. */
static void other_style(void **state) {
    gss_key_value_element_desc place = {"ccache", NULL};
    gss_key_value_set_desc store = {1, &place};
    gss_buffer_desc name = {sizeof SERVICE_FULL - 1, (void *)(uintptr_t)SERVICE_FULL};
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_name_t target = GSS_C_NO_NAME;
    mr_error err = MR_ERROR_INIT;
    OM_uint32 minor;
    uint8_t room[4096];
    krb5_world r;
    mr_buf out;
    (void)state;

    permit("aes256-cts");
    krb5_world_init(&r, 18);
    place.value = r.cache_name;
    mr_krb5 *server = make_side(&r, MR_SECURITY_ACCEPTOR, MR_AUTH_LEVEL_PRIVACY);
    mr_security *s = mr_krb5_get_security(server);
    assert_int_equal(gss_import_name(&minor, &name, GSS_KRB5_NT_PRINCIPAL_NAME, &target), 0);
    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
                                           GSS_C_NO_OID_SET, GSS_C_INITIATE, &store, &cred, NULL,
                                           NULL), 0);
    assert_int_equal(gss_init_sec_context(&minor, cred, &context, target, GSS_C_NO_OID,
                                          GSS_C_MUTUAL_FLAG, 0, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                          NULL, &token, NULL, NULL), GSS_S_CONTINUE_NEEDED);
    mr_buf_init(&out, room, sizeof room, sizeof room);
    assert_int_equal(s->class->step(s, MR_DIR_TO_SERVER, mr_slice_of(token.value, token.length),
                                    &out, &err), MR_ERR_AUTH);
    assert_non_null(strstr(err.text, "DCE style"));
    gss_release_buffer(&minor, &token);
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &cred);
    gss_release_name(&minor, &target);
    mr_krb5_free(server);
    krb5_world_deinit(&r);
}

/* ---- a server's KRB-ERROR ---- */

static void write_error(mr_buf *b, int32_t code, time_t now, const char *text) {
    size_t app = mr_ber_open(b, MR_BER_APPLICATION(30)), seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 5);
    field_int(b, 1, 30);
    field_time(b, 4, now);
    field_int(b, 5, 1234);
    field_int(b, 6, code);
    field_bytes(b, 9, MR_BER_GENERAL_STRING, MR_SLICE_LIT(REALM));
    field_name(b, 10, 2, "host", "srv.test.example");
    if (text)
        field_bytes(b, 11, MR_BER_GENERAL_STRING, mr_slice_str(text));
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
}

static void error_token(void **state) {
    (void)state;
    permit("aes256-cts");
    for (int framed = 0; framed < 2; framed++)
        for (int skewed = 0; skewed < 2; skewed++) {
            uint8_t room[512], first[4096];
            mr_error err = MR_ERROR_INIT;
            mr_krb5_info info;
            krb5_world r;
            mr_buf b, out;
            krb5_world_init(&r, 18);
            mr_krb5 *k = make_side(&r, MR_SECURITY_INITIATOR, MR_AUTH_LEVEL_INTEGRITY);
            mr_security *s = mr_krb5_get_security(k);
            time_t now = time(NULL);
            mr_buf_init(&b, room, sizeof room, sizeof room);
            mr_buf_init(&out, first, sizeof first, sizeof first);
            assert_int_equal(s->class->step(s, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, &err),
                             MR_SECURITY_CONTINUE);
            size_t frame = framed ? mr_ber_open(&b, MR_BER_APPLICATION(0)) : 0;
            if (framed)
                mr_buf_write(&b, MR_SLICE_LIT("\6\x09\x2a\x86\x48\x86\xf7\x12\1\2\2\3\0"));
            write_error(&b, skewed ? 37 : 41, now + 600, skewed ? NULL : "not\nthis");
            if (framed)
                mr_ber_close(&b, frame);
            assert_int_equal(mr_buf_error(&b), 0);
            assert_int_equal(s->class->step(s, MR_DIR_TO_CLIENT, mr_buf_slice(&b), &out, &err),
                             MR_ERR_AUTH);
            mr_krb5_get_info(k, &info);
            assert_true(info.failure.from_peer);
            assert_int_equal(info.failure.code, skewed ? 37 : 41);
            assert_int_equal(info.failure.server_time, now + 600);
            assert_in_range(info.failure.skew, 595, 605);
            assert_string_equal(info.failure.realm, REALM);
            assert_string_equal(info.failure.text, skewed ? "" : "not this");
            assert_non_null(strstr(err.text, skewed ? "seconds ahead of ours" : "error 41"));
            /* over is over */
            assert_int_equal(s->class->step(s, MR_DIR_TO_CLIENT, MR_SLICE_LIT("x"), &out, &err),
                             MR_ERR_STATE);
            mr_krb5_free(k);
            krb5_world_deinit(&r);
        }
}

/* ---- on the way ---- */

/* Every octet of a protected PDU that is changed is found out. */
static void tampering(void **state) {
    (void)state;
    for (size_t e = 0; e < MR_COUNT(etypes); e++)
        for (int dir = 0; dir < 2; dir++)
            for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++)
                for (size_t i = 0;; i += e == 1 ? 1 : 5) {
                    trio t;
                    permit(etypes[e].name);
                    world *w = start(&t, etypes[e].etype, level, NULL, 0);
                    side *to = dir ? &w->client : &w->server;
                    world_bind(w);
                    secure_call(w, 0, MR_SLICE_LIT("twenty octets of it!"));
                    pull_side(w, &w->client, MR_DIR_TO_SERVER);
                    if (dir) {
                        deliver(w, MR_DIR_TO_SERVER);
                        pull_side(w, &w->server, MR_DIR_TO_CLIENT);
                    }
                    mr_buf *q = &w->queue[dir];
                    if (i >= q->len) {
                        end(&t, w);
                        break;
                    }
                    q->data[i] ^= (uint8_t)(1u << i % 8);
                    w->no_tap = true;
                    pump(w);
                    unsigned kind = dir ? MR_EVENT_RESPONSE : MR_EVENT_REQUEST;
                    mr_assoc_feed_end(&to->a, (enum mr_dir)dir, 1, &to->err);
                    assert_int_equal(to->seen[kind], 0);
                    assert_non_null(mr_assoc_get_error(&to->a));
                    end(&t, w);
                }
}

/* Where the @nth PDU of the queue begins. */
static size_t pdu_at(const mr_buf *q, unsigned nth) {
    size_t at = 0;

    while (nth-- > 0)
        at += (size_t)(q->data[at + 8] | q->data[at + 9] << 8);
    return at;
}

enum disturbance { REPEATED, DROPPED, SWAPPED, DISTURBANCES };

/* Three fragments of one request, then one comes twice, not at all, or before its time. */
static void disturbed(world *w, enum disturbance how) {
    mr_buf *q = &w->queue[MR_DIR_TO_SERVER];
    size_t one, two, three;

    secure_call(w, 0, mr_slice_of(w->big_reply, 1000));
    pull_side(w, &w->client, MR_DIR_TO_SERVER);
    one = pdu_at(q, 1);
    two = pdu_at(q, 2);
    three = pdu_at(q, 3);
    assert_true(three <= q->len && two - one == one); /* alike in length */
    if (how == REPEATED) {
        memcpy(q->data + one, q->data, one);
    } else if (how == DROPPED) {
        memmove(q->data + one, q->data + two, q->len - two);
        q->len -= two - one;
    } else {
        for (size_t i = 0; i < one; i++) {
            uint8_t kept = q->data[i + one];
            q->data[i + one] = q->data[i + one + one];
            q->data[i + one + one] = kept;
        }
    }
}

static void order(void **state) {
    (void)state;
    for (size_t e = 0; e < MR_COUNT(etypes); e++)
        for (uint8_t level = MR_AUTH_LEVEL_PACKET; level <= MR_AUTH_LEVEL_PRIVACY; level++)
            for (int how = 0; how < DISTURBANCES; how++) {
                mr_assoc_config config = {.max_xmit = 256};
                trio t;
                permit(etypes[e].name);
                world *w = start(&t, etypes[e].etype, level, &config, 0);
                world_bind(w);
                disturbed(w, (enum disturbance)how);
                w->no_tap = true;
                pump(w);
                assert_int_equal(w->server.rc, MR_ERR_AUTH);
                side_call *c = side_find(&w->server, w->server.last[MR_EVENT_REQUEST]
                                         .u.chunk.call.id, false);
                assert_true(!c || !c->answered);
                end(&t, w);
            }
}

/* ---- channel bindings ---- */

static int shake(mr_krb5 *client, mr_krb5 *server) {
    mr_security *ends[] = {mr_krb5_get_security(client), mr_krb5_get_security(server)};
    mr_buf tokens[2];
    int r = MR_SECURITY_CONTINUE;

    mr_buf_init(&tokens[0], NULL, 0, UINT16_MAX);
    mr_buf_init(&tokens[1], NULL, 0, UINT16_MAX);
    for (int leg = 0; leg < 4 && r == (leg < 3 ? MR_SECURITY_CONTINUE : 0); leg++) {
        mr_buf *in = &tokens[!(leg % 2)], *out = &tokens[leg % 2];
        mr_buf_reset(out);
        r = ends[leg % 2]->class->step(ends[leg % 2], leg % 2 ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT,
                                       mr_buf_slice(in), out, NULL);
    }
    mr_buf_deinit(&tokens[0]);
    mr_buf_deinit(&tokens[1]);
    return r;
}

static void bindings(void **state) {
    static const struct {
        const char *client, *server;
        bool required, refused, bound;
    } rows[] = {
        {"", "", false, false, false},
        {"", "", true, true, false},
        {"tls-server-end-point:one", "", false, false, false},
        {"", "tls-server-end-point:one", false, false, false},
        {"", "tls-server-end-point:one", true, true, false},
        {"tls-server-end-point:one", "tls-server-end-point:one", false, false, true},
        {"tls-server-end-point:one", "tls-server-end-point:one", true, false, true},
        {"tls-server-end-point:two", "tls-server-end-point:one", false, true, false},
        {"tls-server-end-point:two", "tls-server-end-point:one", true, true, false},
    };
    (void)state;

    permit("aes256-cts");
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_krb5_options o = {.role = MR_SECURITY_INITIATOR, .level = MR_AUTH_LEVEL_PRIVACY,
                             .entropy = {1}, .service = SERVICE_FULL,
                             .bindings = mr_slice_str(rows[i].client)};
        mr_krb5 *client, *server;
        mr_krb5_info info;
        krb5_world r;
        krb5_world_init(&r, 18);
        o.ccache = r.cache_name;
        assert_int_equal(mr_krb5_new(&o, &client, NULL), 0);
        o.role = MR_SECURITY_ACCEPTOR;
        o.keytab = r.table_name;
        o.bindings = mr_slice_str(rows[i].server);
        o.require_bindings = rows[i].required;
        assert_int_equal(mr_krb5_new(&o, &server, NULL), 0);
        assert_int_equal(shake(client, server), rows[i].refused ? MR_ERR_AUTH : 0);
        mr_krb5_get_info(server, &info);
        assert_int_equal(info.complete, !rows[i].refused);
        assert_int_equal(info.bound, rows[i].bound);
        mr_krb5_free(client);
        mr_krb5_free(server);
        krb5_world_deinit(&r);
    }
}

/* ---- what cannot begin ---- */

static void impossible(void **state) {
    mr_krb5_options o = {.role = MR_SECURITY_INITIATOR, .level = MR_AUTH_LEVEL_PRIVACY};
    mr_error err = MR_ERROR_INIT;
    krb5_world r;
    mr_krb5 *k = NULL;
    (void)state;

    permit("aes256-cts");
    krb5_world_init(&r, 18);
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_ARGUMENT);
    o.ccache = r.cache_name;
    o.service = "host/another.test.example@" REALM;
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_NOT_FOUND);
    o.service = SERVICE; /* without its realm */
    assert_true(mr_krb5_new(&o, &k, &err) < 0);
    o.service = SERVICE_FULL;
    o.ccache = "FILE:/nonexistent/cache";
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_NOT_FOUND);
    o.role = MR_SECURITY_ACCEPTOR;
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_ARGUMENT);
    o.role = MR_SECURITY_OBSERVER;
    o.keytab = "FILE:/nonexistent/keytab";
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_NOT_FOUND);
    o.role = MR_SECURITY_ACCEPTOR;
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_NOT_FOUND);
    o.keytab = r.table_name;
    o.service = "cifs/srv.test.example@" REALM;
    assert_int_equal(mr_krb5_new(&o, &k, &err), MR_ERR_NOT_FOUND);
    assert_null(k);
    o.service = SERVICE_FULL;
    assert_int_equal(mr_krb5_new(&o, &k, &err), 0);
    mr_krb5_free(k);
    mr_krb5_free(NULL);
    krb5_world_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level),
        cmocka_unit_test(wrong_key), cmocka_unit_test(framed_request),
        cmocka_unit_test(other_style),
        cmocka_unit_test(error_token),
        cmocka_unit_test(tampering),
        cmocka_unit_test(order),
        cmocka_unit_test(bindings),
        cmocka_unit_test(impossible),
    };

    return cmocka_run_group_tests(tests, make_config, remove_config);
}
