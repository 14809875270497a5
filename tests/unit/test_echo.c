/*
 * rpcecho over real sockets: every call, data of many fragments both ways, the memory that these
 * leave to the next call, and sleepers that hold up nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/serve.h>

#include <stdlib.h>

#include "../../src/rpc/client_private.h"
#include "../../src/rpc/server_private.h"

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_client *client;
};

static void setup(struct fixture *f, bool ndr64) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    mr_server_endpoint *endpoint;

    *f = (struct fixture){0};
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_server_new(&f->loop, &(mr_server_options){0}, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_echo(endpoint, &f->loop, NULL), 0);
    const mr_client_options options = {
        .connect = {.remote = *mr_server_endpoint_get_local(endpoint)},
        .timeout = PATIENCE,
        .bind = ndr64 ? MR_BIND_WINDOWS : MR_BIND_PLAIN,
        .ndr64 = ndr64,
    };
    assert_int_equal(mr_client_new(&f->loop, &options, &f->client, NULL), 0);
    assert_int_equal(mr_client_open(f->client, &mr_rpcecho_iface.syntax, NULL), 0);
}

static void teardown(struct fixture *f) {
    mr_client_free(f->client);
    mr_server_free(f->server);
    mr_loop_deinit(&f->loop);
}

static void ask(struct fixture *f, uint32_t opnum, void *args) {
    assert_int_equal(mr_client_call(f->client, &mr_rpcecho_iface, opnum, args, NULL), 0);
}

static void check_data(struct fixture *f, uint32_t len) {
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7);
    struct mr_rpcecho_echo_EchoData echo = {.len = len, .in_data = data};
    ask(f, 1, &echo);
    assert_memory_equal(echo.out_data, data, len);
    struct mr_rpcecho_echo_SinkData sink = {.len = len, .data = data};
    ask(f, 2, &sink);
    struct mr_rpcecho_echo_SourceData source = {.len = len};
    ask(f, 3, &source);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(source.data[i], i & 0xff);
    mr_client_release(f->client);
    free(data);
}

static void check_calls(bool ndr64) {
    static const uint32_t sizes[] = {0, 1, 4999, 65536, 3000000};
    uint16_t text[] = {'e', 'c', 'h', 'o', 0}, value = 4711, *one = &value, few[3] = {1, 2, 3};
    struct fixture f;

    setup(&f, ndr64);
    struct mr_rpcecho_echo_AddOne add = {.in_data = UINT32_MAX};
    ask(&f, 0, &add);
    assert_int_equal(add.out_data, 0);
    for (size_t i = 0; i < MR_COUNT(sizes); i++)
        check_data(&f, sizes[i]);
    struct mr_rpcecho_echo_TestCall test = {.s1 = text};
    ask(&f, 4, &test);
    assert_memory_equal(test.s2, text, sizeof text);
    struct mr_rpcecho_echo_TestCall2 call2 = {.level = 7};
    ask(&f, 5, &call2);
    assert_int_equal(call2.info.info7.v1, 80);
    assert_int_equal(call2.info.info7.info4.v, 90);
    struct mr_rpcecho_echo_TestSurrounding surrounding = {.data = {3, few}};
    ask(&f, 8, &surrounding);
    assert_int_equal(surrounding.data.x, 6);
    assert_int_equal(surrounding.data.surrounding[5], 0);
    struct mr_rpcecho_echo_TestDoublePointer pointer = {.data = &one};
    ask(&f, 9, &pointer);
    assert_int_equal(pointer.result, 4711);
    call2.level = 8;
    assert_int_equal(mr_client_call(f.client, &mr_rpcecho_iface, 5, &call2, NULL), MR_ERR_FAULT);
    struct mr_rpcecho_echo_SourceData huge = {.len = UINT32_MAX};
    assert_int_equal(mr_client_call(f.client, &mr_rpcecho_iface, 3, &huge, NULL), MR_ERR_FAULT);
    teardown(&f);
}

static void test_calls(void **state) {
    (void)state;
    check_calls(false);
    check_calls(true);
}

/* A large call's memory serves the next one, small or large, and is given back when none comes;
 * what is too large is not kept at all. */
static void test_memory(void **state) {
    static const uint32_t sizes[] = {1 << 20, 1, 1 << 20};
    const uint8_t *place = NULL;
    uint8_t *data = calloc(1, sizes[0]);
    bool kept = false;
    struct fixture f;

    (void)state;
    assert_non_null(data);
    setup(&f, false);
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        struct mr_rpcecho_echo_EchoData echo = {.len = sizes[i], .in_data = data};
        ask(&f, 1, &echo);
        if (place)
            assert_ptr_equal(echo.out_data, place);
        place = echo.out_data;
        assert_null(f.client->spare);
        mr_client_release(f.client);
        assert_non_null(f.client->spare);
        kept |= f.server->large != NULL;
    }
    free(data);
    assert_true(kept);
    mr_nsec patience = mr_clock_now() + PATIENCE;
    while ((f.client->spare || f.server->large) && mr_clock_now() < patience)
        mr_loop_run(&f.loop, mr_clock_now() + MR_SEC / 10);
    assert_null(f.client->spare);
    assert_null(f.server->large);
    struct mr_rpcecho_echo_SourceData source = {.len = 6000000};
    ask(&f, 3, &source);
    mr_client_release(f.client);
    assert_null(f.client->spare);
    assert_null(f.server->large);
    teardown(&f);
}

/* Two sleep for ever and one for a second; an ordinary call passes them all; then the client goes,
 * and nothing of the sleepers stays (the sanitizer would tell). */
static void test_sleep(void **state) {
    struct mr_rpcecho_echo_TestSleep args[] = {{.seconds = UINT32_MAX}, {.seconds = UINT32_MAX},
                                               {.seconds = 1}};
    struct fixture f;
    mr_call calls[2];
    mr_server_stats stats;

    (void)state;
    setup(&f, false);
    for (size_t i = 0; i < MR_COUNT(calls); i++) {
        assert_int_equal(mr_call_init(&calls[i], &mr_rpcecho_iface, 6, &args[i], NULL), 0);
        assert_int_equal(mr_call_start(&calls[i], f.client, NULL), 0);
    }
    struct mr_rpcecho_echo_AddOne add = {.in_data = 1};
    ask(&f, 0, &add);
    assert_int_equal(add.out_data, 2);
    ask(&f, 6, &args[2]);
    assert_int_equal(args[2].result, 1);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_now, 2);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_sleep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
