/* The exchange with the KDC, the KDC being a few functions of the test: it opens the time stamps
 * and authenticators it is sent, so keys and passwords are really what they should be. */
#include "krb5_world.h"

#include <unistd.h>

#define OTHER_REALM "OTHER.EXAMPLE"
#define PASSWORD "Pa55 w\xc3\xb6rd"
#define SALT "TEST.EXAMPLEalice"
#define NONCE_FIELD 7

static char table_file[] = "/tmp/msrpc-krb5-XXXXXX", table_name[64];

typedef struct kdc {
    krb5_context context;
    krb5_enctype etype;        /* of the user's key */
    krb5_keyblock user;
    krb5_keyblock tgt_key, tgt_session;     /* of TEST.EXAMPLE */
    krb5_keyblock next_session;             /* of the ticket for OTHER.EXAMPLE's KDC */
    krb5_keyblock service, service_session;
    time_t now;                /* the KDC's clock */
    bool refers;               /* the service is the other realm's */
    bool too_big;              /* the first reply must go over TCP */
    int32_t only;              /* the one encryption type an AS-REQ may ask for; 0: any */
    int32_t refuse;            /* this error in answer to everything */
    uint32_t status;           /* NTSTATUS that goes with it */
    unsigned as_requests, tgs_requests;
    uint8_t room[4096];
    mr_buf reply;
} kdc;

static void kdc_init(kdc *k, krb5_enctype etype) {
    krb5_data password = {.data = PASSWORD, .length = sizeof PASSWORD - 1};
    krb5_data salt = {.data = SALT, .length = sizeof SALT - 1};

    memset(k, 0, sizeof *k);
    k->etype = etype;
    k->now = time(NULL);
    assert_int_equal(krb5_init_context(&k->context), 0);
    assert_int_equal(krb5_c_string_to_key(k->context, etype, &password, &salt, &k->user), 0);
    krb5_keyblock *random[] = {&k->tgt_key, &k->tgt_session, &k->next_session, &k->service,
                               &k->service_session};
    for (size_t i = 0; i < MR_COUNT(random); i++)
        assert_int_equal(krb5_c_make_random_key(k->context, 18, random[i]), 0);
    mr_buf_init(&k->reply, k->room, sizeof k->room, sizeof k->room);
}

static void kdc_deinit(kdc *k) {
    krb5_keyblock *keys[] = {&k->user, &k->tgt_key, &k->tgt_session, &k->next_session,
                             &k->service, &k->service_session};
    for (size_t i = 0; i < MR_COUNT(keys); i++)
        krb5_free_keyblock_contents(k->context, keys[i]);
    krb5_free_context(k->context);
}

/* ---- reading requests ---- */

/* The contents of field @field of the sequence @seq shows; empty when it is not there. */
static mr_slice get_field(mr_slice seq, unsigned field) {
    mr_cursor c = mr_cursor_of(seq);

    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor f = mr_ber_read(&c, tag);
        if (tag == MR_BER_CONTEXT(field))
            return mr_cursor_read(&f, mr_cursor_left(&f));
    }
    return MR_SLICE_NULL;
}

/* What is inside the one element @s is. */
static mr_slice inside(mr_slice s) {
    mr_cursor c = mr_cursor_of(s);
    mr_cursor in = mr_ber_read(&c, mr_ber_peek(&c));

    assert_true(mr_cursor_ok(&c));
    return mr_cursor_read(&in, mr_cursor_left(&in));
}

/* The value of a pre-authentication of the request; empty when it is not there. */
static mr_slice get_padata(mr_slice request, int32_t type) {
    mr_cursor list = mr_cursor_of(inside(get_field(inside(inside(request)), 3)));

    while (mr_cursor_left(&list)) {
        mr_cursor one = mr_ber_read(&list, MR_BER_SEQUENCE);
        mr_slice seq = mr_cursor_read(&one, mr_cursor_left(&one));
        mr_cursor number = mr_cursor_of(get_field(seq, 1));
        if (mr_ber_read_int(&number, MR_BER_INTEGER) == type)
            return inside(get_field(seq, 2));
    }
    return MR_SLICE_NULL;
}

/* Opens EncryptedData; false when the key is another. */
static bool open_sealed(kdc *k, mr_slice sealed, const krb5_keyblock *key, krb5_keyusage usage,
                        uint8_t *out, size_t *lenp) {
    mr_slice cipher = inside(get_field(inside(sealed), 2));
    krb5_enc_data in = {.enctype = key->enctype,
                        .ciphertext = {.data = (char *)cipher.data,
                                       .length = (unsigned)cipher.len}};
    krb5_data plain = {.data = (char *)out, .length = (unsigned)cipher.len};

    assert_true(cipher.len <= 1024);
    bool fits = krb5_c_decrypt(k->context, key, usage, NULL, &in, &plain) == 0;
    *lenp = plain.length;
    return fits;
}

/* ---- replies ---- */

static void write_error(kdc *k, int32_t code, mr_slice data) {
    mr_buf *b = &k->reply;
    size_t app = mr_ber_open(b, MR_BER_APPLICATION(30)), seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 5);
    field_int(b, 1, 30);
    field_time(b, 4, k->now);
    field_int(b, 5, 0);
    field_int(b, 6, code);
    field_bytes(b, 9, MR_BER_GENERAL_STRING, MR_SLICE_LIT(REALM));
    field_name(b, 10, 2, "krbtgt", REALM);
    if (data.len)
        field_bytes(b, 12, MR_BER_OCTET_STRING, data);
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
}

/* METHOD-DATA: a time stamp is wanted, under this kind of key. */
static void write_preauth_required(kdc *k) {
    uint8_t rooms[2][256];
    mr_buf info, b;

    mr_buf_init(&info, rooms[0], sizeof rooms[0], sizeof rooms[0]);
    size_t list = mr_ber_open(&info, MR_BER_SEQUENCE), one = mr_ber_open(&info, MR_BER_SEQUENCE);
    field_int(&info, 0, k->etype);
    field_bytes(&info, 1, MR_BER_GENERAL_STRING, MR_SLICE_LIT(SALT));
    mr_ber_close(&info, one);
    mr_ber_close(&info, list);
    mr_buf_init(&b, rooms[1], sizeof rooms[1], sizeof rooms[1]);
    size_t all = mr_ber_open(&b, MR_BER_SEQUENCE);
    static const int32_t types[] = {19, 2};
    for (int i = 0; i < 2; i++) {
        size_t pa = mr_ber_open(&b, MR_BER_SEQUENCE);
        field_int(&b, 1, types[i]);
        field_bytes(&b, 2, MR_BER_OCTET_STRING, i == 0 ? mr_buf_slice(&info) : MR_SLICE_NULL);
        mr_ber_close(&b, pa);
    }
    mr_ber_close(&b, all);
    write_error(k, 25, mr_buf_slice(&b));
}

/* KERB-ERROR-DATA with an NTSTATUS (MS-KILE 2.2.2). */
static void write_status(kdc *k) {
    uint8_t room[64], value[12] = {(uint8_t)k->status, (uint8_t)(k->status >> 8),
                                   (uint8_t)(k->status >> 16), (uint8_t)(k->status >> 24),
                                   0, 0, 0, 0, 1};
    mr_buf b;

    mr_buf_init(&b, room, sizeof room, sizeof room);
    size_t seq = mr_ber_open(&b, MR_BER_SEQUENCE);
    field_int(&b, 1, 3);
    field_bytes(&b, 2, MR_BER_OCTET_STRING, mr_slice_of(value, sizeof value));
    mr_ber_close(&b, seq);
    write_error(k, k->refuse, mr_buf_slice(&b));
}

typedef struct grant {
    bool as;
    const char *realm, *one, *two;      /* the server */
    const krb5_keyblock *key, *session; /* of the ticket */
    const krb5_keyblock *reply_key;
    krb5_keyusage usage;
    mr_slice nonce;
} grant;

/* EncKDCRepPart (RFC 4120 5.4.2). */
static void write_part(kdc *k, const grant *g, mr_buf *b) {
    size_t app = mr_ber_open(b, (uint8_t)MR_BER_APPLICATION(g->as ? 25 : 26));
    size_t seq = mr_ber_open(b, MR_BER_SEQUENCE);

    field_key(b, 0, g->session);
    size_t last = mr_ber_open(b, MR_BER_CONTEXT(1)), list = mr_ber_open(b, MR_BER_SEQUENCE);
    size_t one = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 0);
    field_time(b, 1, k->now);
    mr_ber_close(b, one);
    mr_ber_close(b, list);
    mr_ber_close(b, last);
    mr_ber_write(b, MR_BER_CONTEXT(2), g->nonce);
    field_bytes(b, 4, MR_BER_BIT_STRING, MR_SLICE_LIT("\0\x40\x20\0\0"));
    field_time(b, 5, k->now);
    field_time(b, 7, k->now + 36000);
    field_bytes(b, 9, MR_BER_GENERAL_STRING, mr_slice_str(g->realm));
    field_name(b, 10, 2, g->one, g->two);
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
}

static void write_grant(kdc *k, const grant *g) {
    uint8_t room[1024];
    mr_buf part, *b = &k->reply;

    mr_buf_init(&part, room, sizeof room, sizeof room);
    write_part(k, g, &part);
    size_t app = mr_ber_open(b, (uint8_t)MR_BER_APPLICATION(g->as ? 11 : 13));
    size_t seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 5);
    field_int(b, 1, g->as ? 11 : 13);
    field_bytes(b, 3, MR_BER_GENERAL_STRING, MR_SLICE_LIT(REALM));
    field_name(b, 4, 1, "alice", NULL);
    size_t ticket = mr_ber_open(b, MR_BER_CONTEXT(5));
    write_ticket(b, k->context, g->key, g->session, k->now, g->realm, g->one, g->two);
    mr_ber_close(b, ticket);
    field_sealed(b, 6, k->context, g->reply_key, g->usage, 0, mr_buf_slice(&part));
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
    assert_int_equal(mr_buf_error(b), 0);
}

static void answer_as(kdc *k, mr_slice request, mr_slice nonce) {
    mr_slice stamp = get_padata(request, 2);
    uint8_t plain[1024];
    size_t n;

    k->as_requests++;
    if (stamp.len == 0)
        write_preauth_required(k);
    else if (!open_sealed(k, stamp, &k->user, 1, plain, &n))
        write_error(k, 24, MR_SLICE_NULL);
    else
        write_grant(k, &(grant){true, REALM, "krbtgt", REALM, &k->tgt_key, &k->tgt_session,
                                &k->user, 3, nonce});
}

/* A reply for the service, or a ticket for the other realm's KDC. */
static void answer_tgs(kdc *k, mr_slice request, mr_slice nonce, const char *realm) {
    bool other = strcmp(realm, OTHER_REALM) == 0;
    mr_slice ap = get_padata(request, 1);
    uint8_t plain[1024];
    size_t n;

    k->tgs_requests++;
    /* the authenticator has a key for the reply */
    assert_true(open_sealed(k, get_field(inside(inside(ap)), 4),
                            other ? &k->next_session : &k->tgt_session, 7, plain, &n));
    mr_slice key = inside(get_field(inside(inside(mr_slice_of(plain, n))), 6));
    mr_slice value = inside(get_field(key, 1));
    krb5_keyblock reply_key = {.enctype = 18, .length = (unsigned)value.len,
                               .contents = (krb5_octet *)value.data};
    if (k->refers && !other)
        write_grant(k, &(grant){false, REALM, "krbtgt", OTHER_REALM, &k->tgt_key,
                                &k->next_session, &reply_key, 9, nonce});
    else
        write_grant(k, &(grant){false, other ? OTHER_REALM : REALM, "host", "srv.test.example",
                                &k->service, &k->service_session, &reply_key, 9, nonce});
}

static mr_slice answer(kdc *k, const mr_krb5_kdc_request *request) {
    mr_krb_request r;
    mr_error err = MR_ERROR_INIT;

    assert_int_equal(mr_krb_request_decode(request->bytes, &r, &err), 0);
    mr_slice nonce = get_field(inside(get_field(inside(inside(request->bytes)), 4)), NONCE_FIELD);
    if (k->only && r.type == MR_KRB_AS_REQ) {
        assert_int_equal(r.etype_count, 1);
        assert_int_equal(r.etypes[0], k->only);
    }
    mr_buf_reset(&k->reply);
    if (k->refuse && k->status)
        write_status(k);
    else if (k->refuse)
        write_error(k, k->refuse, MR_SLICE_NULL);
    else if (k->too_big && !request->tcp)
        write_error(k, 52, MR_SLICE_NULL);
    else if (r.type == MR_KRB_AS_REQ)
        answer_as(k, request->bytes, nonce);
    else
        answer_tgs(k, request->bytes, nonce, request->realm);
    return mr_buf_slice(&k->reply);
}

/* ---- the other side ---- */

static int run(kdc *k, mr_krb5_kdc *m, mr_error *err) {
    mr_krb5_kdc_request request;
    mr_slice reply = MR_SLICE_NULL;
    int rc;

    for (int i = 0; i < 20; i++) {
        rc = mr_krb5_kdc_step(m, reply, &request, err);
        if (rc != MR_KRB5_KDC_SEND)
            return rc;
        reply = answer(k, &request);
    }
    fail_msg("no end");
    return -1;
}

static mr_krb5_kdc *machine(mr_identity *id, const char *service) {
    mr_krb5_kdc_options o = {.identity = id, .service = service, .now = (int64_t)time(NULL)};
    mr_error err = MR_ERROR_INIT;
    mr_krb5_kdc *m = NULL;

    if (mr_krb5_kdc_new(&o, &m, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static void alice(mr_identity *id) {
    assert_int_equal(mr_identity_init(id, NULL), 0);
    assert_int_equal(mr_identity_set_name(id, MR_SLICE_LIT("alice@" REALM), NULL), 0);
}

/* The ticket that came is one an initiator can show. */
static void assert_usable(const mr_krb5_kdc_info *info) {
    uint8_t room[4096];
    mr_buf out;
    mr_krb5_options o = {.role = MR_SECURITY_INITIATOR, .level = MR_AUTH_LEVEL_PRIVACY,
                         .service = info->service, .ccache = info->ccache, .entropy = {1}};
    mr_error err = MR_ERROR_INIT;
    mr_krb5 *k = NULL;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    if (mr_krb5_new(&o, &k, &err) < 0)
        fail_msg("%s", err.text);
    mr_security *s = mr_krb5_get_security(k);
    assert_int_equal(s->class->step(s, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, &err),
                     MR_SECURITY_CONTINUE);
    assert_int_equal(mr_krb_get_type(mr_buf_slice(&out)), MR_KRB_AP_REQ);
    mr_krb5_free(k);
}

enum secret { SECRET_PASSWORD, SECRET_KEY, SECRET_TABLE, SECRETS };

static void give_secret(mr_identity *id, kdc *k, enum secret what, bool wrong) {
    static const char digits[] = "0123456789abcdef";
    char hex[65] = "";
    krb5_keytab table;

    for (unsigned i = 0; i < k->user.length; i++) {
        uint8_t octet = k->user.contents[i] ^ (wrong ? 1 : 0);
        hex[2 * i] = digits[octet >> 4];
        hex[2 * i + 1] = digits[octet & 15];
    }
    if (what == SECRET_PASSWORD) {
        assert_int_equal(mr_identity_set_password(id, wrong ? MR_SLICE_LIT("wrong")
                                                            : MR_SLICE_LIT(PASSWORD), NULL), 0);
    } else if (what == SECRET_KEY && k->etype == 23) {
        assert_int_equal(mr_identity_set_nt_hash(id, mr_slice_str(hex), NULL), 0);
    } else if (what == SECRET_KEY) {
        assert_int_equal(mr_identity_set_aes_key(id, mr_slice_str(hex), NULL), 0);
    } else {
        krb5_keytab_entry entry = {.vno = 1, .key = k->user};
        if (wrong)
            entry.key = k->tgt_key;
        assert_int_equal(krb5_parse_name(k->context, CLIENT_FULL, &entry.principal), 0);
        assert_int_equal(krb5_kt_resolve(k->context, table_name, &table), 0);
        assert_int_equal(krb5_kt_add_entry(k->context, table, &entry), 0);
        krb5_kt_close(k->context, table);
        krb5_free_principal(k->context, entry.principal);
        assert_int_equal(mr_identity_set_keytab(id, mr_slice_str(table_name), NULL), 0);
    }
}

static void every_secret(void **state) {
    static const krb5_enctype etypes[] = {17, 18, 23};
    (void)state;

    for (size_t e = 0; e < MR_COUNT(etypes); e++)
        for (int what = 0; what < SECRETS; what++)
            for (int wrong = 0; wrong < 2; wrong++) {
                mr_error err = MR_ERROR_INIT;
                mr_krb5_kdc_info info;
                mr_identity id;
                kdc k;
                kdc_init(&k, etypes[e]);
                alice(&id);
                (void)unlink(table_file);
                give_secret(&id, &k, (enum secret)what, wrong);
                k.only = what == SECRET_KEY ? etypes[e] : 0;
                mr_krb5_kdc *m = machine(&id, SERVICE);
                mr_krb5_kdc_get_info(m, &info);
                assert_int_equal(info.stage, MR_KRB5_STAGE_CACHE);
                int rc = run(&k, m, &err);
                mr_krb5_kdc_get_info(m, &info);
                if (wrong) {
                    assert_int_equal(rc, MR_ERR_AUTH);
                    assert_int_equal(info.stage, MR_KRB5_STAGE_AS);
                    if (what != SECRET_TABLE || k.etype == 18) {
                        assert_int_equal(info.failure.code, 24);
                        assert_true(info.failure.from_peer);
                    }
                } else if (rc < 0) {
                    fail_msg("%d %d: %s", etypes[e], what, err.text);
                } else {
                    assert_int_equal(info.stage, MR_KRB5_STAGE_DONE);
                    assert_int_equal(info.requests, 3);
                    assert_string_equal(info.client, CLIENT_FULL);
                    assert_string_equal(info.service, SERVICE_FULL);
                    assert_string_equal(info.realm, REALM);
                    assert_int_equal(info.ticket_etype, 18);
                    assert_in_range(info.end_time, k.now + 36000, k.now + 36000);
                    assert_in_range(info.server_time, k.now, k.now);
                    assert_usable(&info);
                }
                mr_krb5_kdc_free(m);
                mr_identity_deinit(&id);
                kdc_deinit(&k);
            }
    (void)unlink(table_file);
}

static void referral(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_krb5_kdc_info info;
    mr_identity id;
    kdc k;
    (void)state;

    kdc_init(&k, 18);
    k.refers = k.too_big = true;
    alice(&id);
    give_secret(&id, &k, SECRET_PASSWORD, false);
    mr_krb5_kdc *m = machine(&id, SERVICE);
    if (run(&k, m, &err) != 0)
        fail_msg("%s", err.text);
    mr_krb5_kdc_get_info(m, &info);
    assert_string_equal(info.service, SERVICE "@" OTHER_REALM);
    assert_string_equal(info.realm, OTHER_REALM);
    assert_int_equal(info.failure.code, 52); /* the last that was told */
    assert_int_equal(k.tgs_requests, 2);
    assert_usable(&info);

    /* its tickets are enough for another, as is a cache of a file's */
    mr_identity second;
    assert_int_equal(mr_identity_init(&second, NULL), 0);
    assert_int_equal(mr_identity_set_ccache(&second, mr_slice_str(info.ccache), NULL), 0);
    k.refers = false;
    mr_krb5_kdc *n = machine(&second, "host/srv.test.example@" REALM);
    assert_int_equal(run(&k, n, &err), 0);
    mr_krb5_kdc_get_info(n, &info);
    assert_int_equal(k.as_requests, 2);
    assert_int_equal(k.tgs_requests, 3);
    assert_string_equal(info.client, CLIENT_FULL);
    assert_usable(&info);
    mr_krb5_kdc_free(n);
    mr_krb5_kdc_free(m);
    mr_identity_deinit(&second);
    mr_identity_deinit(&id);
    kdc_deinit(&k);
}

/* The KDC's clock is ten minutes ahead: told, and followed unless that is forbidden. */
static void skew(void **state) {
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        mr_krb5_kdc_options o = {.now = (int64_t)time(NULL), .no_clock_sync = strict};
        mr_error err = MR_ERROR_INIT;
        mr_krb5_kdc_info info;
        mr_krb5_kdc *m = NULL;
        mr_identity id;
        kdc k;
        kdc_init(&k, 18);
        k.now += 600;
        alice(&id);
        give_secret(&id, &k, SECRET_PASSWORD, false);
        o.identity = &id;
        assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), 0);
        int rc = run(&k, m, &err);
        mr_krb5_kdc_get_info(m, &info);
        assert_in_range(info.skew, 598, 602);
        assert_in_range(info.server_time, k.now, k.now);
        assert_int_equal(rc, strict ? MR_ERR_AUTH : 0);
        mr_krb5_kdc_free(m);
        mr_identity_deinit(&id);
        kdc_deinit(&k);
    }
}

static void refusals(void **state) {
    static const struct {
        int32_t code;
        uint32_t status;
    } rows[] = {{6, 0}, {18, 0xc0000234}, {23, 0xc0000224}, {37, 0}, {68, 0}, {14, 0}};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_error err = MR_ERROR_INIT;
        mr_krb5_kdc_info info;
        mr_identity id;
        kdc k;
        kdc_init(&k, 18);
        k.refuse = rows[i].code;
        k.status = rows[i].status;
        alice(&id);
        give_secret(&id, &k, SECRET_PASSWORD, false);
        mr_krb5_kdc *m = machine(&id, SERVICE);
        assert_int_equal(run(&k, m, &err), MR_ERR_AUTH);
        mr_krb5_kdc_get_info(m, &info);
        assert_int_equal(info.failure.code, rows[i].code);
        assert_true(info.failure.from_peer);
        assert_int_equal(info.failure.has_status, rows[i].status != 0);
        assert_int_equal(info.failure.status, rows[i].status);
        assert_in_range(info.failure.server_time, k.now, k.now);
        assert_string_equal(info.failure.realm, REALM);
        mr_krb5_kdc_free(m);
        mr_identity_deinit(&id);
        kdc_deinit(&k);
    }
}

static void impossible(void **state) {
    mr_identity id;
    mr_krb5_kdc_options o = {.identity = &id};
    mr_krb5_kdc_request request;
    mr_error err = MR_ERROR_INIT;
    mr_krb5_kdc *m = NULL;
    (void)state;

    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_int_equal(mr_identity_set_user(&id, MR_SLICE_LIT("alice"), NULL), 0);
    assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), MR_ERR_ARGUMENT);
    assert_int_equal(mr_identity_set_domain(&id, MR_SLICE_LIT(REALM), NULL), 0);
    assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), MR_ERR_ARGUMENT);
    assert_int_equal(mr_identity_set_ccache(&id, MR_SLICE_LIT("FILE:/nonexistent/cache"), NULL),
                     0);
    assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), MR_ERR_NOT_FOUND);
    assert_int_equal(mr_identity_set_ccache(&id, MR_SLICE_LIT(""), NULL), 0);
    assert_int_equal(mr_identity_set_keytab(&id, MR_SLICE_LIT("FILE:/nonexistent/keys"), NULL), 0);
    assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), MR_ERR_NOT_FOUND);
    assert_int_equal(mr_identity_set_keytab(&id, MR_SLICE_LIT(""), NULL), 0);
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT("x"), NULL), 0);
    assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), 0);
    /* a reply before anything was asked, and one that is none */
    assert_int_equal(mr_krb5_kdc_step(m, MR_SLICE_LIT("x"), &request, &err), MR_ERR_STATE);
    assert_int_equal(mr_krb5_kdc_step(m, MR_SLICE_NULL, &request, &err), MR_KRB5_KDC_SEND);
    assert_true(mr_krb5_kdc_step(m, MR_SLICE_LIT("garbage"), &request, &err) < 0);
    mr_krb5_kdc_free(m);
    mr_krb5_kdc_free(NULL);
    mr_identity_deinit(&id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_secret),
        cmocka_unit_test(referral),
        cmocka_unit_test(skew),
        cmocka_unit_test(refusals),
        cmocka_unit_test(impossible),
    };
    int fd = mkstemp(table_file);

    if (fd < 0)
        return 1;
    close(fd);
    (void)snprintf(table_name, sizeof table_name, "FILE:%s", table_file);
    setenv("KRB5_CONFIG", "/dev/null", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
