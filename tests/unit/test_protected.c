/*
 * Client and server of ours under NTLM: every level with header signing and without, in fragments
 * of every size, further security contexts, steps taken by workers, who may call what, and what
 * becomes of a wrong password and of a file of accounts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/auth/ntlm.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/serve.h>

static const char users[] = "# who may\n"
                            "LAB\\alice:Secret.1\n"
                            "\r\n"
                            "bob:a4f49c406510bdcab6824ee7c30fd852\n";

struct fixture {
    mr_loop loop;
    mr_gate *gate;
    mr_server_acceptor acceptor;
    mr_server *server;
    mr_server_endpoint *endpoint;
    mr_client_options options;
    mr_identity identity;
    mr_client *client;
    mr_workers *workers;
    unsigned forgone;         /* of those that were made */
    unsigned made, given, denied;
    char user[64], mechanism[16];
    uint8_t level;
    size_t sids;
    char notice[128]; /* of a logon */
};

static void on_answered(void *user, const mr_server_record *record) {
    struct fixture *f = user;

    f->denied += record->denied;
    f->level = record->caller->level;
    f->sids = record->caller->sid_count;
    snprintf(f->user, sizeof f->user, "%s\\%s", record->caller->domain, record->caller->user);
    snprintf(f->mechanism, sizeof f->mechanism, "%s", record->caller->mechanism);
}

static void on_noticed(void *user, enum mr_server_notice what,
                       const mr_server_endpoint *endpoint, const mr_addr *peer,
                       const char *text) {
    struct fixture *f = user;

    (void)endpoint;
    (void)peer;
    if (what == MR_NOTICE_LOGON)
        snprintf(f->notice, sizeof f->notice, "%s", text);
}

static const mr_server_watcher watcher = {.answered = on_answered, .noticed = on_noticed};

static int make(void *user, mr_security **securityp, mr_error *err) {
    struct fixture *f = user;
    mr_ntlm_options options = {.role = MR_SECURITY_INITIATOR,
                               .level = f->options.security.level,
                               .now = 133000000000000000,
                               .entropy = {1, 2, 3},
                               .identity = &f->identity};
    mr_ntlm *ntlm;
    int r = mr_ntlm_new(&options, &ntlm, err);

    if (r)
        return r;
    f->made++;
    *securityp = mr_ntlm_get_security(ntlm);
    return 0;
}

static void give(void *user, mr_security *security) {
    struct fixture *f = user;

    f->given++;
    mr_ntlm_free((mr_ntlm *)security);
}

/* @user's no longer; counted when a worker is through with it. */
static mr_security_release detach(void *user, mr_security *security) {
    struct fixture *f = user;
    (void)security;

    f->forgone++;
    return (mr_security_release){give, user};
}

static void identify(struct fixture *f, const char *name, const char *password) {
    mr_identity_deinit(&f->identity);
    assert_int_equal(mr_identity_init(&f->identity, NULL), 0);
    assert_int_equal(mr_identity_set_name(&f->identity, mr_slice_str(name), NULL), 0);
    assert_int_equal(mr_identity_set_password(&f->identity, mr_slice_str(password), NULL), 0);
}

static void setup(struct fixture *f, bool blocking) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    mr_gate_options gate = {.names = {.computer = "HERE", .domain = "HERE", .standalone = true}};
    size_t count;

    memset(f, 0, sizeof *f);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_accounts_new(&gate.accounts, NULL), 0);
    assert_int_equal(mr_accounts_read(gate.accounts, mr_slice_str(users), "users", NULL), 0);
    assert_int_equal(mr_accounts_count(gate.accounts), 2);
    assert_int_equal(mr_gate_new(&gate, &f->gate, NULL), 0);
    f->acceptor = *mr_gate_get_acceptors(f->gate, &count);
    assert_int_equal(count, 2); /* NTLM, and by way of SPNEGO */
    f->acceptor.blocking = blocking;
    const mr_server_options options = {.acceptors = &f->acceptor, .acceptor_count = 1,
                                       .watcher = &watcher, .watcher_user = f};
    assert_int_equal(mr_server_new(&f->loop, &options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &f->endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_echo(f->endpoint, &f->loop, NULL), 0);
    f->options.connect.remote = *mr_server_endpoint_get_local(f->endpoint);
    f->options.timeout = 30 * MR_SEC;
    f->options.security = (mr_client_security){.make = make, .give = give, .user = f,
                                               .level = MR_AUTH_LEVEL_PRIVACY};
    identify(f, "LAB\\alice", "Secret.1");
}

static void teardown(struct fixture *f) {
    mr_client_free(f->client);
    assert_int_equal(f->made, f->given);
    mr_server_free(f->server);
    mr_workers_free(f->workers);
    mr_gate_free(f->gate);
    mr_identity_deinit(&f->identity);
    mr_loop_deinit(&f->loop);
}

static int open_client(struct fixture *f) {
    mr_client_free(f->client);
    f->client = NULL;
    assert_int_equal(mr_client_new(&f->loop, &f->options, &f->client, NULL), 0);
    return mr_client_open(f->client, &mr_rpcecho_iface.syntax, NULL);
}

static int add_one(struct fixture *f, uint32_t auth, uint32_t *faultp) {
    struct mr_rpcecho_echo_AddOne args = {.in_data = 41};
    mr_call call;

    assert_int_equal(mr_call_init(&call, &mr_rpcecho_iface, 0, &args, NULL), 0);
    call.auth = auth;
    int r = mr_call_run(&call, f->client, NULL);
    if (r == 0)
        assert_int_equal(args.out_data, 42);
    *faultp = call.fault;
    mr_call_deinit(&call);
    return r;
}

static void echo(struct fixture *f, uint32_t len) {
    static uint8_t octets[70000];
    struct mr_rpcecho_echo_EchoData args = {.len = len, .in_data = octets};

    for (uint32_t i = 0; i < len; i++)
        octets[i] = (uint8_t)(i * 7 + i / 256);
    assert_int_equal(mr_client_call(f->client, &mr_rpcecho_iface, 1, &args, NULL), 0);
    assert_memory_equal(args.out_data, octets, len);
    mr_client_release(f->client);
}

static void test_levels(void **state) {
    static const uint32_t sizes[] = {0, 1, 8, 15, 16, 17, 240, 256, 5800, 70000};
    static const uint16_t frags[] = {0, 1432, 2048, 65535};
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, false);
    for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level <= MR_AUTH_LEVEL_PRIVACY; level++)
        for (unsigned way = 0; way < 8; way++) {
            f.options.security.level = level;
            f.options.security.no_header_sign = way & 1;
            f.options.security.no_verification = way & 2;
            f.options.frag = frags[(level + way) % MR_COUNT(frags)];
            f.options.bind = way & 4 ? MR_BIND_WINDOWS : MR_BIND_PLAIN;
            assert_int_equal(open_client(&f), 0);
            for (size_t i = 0; i < MR_COUNT(sizes); i++)
                echo(&f, sizes[i]);
            assert_int_equal(add_one(&f, 0, &fault), 0);
            const mr_client_auth *auth = &mr_client_get_report(f.client)->auth;
            assert_true(auth->asked && auth->complete && auth->proven);
            assert_int_equal(auth->header_sign, !(way & 1));
            assert_int_equal(auth->trouble, MR_AUTH_TROUBLE_NONE);
            assert_int_equal(auth->type, MR_AUTH_NTLM);
            assert_int_equal(auth->level, f.level);
            assert_int_equal(f.level, level == MR_AUTH_LEVEL_CALL ? MR_AUTH_LEVEL_PACKET : level);
            assert_string_equal(f.user, "LAB\\alice");
            assert_string_equal(f.mechanism, auth->mechanism);
        }
    teardown(&f);
}

static void test_refused(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_PRIVACY};
    struct fixture f;
    (void)state;

    setup(&f, false);
    for (size_t i = 0; i < MR_COUNT(levels); i++) {
        uint32_t fault = 0;
        f.options.security.level = levels[i];
        identify(&f, "LAB\\alice", "Secret.2");
        assert_int_equal(open_client(&f), 0); /* auth3 has no answer */
        assert_int_equal(add_one(&f, 0, &fault), MR_ERR_FAULT);
        assert_int_equal(fault, MR_FAULT_ACCESS_DENIED);
        const mr_client_auth *auth = &mr_client_get_report(f.client)->auth;
        assert_int_equal(auth->trouble, MR_AUTH_TROUBLE_FAULT);
        assert_int_equal(auth->fault, MR_FAULT_ACCESS_DENIED);
        assert_false(auth->proven);
    }
    mr_client_free(f.client);
    f.client = NULL;
    const mr_server_options none = {.watcher = &watcher, .watcher_user = &f};
    mr_server_set_options(f.server, &none);
    assert_int_equal(open_client(&f), MR_ERR_BIND_REJECTED);
    assert_int_equal(mr_client_get_report(f.client)->auth.trouble, MR_AUTH_TROUBLE_NAK);
    assert_int_equal(mr_client_get_report(f.client)->nak_reason, MR_NAK_AUTH_TYPE);
    teardown(&f);
}

/* A provider without a level, a level without a provider: neither is a call by nobody. */
static void test_omitted(void **state) {
    struct fixture f;
    mr_error err;
    (void)state;

    setup(&f, false);
    f.options.security.level = 0;
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_open(f.client, &mr_rpcecho_iface.syntax, &err), MR_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "no level"));
    assert_int_equal(mr_client_get_report(f.client)->stage, MR_STAGE_IDLE);
    f.options.security = (mr_client_security){.level = MR_AUTH_LEVEL_PRIVACY};
    mr_client_free(f.client);
    assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
    assert_int_equal(mr_client_open(f.client, &mr_rpcecho_iface.syntax, &err), MR_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "no provider"));
    f.options.security.level = MR_AUTH_LEVEL_NONE;
    assert_int_equal(open_client(&f), 0);
    assert_false(mr_client_get_report(f.client)->auth.asked);
    assert_int_equal(f.made, 0);
    teardown(&f);
}

/* Who may call: by level, and nobody in particular. */
static void test_access(void **state) {
    const mr_server_access access = {.min_level = MR_AUTH_LEVEL_INTEGRITY};
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, false);
    assert_int_equal(mr_server_set_access(f.endpoint, &mr_rpcecho_iface.syntax, &access), 0);
    for (uint8_t level = MR_AUTH_LEVEL_NONE; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
        f.options.security.level = level;
        assert_int_equal(open_client(&f), 0);
        int r = add_one(&f, 0, &fault);
        assert_int_equal(r, level < MR_AUTH_LEVEL_INTEGRITY ? MR_ERR_FAULT : 0);
        if (r)
            assert_int_equal(fault, MR_FAULT_ACCESS_DENIED);
    }
    assert_int_equal(f.denied, 4);
    mr_identity_deinit(&f.identity);
    assert_int_equal(mr_identity_init(&f.identity, NULL), 0);
    f.identity.anonymous = true;
    if (open_client(&f) == 0)
        assert_int_equal(add_one(&f, 0, &fault), MR_ERR_FAULT);
    teardown(&f);
}

/* A caller is called as his account is, whatever he calls himself and his domain. */
static void test_callers(void **state) {
    static const struct {
        const char *name, *password, *called;
    } rows[] = {
        {"LAB\\alice", "Secret.1", "LAB\\alice"},
        {"lab\\ALICE", "Secret.1", "LAB\\alice"},
        {"EVIL\\bob", "Other.2", "HERE\\bob"},
        {"NT AUTHORITY\\BOB", "Other.2", "HERE\\bob"},
        {"bob", "Other.2", "HERE\\bob"},
    };
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, false);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        identify(&f, rows[i].name, rows[i].password);
        if (strstr(rows[i].name, "ob") || strstr(rows[i].name, "OB"))
            assert_int_equal(mr_identity_set_nt_hash(
                                 &f.identity, MR_SLICE_LIT("a4f49c406510bdcab6824ee7c30fd852"),
                                 NULL), 0);
        assert_int_equal(open_client(&f), 0);
        assert_int_equal(add_one(&f, 0, &fault), 0);
        assert_string_equal(f.user, rows[i].called);
    }
    teardown(&f);
}

/* Several security contexts on one connection, of different users and levels. */
static void test_several(void **state) {
    uint32_t fault, ids[3] = {0};
    struct fixture f;
    (void)state;

    setup(&f, false);
    f.options.bind = MR_BIND_WINDOWS;
    assert_int_equal(open_client(&f), 0);
    for (unsigned i = 1; i < 3; i++) {
        mr_client_security more = f.options.security;
        identify(&f, "bob", "Other.2");
        f.identity.has_password = false;
        assert_int_equal(mr_identity_set_nt_hash(&f.identity,
                                                 MR_SLICE_LIT("a4f49c406510bdcab6824ee7c30fd852"),
                                                 NULL), 0);
        more.level = i == 1 ? MR_AUTH_LEVEL_INTEGRITY : MR_AUTH_LEVEL_PACKET;
        f.options.security.level = more.level;
        assert_int_equal(mr_client_add_security(f.client, &more, NULL, NULL, &ids[i], NULL), 0);
        while (mr_client_get_report(f.client)->stage == MR_STAGE_BIND)
            assert_true(mr_loop_run(&f.loop, mr_clock_now() + 10 * MR_MSEC) >= 0);
        assert_int_equal(ids[i], i);
    }
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(add_one(&f, ids[i % 3], &fault), 0);
        assert_string_equal(strchr(f.user, '\\'), i % 3 ? "\\bob" : "\\alice");
        assert_int_equal(f.level, MR_AUTH_LEVEL_PRIVACY - i % 3);
    }
    teardown(&f);
}

/* The steps of both sides are taken by threads. */
static void test_workers(void **state) {
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, true);
    assert_int_equal(mr_workers_new(2, &f.workers, NULL), 0);
    f.options.security.workers = f.workers;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(open_client(&f), 0);
        assert_int_equal(add_one(&f, 0, &fault), 0);
    }
    /* forgotten at once, in the middle of its steps; one that is waited for stays the maker's */
    for (unsigned i = 0; i < 16; i++) {
        f.options.security.detach = i % 2 ? detach : NULL;
        mr_client_free(f.client);
        assert_int_equal(mr_client_new(&f.loop, &f.options, &f.client, NULL), 0);
        assert_int_equal(mr_client_start(f.client, &mr_rpcecho_iface.syntax, NULL, NULL, NULL), 0);
        for (unsigned k = 0; k < i / 2; k++)
            (void)mr_loop_run(&f.loop, mr_clock_now() + MR_MSEC / 4);
    }
    assert_true(f.forgone <= 8);
    mr_client_free(f.client);
    f.client = NULL;
    mr_workers_free(f.workers); /* the last steps give their providers back */
    f.workers = NULL;
    teardown(&f);
}

static void test_accounts(void **state) {
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"alice", "u:1:1: no colon between user and secret"},
        {"# one\n\nLAB\\alice:x\n:y\n", "u:4:1: no user before the colon"},
        {"LAB\\:x", "u:1:1: "},
    };
    mr_accounts *accounts;
    (void)state;

    assert_int_equal(mr_accounts_new(&accounts, NULL), 0);
    assert_int_equal(mr_accounts_read(accounts, mr_slice_str(users), "u", NULL), 0);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_error err = MR_ERROR_INIT;
        assert_int_equal(mr_accounts_read(accounts, mr_slice_str(rows[i].text), "u", &err),
                         MR_ERR_SYNTAX);
        assert_int_equal(strncmp(err.text, rows[i].told, strlen(rows[i].told)), 0);
        assert_int_equal(mr_accounts_count(accounts), 2); /* as before */
    }
    assert_int_equal(mr_accounts_read(accounts, MR_SLICE_LIT(""), "u", NULL), 0);
    assert_int_equal(mr_accounts_count(accounts), 0);
    mr_accounts_free(accounts);
}

/* ---- many accounts ---- */

static void test_most_accounts(void **state) {
    (void)state;
    for (unsigned count = MR_ACCOUNTS_MAX - 1; count <= MR_ACCOUNTS_MAX + 1; count++) {
        mr_error err = MR_ERROR_INIT;
        mr_accounts *accounts;
        uint8_t hash[16];
        char line[64];
        mr_buf text;
        mr_buf_init(&text, NULL, 0, 1 << 20);
        for (unsigned i = 0; i < count; i++) {
            snprintf(line, sizeof line, "u%u:a4f49c406510bdcab6824ee7c30fd8%02x\n", i, i & 255);
            mr_buf_write(&text, mr_slice_str(line));
        }
        assert_int_equal(mr_accounts_new(&accounts, NULL), 0);
        int r = mr_accounts_read(accounts, mr_buf_slice(&text), "users", &err);
        assert_int_equal(r, count <= MR_ACCOUNTS_MAX ? 0 : MR_ERR_LIMIT);
        assert_int_equal(mr_accounts_count(accounts), r ? 0 : count);
        if (r)
            assert_string_equal(err.text, "users:4097:1: more than 4096 accounts");
        snprintf(line, sizeof line, "U%u", count - 1);
        const uint8_t utf16[] = {(uint8_t)line[0], 0, (uint8_t)line[1], 0, (uint8_t)line[2], 0,
                                 (uint8_t)line[3], 0, (uint8_t)line[4], 0};
        assert_int_equal(mr_accounts_find(accounts, mr_slice_of(utf16, sizeof utf16),
                                          MR_SLICE_NULL, hash, NULL), r ? MR_ERR_NOT_FOUND : 0);
        if (!r)
            assert_int_equal(hash[15], (count - 1) & 255);
        mr_accounts_free(accounts);
        mr_buf_deinit(&text);
    }
}

/* ---- many groups ---- */

#define MOST 16384 /* SIDs that are kept of a caller */

static size_t told;

static void describe_many(void *user, void *login, mr_server_caller *caller) {
    static mr_sid sids[MOST + 1];

    (void)user;
    (void)login;
    caller->user = "alice";
    caller->domain = "LAB";
    caller->principal = caller->realm = "";
    caller->sids = sids;
    caller->sid_count = told;
}

/* Whoever is in more groups than are kept is nobody, and the server's keeper reads why. */
static void test_groups(void **state) {
    static const size_t counts[] = {0, 1, 3640, 3641, MOST - 1, MOST, MOST + 1};
    const mr_server_access access = {.min_level = MR_AUTH_LEVEL_INTEGRITY};
    uint32_t fault;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(counts); i++) {
        bool known = (told = counts[i]) <= MOST;
        struct fixture f;
        setup(&f, false);
        f.acceptor.describe = describe_many;
        assert_int_equal(mr_server_set_access(f.endpoint, &mr_rpcecho_iface.syntax, &access), 0);
        int r = open_client(&f);
        if (r == 0)
            r = add_one(&f, 0, &fault);
        assert_int_equal(r == 0, known);
        assert_string_equal(f.notice, known ? "" : "taken for nobody: 16385 SIDs, 16384 are the "
                                                   "most");
        assert_string_equal(f.user, known ? "LAB\\alice" : "\\");
        assert_int_equal(f.sids, known ? told : 0);
        teardown(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_omitted),
        cmocka_unit_test(test_access),  cmocka_unit_test(test_several),
        cmocka_unit_test(test_callers), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_workers), cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_most_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
