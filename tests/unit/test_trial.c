/*
 * A call under a logon and what its denial means, against a server of ours: which level is too low,
 * which account is refused, how many connections that takes, and that a wrong password is shown
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/probe/trial.h>
#include <msrpc/serve.h>

#define ACCESS_DENIED 5

struct fixture {
    mr_loop loop;
    mr_arena arena;
    mr_gate *gate;
    mr_server *server;
    mr_server_endpoint *endpoint;
    mr_identity identity;
    mr_logon *logon;
    mr_trial trial;
    mr_diag diag;
    unsigned connections; /* each is a logon */
    bool over;
};

static void on_noticed(void *user, enum mr_server_notice what, const mr_server_endpoint *endpoint,
                       const mr_addr *peer, const char *text) {
    struct fixture *f = user;

    (void)endpoint;
    (void)peer;
    (void)text;
    f->connections += what == MR_NOTICE_CONNECTED;
}

static const mr_server_watcher watcher = {.noticed = on_noticed};

static void setup(struct fixture *f, uint8_t min_level) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    const mr_server_access access = {.anonymous = true, .min_level = min_level};
    mr_gate_options gate = {.names = {.computer = "HERE", .domain = "HERE", .standalone = true}};
    mr_server_options options = {.watcher = &watcher, .watcher_user = f};

    *f = (struct fixture){0};
    mr_arena_init(&f->arena, (size_t)16 << 20);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_accounts_new(&gate.accounts, NULL), 0);
    assert_int_equal(mr_accounts_read(gate.accounts, mr_slice_str("LAB\\alice:Secret.1\n"), "users",
                                      NULL), 0);
    assert_int_equal(mr_gate_new(&gate, &f->gate, NULL), 0);
    options.acceptors = mr_gate_get_acceptors(f->gate, &options.acceptor_count);
    assert_int_equal(mr_server_new(&f->loop, &options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &f->endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_echo(f->endpoint, &f->loop, NULL), 0);
    assert_int_equal(mr_serve_add_mgmt(f->endpoint, NULL), 0);
    assert_int_equal(mr_server_set_access(f->endpoint, &mr_rpcecho_iface.syntax, &access), 0);
}

static void forget(struct fixture *f) {
    mr_trial_deinit(&f->trial);
    f->trial = (mr_trial){0};
    mr_logon_free(f->logon);
    f->logon = NULL;
    mr_identity_deinit(&f->identity);
}

static void teardown(struct fixture *f) {
    forget(f);
    mr_server_free(f->server);
    mr_gate_free(f->gate);
    mr_loop_deinit(&f->loop);
    mr_arena_deinit(&f->arena);
}

static void on_done(void *user, mr_trial *trial) {
    struct fixture *f = user;

    (void)trial;
    f->over = true;
    mr_loop_stop(&f->loop);
}

static mr_logon_seen seen_of(struct fixture *f) {
    return (mr_logon_seen){
        .diag = &f->diag,
        .check = "AUTH.LOGON",
        .logon = f->logon,
        .who = "LAB\\alice",
        .client = f->trial.client,
        .addr = &f->trial.connect.connect.remote,
        .port = f->trial.connect.connect.remote.port,
        .interface = "rpcecho",
        .opnum = MR_TRIAL_OPNUM,
    };
}

/* One trial; what the rules make of it is in f->diag. */
static void try_as(struct fixture *f, enum mr_logon_mechanism mechanism, uint8_t level,
                   const char *password, uint32_t denied) {
    mr_logon_options options = {.identity = &f->identity, .mechanism = mechanism, .level = level};

    forget(f);
    assert_int_equal(mr_identity_init(&f->identity, NULL), 0);
    assert_int_equal(mr_identity_set_name(&f->identity, mr_slice_str("LAB\\alice"), NULL), 0);
    assert_int_equal(mr_identity_set_password(&f->identity, mr_slice_str(password), NULL), 0);
    assert_int_equal(mr_logon_new(&f->loop, NULL, &options, &f->logon, NULL), 0);
    assert_int_equal(mr_logon_run(f->logon, NULL), 0);
    f->trial = (mr_trial){
        .loop = &f->loop,
        .connect = {.connect.remote = *mr_server_endpoint_get_local(f->endpoint),
                    .timeout = 30 * MR_SEC},
        .logon = f->logon,
        .interface = mr_rpcecho_iface.syntax,
        .name = "rpcecho",
        .level = level,
        .known = denied != 0,
        .denied = denied,
        .done = on_done,
        .user = f,
    };
    f->connections = 0;
    f->over = false;
    assert_int_equal(mr_trial_start(&f->trial, NULL), 0);
    while (!f->over)
        assert_int_not_equal(mr_loop_run(&f->loop, MR_NSEC_NEVER), MR_LOOP_IDLE);
    assert_int_equal(mr_diag_init(&f->diag, &f->arena, "localhost", NULL), 0);
    mr_logon_seen seen = seen_of(f);
    if (f->trial.end == MR_TRIAL_FAILED && f->trial.client)
        mr_logon_seen_add_failed(&seen, f->trial.result, &f->trial.error);
    else if (f->trial.client)
        mr_trial_add_facts(&f->trial, &seen);
    assert_int_equal(mr_diag_run(&f->diag), 0);
}

static const char *found(const struct fixture *f) {
    const mr_finding *finding = mr_diag_get_verdict(&f->diag)->finding;

    return finding ? finding->id : "";
}

static const enum mr_logon_mechanism mechanisms[] = {MR_LOGON_NTLM, MR_LOGON_NEGOTIATE};

static void test_level(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_AUTH_LEVEL_PRIVACY);
    for (size_t m = 0; m < MR_COUNT(mechanisms); m++)
        for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
            bool low = level < MR_AUTH_LEVEL_PRIVACY;
            try_as(&f, mechanisms[m], level, "Secret.1", 0);
            assert_int_equal(f.trial.end, low ? MR_TRIAL_LOW : MR_TRIAL_SERVED);
            assert_string_equal(found(&f), low ? "RPC.LEVEL_LOW" : "");
            assert_int_equal(f.connections, low ? 2 : 1);
        }
    teardown(&f);
}

static void test_served(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_AUTH_LEVEL_NONE);
    for (size_t m = 0; m < MR_COUNT(mechanisms); m++)
        for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
            bool bare = mechanisms[m] == MR_LOGON_NTLM && level == MR_AUTH_LEVEL_CONNECT;
            try_as(&f, mechanisms[m], level, "Secret.1", 0);
            assert_int_equal(f.trial.end, MR_TRIAL_SERVED);
            assert_string_equal(found(&f), "");
            assert_int_equal(f.connections, bare ? 2 : 1); /* privacy first: it proves him */
        }
    teardown(&f);
}

/* Whatever the interface wants, and at connect too, where nothing proves a password. */
static void test_refused(void **state) {
    static const uint8_t wanted[] = {MR_AUTH_LEVEL_NONE, MR_AUTH_LEVEL_PRIVACY};
    struct fixture f;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(wanted); i++) {
        setup(&f, wanted[i]);
        for (size_t m = 0; m < MR_COUNT(mechanisms); m++)
            for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
                try_as(&f, mechanisms[m], level, "Wrong.1", 0);
                mr_logon_seen seen = seen_of(&f);
                assert_int_equal(f.trial.end, MR_TRIAL_FAILED);
                assert_string_not_equal(found(&f), "");
                assert_string_not_equal(found(&f), "RPC.LEVEL_LOW");
                assert_string_not_equal(found(&f), "RPC.ACCESS_DENIED");
                assert_true(mr_logon_seen_is_refused(&seen));
                assert_int_equal(f.connections, 1);
            }
        teardown(&f);
    }
}

/* Somebody else's call was denied: only privacy is left to try. */
static void test_denied_before(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_AUTH_LEVEL_PRIVACY);
    try_as(&f, MR_LOGON_NTLM, MR_AUTH_LEVEL_CONNECT, "Secret.1", ACCESS_DENIED);
    assert_int_equal(f.trial.end, MR_TRIAL_LOW);
    assert_int_equal(f.connections, 1);
    assert_string_equal(found(&f), "RPC.LEVEL_LOW");

    /* where it cannot be tried, what was denied stays denied */
    mr_addr gone = *mr_server_endpoint_get_local(f.endpoint);
    mr_server_free(f.server);
    f.server = NULL;
    mr_trial *t = &f.trial;
    mr_trial_deinit(t);
    t->denied = ACCESS_DENIED;
    t->connect.connect.remote = gone;
    f.over = false;
    assert_int_equal(mr_trial_start(t, NULL), 0);
    while (!f.over)
        assert_int_not_equal(mr_loop_run(&f.loop, MR_NSEC_NEVER), MR_LOOP_IDLE);
    assert_int_equal(t->end, MR_TRIAL_DENIED);
    assert_int_equal(t->denied_at, MR_AUTH_LEVEL_CONNECT);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_served),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_denied_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
