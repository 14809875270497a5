/* Logging on without memory: each allocation of ours fails once, the KDC being a process of its
 * own. Whatever fails, it ends with an outcome; the next attempt has its tickets. */
#include "dns_world.h"
#include "kdc_world.h"

#include "no_memory.h"

#include <msrpc/rpc/logon.h>

static kdc_manner manner = {.too_big = true}; /* UDP and TCP */
static struct dns_world dns;

static int attempt(mr_loop *loop, const mr_identity *id) {
    const mr_logon_options o = {
        .identity = id, .mechanism = MR_LOGON_NEGOTIATE, .level = MR_AUTH_LEVEL_PRIVACY,
        .host = "srv.test.example", .realm = REALM, .dns_server = dns.addrs[0]};
    mr_error err = MR_ERROR_INIT;
    mr_security *s = NULL;
    mr_logon *l = NULL;

    int rc = mr_logon_new(loop, NULL, &o, &l, &err);
    if (rc == 0)
        rc = mr_logon_run(l, &err);
    if (rc == 0)
        rc = mr_logon_make(l, &s, &err);
    if (rc == 0)
        mr_logon_give(l, s);
    assert_true(rc == 0 || err.text[0]);
    mr_logon_free(l);
    return rc;
}

static void every_allocation(void **state) {
    char srv[64];
    const struct dns_row rows[] = {
        {1, "_kerberos._udp.TEST.EXAMPLE", MR_DNS_SRV, 60, srv, 0, NULL},
        {1, "kdc.test.example", MR_DNS_A, 60, "127.0.0.1", 0, NULL},
    };
    mr_identity id;
    mr_loop loop;
    size_t n = 1, lost = 0;
    bool failed;
    (void)state;

    (void)snprintf(srv, sizeof srv, "0 0 %u kdc.test.example", manner.port);
    dns_world_open(&dns, rows, MR_COUNT(rows));
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_int_equal(mr_identity_set_name(&id, MR_SLICE_LIT(CLIENT_FULL), NULL), 0);
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT(PASSWORD), NULL), 0);
    do {
        fail_once(n++);
        int rc = attempt(&loop, &id);
        failed = fail_end();
        assert_true(failed || rc == 0);
        lost += rc < 0;
    } while (failed);
    assert_true(n > 10 && lost > 5);
    mr_identity_deinit(&id);
    mr_loop_deinit(&loop);
    dns_world_close(&dns);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    kdc k;

    setenv("KRB5_CONFIG", "/dev/null", 1);
    kdc_init(&k, 18);
    kdc_open(&k, &manner);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    kdc_close(&manner);
    kdc_deinit(&k);
    return rc;
}
