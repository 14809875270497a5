/* Kerberos without memory: each allocation of ours fails once, in every role and in the exchange
 * with the KDC; nothing is lost and the next attempt succeeds. */
#include "krb5_world.h"

#include "no_memory.h"

/* The three legs; 0 or the first negative result. */
static int converse(mr_krb5 *client, mr_krb5 *server, mr_krb5 *tap) {
    mr_security *c = mr_krb5_get_security(client), *s = mr_krb5_get_security(server);
    mr_security *t = mr_krb5_get_security(tap);
    uint8_t rooms[2][4096];
    mr_buf a, b;
    int rc;

    mr_buf_init(&a, rooms[0], sizeof rooms[0], sizeof rooms[0]);
    mr_buf_init(&b, rooms[1], sizeof rooms[1], sizeof rooms[1]);
    for (int leg = 0; leg < 2; leg++) {
        mr_buf_reset(&b);
        if ((rc = c->class->step(c, MR_DIR_TO_CLIENT, mr_buf_slice(&a), &b, NULL)) < 0 ||
            (rc = t->class->step(t, MR_DIR_TO_SERVER, mr_buf_slice(&b), NULL, NULL)) < 0)
            return rc;
        mr_buf_reset(&a);
        if ((rc = s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&b), &a, NULL)) < 0)
            return rc;
        if (leg == 0 &&
            (rc = t->class->step(t, MR_DIR_TO_CLIENT, mr_buf_slice(&a), NULL, NULL)) < 0)
            return rc;
    }
    return 0;
}

static int attempt(krb5_world *w) {
    mr_krb5_options o = {.level = MR_AUTH_LEVEL_PRIVACY, .service = SERVICE_FULL,
                         .ccache = w->cache_name, .keytab = w->table_name, .entropy = {1}};
    mr_krb5 *sides[3] = {NULL};
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++) {
        o.role = (enum mr_security_role)i;
        rc = mr_krb5_new(&o, &sides[i], NULL);
    }
    if (rc == 0)
        rc = converse(sides[MR_SECURITY_INITIATOR], sides[MR_SECURITY_ACCEPTOR],
                      sides[MR_SECURITY_OBSERVER]);
    for (int i = 0; i < 3; i++)
        mr_krb5_free(sides[i]);
    return rc;
}

static void contexts(void **state) {
    krb5_world w;
    size_t n = 1;
    bool failed;
    (void)state;

    krb5_world_init(&w, 18);
    do {
        fail_once(n++);
        int rc = attempt(&w);
        failed = fail_end();
        assert_true(failed ? rc < 0 : rc == 0);
    } while (failed);
    assert_true(n > 4);
    krb5_world_deinit(&w);
}

static int ask(mr_identity *id) {
    mr_krb5_kdc_options o = {.identity = id, .service = SERVICE};
    mr_krb5_kdc_request request;
    mr_krb5_kdc *kdc = NULL;
    int rc = mr_krb5_kdc_new(&o, &kdc, NULL);

    if (rc == 0)
        rc = mr_krb5_kdc_step(kdc, MR_SLICE_NULL, &request, NULL);
    mr_krb5_kdc_free(kdc);
    return rc;
}

static void exchange(void **state) {
    mr_identity id;
    size_t n = 1;
    bool failed;
    (void)state;

    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_int_equal(mr_identity_set_name(&id, MR_SLICE_LIT(CLIENT_FULL), NULL), 0);
    assert_int_equal(mr_identity_set_nt_hash(
        &id, MR_SLICE_LIT("0123456789abcdef0123456789abcdef"), NULL), 0);
    do {
        fail_once(n++);
        int rc = ask(&id);
        failed = fail_end();
        assert_true(rc < 0 || rc == MR_KRB5_KDC_SEND);
        assert_true(failed || rc == MR_KRB5_KDC_SEND);
    } while (failed);
    assert_true(n > 2);
    mr_identity_deinit(&id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts),
        cmocka_unit_test(exchange),
    };
    setenv("KRB5_CONFIG", "/dev/null", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
