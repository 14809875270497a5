/*
 * Who may call a server and how much of it one may have: RestrictRemoteClients, minimum levels,
 * association groups, what the watcher is told, adopted sockets, endpoints that close, and the
 * shutdown PDU that ends a connection.
 */
#include "test_server.h"

#include <sys/socket.h>
#include <unistd.h>

#define NOTICES 16

struct seen {
    unsigned answered;
    mr_server_record last;
    unsigned noticed[NOTICES];
    char text[200];
};

static void on_answered(void *user, const mr_server_record *record) {
    struct seen *seen = user;
    seen->answered++;
    seen->last = *record;
}

static void on_noticed(void *user, enum mr_server_notice what,
                       const mr_server_endpoint *endpoint, const mr_addr *peer, const char *text) {
    struct seen *seen = user;
    assert_non_null(endpoint);
    assert_int_equal(peer->family, MR_FAMILY_IPV4);
    assert_true(what < NOTICES);
    seen->noticed[what]++;
    if (*text)
        strncpy(seen->text, text, sizeof seen->text - 1);
}

static const mr_server_watcher watcher = {on_answered, on_noticed};

static mr_client *open_at(struct fixture *f, const mr_addr *at, const mr_syntax *syntax, int want) {
    mr_client_options options = {.connect.remote = *at, .timeout = PATIENCE};
    mr_client *client;

    assert_int_equal(mr_client_new(&f->loop, &options, &client, NULL), 0);
    assert_int_equal(mr_client_open(client, syntax, NULL), want);
    return client;
}

static mr_client *open_mgmt(struct fixture *f) {
    return open_at(f, mr_server_endpoint_get_local(f->endpoint), &mr_mgmt_iface.syntax, 0);
}

/* is_server_listening; the fault it gets, 0 for an answer. */
static uint32_t ask(mr_client *client) {
    struct mr_mgmt_is_server_listening args = {0};
    mr_call call;

    assert_int_equal(mr_call_init(&call, &mr_mgmt_iface, 2, &args, NULL), 0);
    int r = mr_call_run(&call, client, NULL);
    uint32_t fault = call.fault;
    if (r)
        assert_true(call.did_not_execute);
    mr_call_deinit(&call);
    assert_int_equal(r, fault ? MR_ERR_FAULT : 0);
    return fault;
}

static void test_restrict(void **state) {
    static const struct {
        enum mr_restrict restrict_remote;
        mr_server_access access;
        uint32_t fault;
    } rows[] = {
        {MR_RESTRICT_NONE, {false, 0}, 0},
        {MR_RESTRICT_NONE, {false, MR_AUTH_LEVEL_NONE}, 0},
        {MR_RESTRICT_NONE, {true, MR_AUTH_LEVEL_CONNECT}, MR_FAULT_ACCESS_DENIED},
        {MR_RESTRICT_NONE, {true, MR_AUTH_LEVEL_PRIVACY}, MR_FAULT_ACCESS_DENIED},
        {MR_RESTRICT_DEFAULT, {false, 0}, MR_FAULT_ACCESS_DENIED},
        {MR_RESTRICT_DEFAULT, {true, 0}, 0},
        {MR_RESTRICT_DEFAULT, {true, MR_AUTH_LEVEL_PRIVACY}, MR_FAULT_ACCESS_DENIED},
        {MR_RESTRICT_HIGH, {false, 0}, MR_FAULT_ACCESS_DENIED},
        {MR_RESTRICT_HIGH, {true, 0}, MR_FAULT_ACCESS_DENIED},
    };
    struct fixture f;
    struct seen seen = {0};
    mr_server_options options = {.watcher = &watcher, .watcher_user = &seen};
    mr_server_stats stats;
    unsigned denied = 0;
    (void)state;

    setup(&f, &options);
    mr_client *client = open_mgmt(&f);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        options.restrict_remote = rows[i].restrict_remote;
        mr_server_set_options(f.server, &options);
        assert_int_equal(mr_server_set_access(f.endpoint, &mr_mgmt_iface.syntax, &rows[i].access),
                         0);
        assert_int_equal(ask(client), rows[i].fault);
        assert_int_equal(seen.answered, i + 1);
        assert_int_equal(seen.last.status, rows[i].fault);
        assert_int_equal(seen.last.denied, rows[i].fault != 0);
        assert_int_equal(seen.last.opnum, 2);
        assert_ptr_equal(seen.last.served->iface, &mr_mgmt_iface);
        assert_int_equal(seen.last.out > 0, rows[i].fault == 0);
        denied += rows[i].fault != 0;
    }
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.denied, denied);
    assert_int_equal(stats.faults, denied);
    assert_true(stats.octets_in > 0 && stats.octets_out > 0);
    mr_syntax other = mr_mgmt_iface.syntax;
    other.major++;
    assert_int_equal(mr_server_set_access(f.endpoint, &other, &rows[0].access), MR_ERR_NOT_FOUND);
    mr_client_free(client);
    run_until_connections(&f, 0);
    assert_int_equal(seen.noticed[MR_NOTICE_CONNECTED], 1);
    assert_int_equal(seen.noticed[MR_NOTICE_CLOSED], 1);
    teardown(&f);
}

static void test_groups(void **state) {
    struct fixture f;
    struct seen seen = {0};
    (void)state;

    setup(&f, &(mr_server_options){.max_groups = 2, .watcher = &watcher, .watcher_user = &seen});
    mr_client *a = open_mgmt(&f), *b = open_mgmt(&f);
    mr_client *c = open_at(&f, mr_server_endpoint_get_local(f.endpoint), &mr_mgmt_iface.syntax,
                           MR_ERR_BIND_REJECTED);
    assert_int_equal(seen.noticed[MR_NOTICE_NO_ASSOCIATION], 1);
    mr_client_free(c);
    mr_client_free(a);
    run_until_connections(&f, 1);
    a = open_mgmt(&f); /* a place is free again */
    mr_client_free(a);
    mr_client_free(b);
    teardown(&f);
}

static void test_notices(void **state) {
    struct fixture f;
    struct seen seen = {0};
    (void)state;

    setup(&f, &(mr_server_options){.max_connections = 1, .idle_timeout = 20 * MR_MSEC,
                                   .watcher = &watcher, .watcher_user = &seen});
    mr_client *client = open_mgmt(&f);
    run_until_connections(&f, 0);
    assert_int_equal(seen.noticed[MR_NOTICE_IDLE], 1);
    assert_int_equal(seen.noticed[MR_NOTICE_CLOSED], 0); /* one reason */
    mr_client_free(client);
    mr_server_stats stats;
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.timeouts, 1);
    assert_int_equal(stats.connections_now, 0);
    teardown(&f);
}

/* Closing an endpoint frees its port and leaves its connections; an adopted socket serves. */
static void test_endpoints(void **state) {
    struct fixture f;
    mr_server_endpoint *adopted;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;

    setup(&f, &(mr_server_options){0});
    const mr_addr at = *mr_server_endpoint_get_local(f.endpoint);
    mr_client *client = open_mgmt(&f);
    assert_int_equal(mr_server_add_endpoint(f.server, &(mr_listen_options){.fd = fd}, &adopted,
                                            NULL), MR_ERR_ARGUMENT);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(mr_server_add_endpoint(f.server, &(mr_listen_options){.fd = fd}, &adopted,
                                            NULL), 0);
    const mr_server_iface mgmt = {&mr_mgmt_iface, mr_mgmt_iface_rows, 3, &mgmt_bodies, &f};
    assert_int_equal(mr_server_add_iface(adopted, &mgmt, NULL), 0);
    mr_addr there = at;
    there.port = mr_server_endpoint_get_local(adopted)->port;
    mr_client *other = open_at(&f, &there, &mr_mgmt_iface.syntax, 0);
    assert_int_equal(ask(other), 0);
    mr_client_free(other);

    mr_server_endpoint_close(f.endpoint);
    mr_server_endpoint_close(f.endpoint);
    assert_int_equal(ask(client), 0);
    other = open_at(&f, &at, &mr_mgmt_iface.syntax, MR_ERR_REFUSED);
    mr_client_free(other);
    mr_client_free(client);
    teardown(&f);
}

static void on_drained(void *user) {
    ++*(unsigned *)user;
}

/* An idle client is asked to go before its connection ends. */
static void test_shutdown(void **state) {
    struct fixture f;
    unsigned drained = 0;
    mr_call call;
    struct mr_mgmt_is_server_listening args = {0};
    mr_error err = MR_ERROR_INIT;
    (void)state;

    setup(&f, &(mr_server_options){0});
    mr_client *client = open_mgmt(&f);
    mr_server_drain(f.server, on_drained, &drained);
    assert_int_equal(mr_call_init(&call, &mr_mgmt_iface, 2, &args, NULL), 0);
    assert_int_equal(mr_call_run(&call, client, &err), MR_ERR_CLOSED);
    assert_non_null(strstr(err.text, "asked for the connection to be closed"));
    mr_call_deinit(&call);
    mr_client_free(client);
    run_until(&f, &drained, 1);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restrict), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_notices),  cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
