/*
 * Every allocation of a machine's way to its secure channel fails once, the client's and the
 * server's: nothing crashes or leaks, a channel stands whole or not at all, and the machine gets
 * one as soon as there is memory again.
 */
#define PATIENCE (200 * MR_MSEC)
#include "channels_world.h"

#include "no_memory.h"

/* A call over the sealed channel. */
static int call_sealed(struct fixture *f, const struct machine *m) {
    struct mr_netlogon_NetrLogonGetCapabilities args = {.QueryLevel = 1};
    uint16_t server[32], computer[32];
    mr_netlogon *channel = new_channel(m);
    mr_client *client = NULL;

    args.ServerName = wide("srv", server);
    args.ComputerName = wide(m->computer, computer);
    int r = channel ? 0 : MR_ERR_MEMORY;
    if (!r)
        r = open_client(f, channel, MR_AUTH_LEVEL_PRIVACY, &client);
    if (!r)
        r = mr_client_call(client, &mr_netlogon_iface, 21, &args, NULL);
    if (!r) /* an authenticator of zeros is none */
        assert_int_equal(args.result, 0xc0000022);
    mr_client_free(client);
    mr_netlogon_free(channel);
    return r;
}

static bool stands(const struct fixture *f, const struct machine *m) {
    mr_netlogon_key key;
    int r = mr_channels_find(f->channels, MR_SLICE_NULL, mr_slice_str(m->computer), &key, NULL);

    if (r == 0)
        assert_memory_equal(key.key, m->chain.key.key, sizeof key.key);
    return r == 0;
}

/* Whether there was an @nth allocation; 0: none fails. */
static bool attempt(size_t nth) {
    uint32_t status = 1;
    struct fixture f;
    struct machine m = pc7();

    setup(&f);
    fail_once(nth);
    int r = try_challenge(&f, &m);
    if (!r)
        r = try_prove(&f, &m, false, &status);
    if (!r && !status)
        r = call_sealed(&f, &m);
    bool failed = fail_end();
    if (!failed)
        assert_true(r == 0 && status == 0);
    assert_true(r != 0 || stands(&f, &m) == (status == 0));
    (void)stands(&f, &m); /* whole, if the answer alone was lost */
    assert_int_equal(enter(&f, &m), 0);
    assert_true(stands(&f, &m));
    assert_int_equal(call_sealed(&f, &m), 0);
    teardown(&f);
    return failed;
}

static void every_allocation(void **state) {
    size_t nth = 1;

    (void)state;
    assert_false(attempt(0));
    while (attempt(nth))
        nth++;
    assert_true(nth > 30);
}

/* The same by the library's own client: its outcome is told, and its second try stands. */
static bool attempt_logon(size_t nth) {
    mr_identity id;
    mr_logon *logon = NULL;
    struct fixture f;

    setup(&f);
    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_int_equal(mr_identity_set_name(&id, MR_SLICE_LIT("LAB\\PC7$"), NULL), 0);
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT("Machine.Pw-77"), NULL), 0);
    const mr_logon_options options = {
        .identity = &id, .mechanism = MR_LOGON_NETLOGON, .level = MR_AUTH_LEVEL_PRIVACY,
        .servers = &f.at, .server_count = 1, .kdc_timeout = PATIENCE};
    mr_security *security = NULL;
    fail_once(nth);
    int r = mr_logon_new(&f.loop, NULL, &options, &logon, NULL);
    if (!r)
        r = mr_logon_run(logon, NULL);
    if (!r)
        r = mr_logon_make(logon, &security, NULL);
    bool failed = fail_end();
    assert_true(failed || r == 0);
    if (logon)
        assert_false(mr_logon_get_report(logon)->refused);
    mr_logon_free(logon);
    logon = NULL;
    assert_int_equal(mr_logon_new(&f.loop, NULL, &options, &logon, NULL), 0);
    assert_int_equal(mr_logon_run(logon, NULL), 0);
    mr_logon_free(logon);
    mr_identity_deinit(&id);
    teardown(&f);
    return failed;
}

static void every_allocation_of_a_logon(void **state) {
    size_t nth = 1;

    (void)state;
    assert_false(attempt_logon(0));
    while (attempt_logon(nth))
        nth++;
    assert_true(nth > 40);
}

static void none_at_all(void **state) {
    mr_channels *channels = NULL;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    fail_once(1);
    int r = mr_channels_new(&channels, &err);
    assert_true(fail_end());
    assert_int_equal(r, MR_ERR_MEMORY);
    assert_true(!channels && *err.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_at_all),
        cmocka_unit_test(every_allocation),
        cmocka_unit_test(every_allocation_of_a_logon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
