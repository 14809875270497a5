/* The exchange with the KDC, the KDC being a few functions of the test. */
#include "kdc_world.h"

static char table_file[] = "/tmp/msrpc-krb5-XXXXXX", table_name[64];

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

/* A token that finds no room says how long it is, and that this is about its length. */
static void assert_too_large(const mr_krb5_kdc_info *info) {
    uint8_t room[64];
    mr_buf out;
    mr_krb5_options o = {.role = MR_SECURITY_INITIATOR, .level = MR_AUTH_LEVEL_PRIVACY,
                         .service = info->service, .ccache = info->ccache, .entropy = {1}};
    mr_error err = MR_ERROR_INIT;
    mr_krb5_info now;
    mr_krb5 *k = NULL;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    assert_int_equal(mr_krb5_new(&o, &k, &err), 0);
    mr_security *s = mr_krb5_get_security(k);
    assert_int_equal(s->class->step(s, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, &err),
                     MR_ERR_LIMIT);
    mr_krb5_get_info(k, &now);
    assert_in_range(now.token_len, sizeof room + 1, 4096);
    assert_non_null(strstr(err.text, "more than a PDU takes"));
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
                k.only = what == SECRET_PASSWORD ? 0
                         : what == SECRET_TABLE && wrong ? 18 : etypes[e];
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
                    assert_too_large(&info);
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
    assert_int_equal(info.failure.code, MR_KRB5_NO_CODE); /* "too big" was mended by TCP */
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

/* Answers, with one bit of the first reply of @type turned over, or that reply cut off there. */
static int run_damaged(kdc *k, mr_krb5_kdc *m, unsigned type, size_t at, bool cut, size_t *lenp) {
    mr_krb5_kdc_request request;
    mr_error err = MR_ERROR_INIT;
    mr_slice reply = MR_SLICE_NULL;
    bool done = false;
    int rc;

    while ((rc = mr_krb5_kdc_step(m, reply, &request, &err)) == MR_KRB5_KDC_SEND) {
        reply = answer(k, &request);
        if (done || mr_krb_get_type(reply) != type)
            continue;
        done = true;
        *lenp = reply.len;
        if (at >= reply.len)
            continue;
        if (cut)
            reply.len = at ? at : 1;
        else
            k->room[at] ^= (uint8_t)(1u << at % 8);
    }
    return rc;
}

/* What somebody on the way made of a reply is no failure of this machine's: either nothing is lost
 * (the ticket itself is the service's to open), or the reply is to blame. */
static void damaged(void **state) {
    static const unsigned types[] = {MR_KRB_AS_REP, MR_KRB_TGS_REP};
    unsigned blamed = 0;
    (void)state;

    for (size_t t = 0; t < MR_COUNT(types); t++)
        for (int cut = 0; cut < 2; cut++) {
            size_t len = 1;
            for (size_t at = 0; at < len; at += cut ? 7 : 1) {
                mr_krb5_kdc_info info;
                mr_identity id;
                kdc k;
                kdc_init(&k, 18);
                alice(&id);
                give_secret(&id, &k, SECRET_KEY, false);
                mr_krb5_kdc *m = machine(&id, SERVICE);
                int rc = run_damaged(&k, m, types[t], at, cut, &len);
                mr_krb5_kdc_get_info(m, &info);
                if (rc < 0 && !info.bad_reply)
                    fail_msg("type %u, octet %zu, cut %d: %s", types[t], at, cut,
                             info.failure.text);
                if (rc < 0)
                    assert_false(info.failure.from_peer);
                blamed += rc < 0;
                mr_krb5_kdc_free(m);
                mr_identity_deinit(&id);
                kdc_deinit(&k);
            }
        }
    assert_true(blamed > 300);
}

/* The computer's name goes to the KDC as Windows gives it, unless a ticket is to be handed over. */
static void computer(void **state) {
    static const struct {
        const char *name, *wire;
        bool delegate;
    } rows[] = {
        {NULL, NULL, false},
        {"PC7", "PC7             ", false},
        {"ALONGERNAMETHANALL", "ALONGERNAMETHAN ", false},
        {"PC7", NULL, true},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_error err = MR_ERROR_INIT;
        mr_krb5_kdc_request request;
        mr_identity id;
        mr_krb5_kdc *m;
        alice(&id);
        assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT(PASSWORD), NULL), 0);
        id.delegate = rows[i].delegate;
        const mr_krb5_kdc_options o = {.identity = &id, .computer = rows[i].name};
        assert_int_equal(mr_krb5_kdc_new(&o, &m, &err), 0);
        assert_int_equal(mr_krb5_kdc_step(m, MR_SLICE_NULL, &request, &err), MR_KRB5_KDC_SEND);
        const char *want = rows[i].wire ? rows[i].wire : "PC7";
        const void *found = memmem(request.bytes.data, request.bytes.len, want, strlen(want));
        assert_int_equal(found != NULL, rows[i].wire != NULL);
        mr_krb5_kdc_free(m);
        mr_identity_deinit(&id);
    }
}

/* A KDC, or whoever pretends to be one, that wants the password hashed for seconds. */
static void costs(void **state) {
    static const struct {
        uint32_t count;
        enum secret secret;
        int result;
    } rows[] = {
        {4096, SECRET_PASSWORD, 0},
        {131072, SECRET_PASSWORD, MR_ERR_AUTH}, /* hashed, into another key than the KDC has */
        {131073, SECRET_PASSWORD, MR_ERR_LIMIT},
        {0x00ffffff, SECRET_PASSWORD, MR_ERR_LIMIT},
        {0, SECRET_PASSWORD, MR_ERR_LIMIT}, /* 2^32 */
        {0x00ffffff, SECRET_KEY, 0},        /* nothing is hashed */
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_error err = MR_ERROR_INIT;
        mr_identity id;
        kdc k;
        kdc_init(&k, 18);
        k.has_iterations = true;
        k.iterations = rows[i].count;
        alice(&id);
        give_secret(&id, &k, rows[i].secret, false);
        mr_krb5_kdc *m = machine(&id, SERVICE);
        assert_int_equal(run(&k, m, &err), rows[i].result);
        mr_krb5_kdc_free(m);
        mr_identity_deinit(&id);
        kdc_deinit(&k);
    }
}

/* Runs with a KDC that wants each of the first @stalls requests of @type again, by TCP. */
static int run_stalled(kdc *k, mr_krb5_kdc *m, uint8_t type, unsigned stalls, mr_error *err) {
    mr_krb5_kdc_request request;
    mr_krb_request r;
    mr_slice reply = MR_SLICE_NULL;
    int rc;

    while ((rc = mr_krb5_kdc_step(m, reply, &request, err)) == MR_KRB5_KDC_SEND) {
        assert_int_equal(mr_krb_request_decode(request.bytes, &r, err), 0);
        mr_buf_reset(&k->reply);
        if (r.type == type && stalls > 0) {
            stalls--;
            write_error(k, 52, MR_SLICE_NULL);
            reply = mr_buf_slice(&k->reply);
        } else {
            reply = answer(k, &request);
        }
    }
    return rc;
}

static void asked_again(void **state) {
    static const struct {
        uint8_t type;
        unsigned own;  /* requests without any that are asked again */
        uint32_t last; /* answer to the last that is allowed */
    } stages[] = {{MR_KRB_AS_REQ, 2, 25}, {MR_KRB_TGS_REQ, 1, 52}};
    (void)state;

    for (size_t i = 0; i < 2 * MR_COUNT(stages); i++) {
        unsigned own = stages[i / 2].own, over = i % 2;
        mr_error err = MR_ERROR_INIT;
        mr_krb5_kdc_info info;
        mr_identity id;
        kdc k;
        kdc_init(&k, 18);
        alice(&id);
        give_secret(&id, &k, SECRET_PASSWORD, false);
        mr_krb5_kdc *m = machine(&id, SERVICE);
        assert_int_equal(run_stalled(&k, m, stages[i / 2].type, MR_KRB5_KDC_REQUESTS - own + over,
                                     &err), over ? MR_ERR_LIMIT : 0);
        mr_krb5_kdc_get_info(m, &info);
        assert_int_equal(info.endless, over);
        assert_int_equal(info.failure.code, over ? stages[i / 2].last : MR_KRB5_NO_CODE);
        assert_int_equal(info.requests, MR_KRB5_KDC_REQUESTS + (over && own == 2 ? 0 : 3 - own));
        mr_krb5_kdc_free(m);
        mr_identity_deinit(&id);
        kdc_deinit(&k);
    }
}

/* What is longer than a UDP datagram's 1465 octets goes over TCP at once. */
static void long_requests(void **state) {
    static char user[1500 + sizeof "@" REALM];
    bool exactly = false;

    (void)state;
    for (size_t len = 1100; len < 1450; len++) {
        mr_krb5_kdc_request request;
        mr_error err = MR_ERROR_INIT;
        mr_identity id;
        memset(user, 'a', len);
        memcpy(user + len, "@" REALM, sizeof "@" REALM);
        assert_int_equal(mr_identity_init(&id, NULL), 0);
        assert_int_equal(mr_identity_set_name(&id, mr_slice_str(user), NULL), 0);
        assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT("x"), NULL), 0);
        mr_krb5_kdc *m = machine(&id, SERVICE);
        assert_int_equal(mr_krb5_kdc_step(m, MR_SLICE_NULL, &request, &err), MR_KRB5_KDC_SEND);
        assert_int_equal(request.tcp, request.bytes.len > 1465);
        exactly |= request.bytes.len == 1465;
        mr_krb5_kdc_free(m);
        mr_identity_deinit(&id);
    }
    assert_true(exactly);
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
        cmocka_unit_test(damaged),
        cmocka_unit_test(computer),
        cmocka_unit_test(costs),
        cmocka_unit_test(asked_again),
        cmocka_unit_test(long_requests),
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
