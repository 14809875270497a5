/*
 * Mocks over real sockets: values, faults, replies in turn, replies that do not fit the request,
 * methods without one, and every mistake a file can make told before anybody calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/serve.h>

#include <stdio.h>
#include <string.h>

#include "tokens.h"

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_client *client;
    mr_arena arena;
    mr_mock mock;
    /* what it was told */
    unsigned seen;
    uint32_t in_data;
    uint32_t status;
    char error[200];
};

static const mr_token *json(struct fixture *f, const char *text) {
    const mr_token *token;
    mr_error err = MR_ERROR_INIT;

    if (app_tokens_decode(mr_slice_str(text), &f->arena, &token, &err) != 0)
        fail_msg("%s", err.text);
    return token;
}

static void seen(void *user, const mr_server_call *call, uint32_t status, const mr_error *err) {
    struct fixture *f = user;

    f->seen++;
    if (call->proc->opnum == 0)
        f->in_data = ((const struct mr_rpcecho_echo_AddOne *)call->args)->in_data;
    f->status = status;
    snprintf(f->error, sizeof f->error, "%s", err->code ? err->text : "");
}

static void setup(struct fixture *f, const char *replies, const char *fallback) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    mr_server_endpoint *endpoint;
    mr_error err = MR_ERROR_INIT;

    *f = (struct fixture){0};
    mr_arena_init(&f->arena, 1 << 20);
    if (mr_mock_init(&f->mock, &mr_rpcecho_iface, json(f, replies),
                     fallback ? json(f, fallback) : NULL, &err) != 0)
        fail_msg("%s", err.text);
    f->mock.seen = seen;
    f->mock.user = f;
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_server_new(&f->loop, &(mr_server_options){0}, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_mock(endpoint, &f->mock, NULL), 0);
    const mr_client_options options = {
        .connect = {.remote = *mr_server_endpoint_get_local(endpoint)}, .timeout = PATIENCE};
    assert_int_equal(mr_client_new(&f->loop, &options, &f->client, NULL), 0);
    assert_int_equal(mr_client_open(f->client, &mr_rpcecho_iface.syntax, NULL), 0);
}

static void teardown(struct fixture *f) {
    mr_client_free(f->client);
    mr_server_free(f->server);
    mr_loop_deinit(&f->loop);
    mr_mock_deinit(&f->mock);
    mr_arena_deinit(&f->arena);
}

static int add_one(struct fixture *f, uint32_t in, uint32_t *outp, uint32_t *faultp) {
    struct mr_rpcecho_echo_AddOne args = {.in_data = in};
    mr_error err = MR_ERROR_INIT;
    int r = mr_client_call(f->client, &mr_rpcecho_iface, 0, &args, &err);

    *outp = args.out_data;
    *faultp = err.peer;
    return r;
}

static void test_values(void **state) {
    struct fixture f;
    uint32_t out, fault;

    (void)state;
    setup(&f, "{\"echo_addone\": {\"out_data\": 4711}}", NULL);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(add_one(&f, i, &out, &fault), 0);
        assert_int_equal(out, 4711);
        assert_int_equal(f.in_data, i);
        assert_int_equal(f.status, 0);
        assert_int_equal(f.seen, i + 1);
    }
    teardown(&f);
}

/* A method by its opnum; several replies, of which the last one stays. */
static void test_in_turn(void **state) {
    static const struct {
        int result;
        uint32_t out, fault;
    } wanted[] = {{0, 1, 0}, {MR_ERR_FAULT, 0, 5}, {MR_ERR_FAULT, 0, 0x1c000001}, {0, 2, 0},
                  {0, 2, 0}};
    struct fixture f;
    uint32_t out, fault;

    (void)state;
    setup(&f, "{\"0\": [{\"out_data\": 1}, 5, \"0x1c000001\", {\"out_data\": \"0x2\"}]}", NULL);
    for (size_t i = 0; i < MR_COUNT(wanted); i++) {
        assert_int_equal(add_one(&f, 7, &out, &fault), wanted[i].result);
        if (wanted[i].result == 0)
            assert_int_equal(out, wanted[i].out);
        assert_int_equal(fault, wanted[i].fault);
        assert_int_equal(f.status, wanted[i].fault);
    }
    teardown(&f);
}

/* Without a reply a method is not there, or has the fault that all have. */
static void test_default(void **state) {
    static const struct {
        const char *fallback;
        uint32_t fault;
    } cases[] = {
        {NULL, MR_FAULT_OP_RNG_ERROR}, {"\"ERROR_ACCESS_DENIED\"", 5},
        {"\"nca_s_fault_ndr\"", 0},    {"1717", 1717},
    };
    struct fixture f;
    uint32_t out, fault;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        setup(&f, "{\"echo_EchoData\": {\"out_data\": \"\"}}", cases[i].fallback);
        assert_int_equal(add_one(&f, 7, &out, &fault), MR_ERR_FAULT);
        if (cases[i].fault)
            assert_int_equal(fault, cases[i].fault);
        assert_int_equal(f.seen, 1);
        teardown(&f);
    }
}

/* A reply whose size the request tells: good for one that asks for as much, else a fault. */
static void test_misfit(void **state) {
    struct mr_rpcecho_echo_SourceData args = {.len = 4};
    mr_error err = MR_ERROR_INIT;
    struct fixture f;

    (void)state;
    setup(&f, "{\"echo_SourceData\": {\"data\": \"00010203\"}}", NULL);
    assert_int_equal(mr_client_call(f.client, &mr_rpcecho_iface, 3, &args, NULL), 0);
    assert_memory_equal(args.data, "\0\1\2\3", 4);
    args = (struct mr_rpcecho_echo_SourceData){.len = 3};
    assert_int_equal(mr_client_call(f.client, &mr_rpcecho_iface, 3, &args, &err), MR_ERR_FAULT);
    assert_int_equal(err.peer, MR_FAULT_UNSPEC);
    assert_int_equal(f.status, MR_FAULT_UNSPEC);
    assert_non_null(strstr(f.error, "data"));
    teardown(&f);
}

/* Other replies for a mock that is on offer: the bind stays, a method may come and go. */
static void test_taken(void **state) {
    struct fixture f;
    mr_mock next;
    uint32_t out, fault;

    (void)state;
    setup(&f, "{\"echo_AddOne\": {\"out_data\": 1}}", NULL);
    assert_int_equal(add_one(&f, 0, &out, &fault), 0);
    assert_int_equal(out, 1);
    assert_int_equal(mr_mock_init(&next, &mr_rpcecho_iface, json(&f, "{}"), NULL, NULL), 0);
    mr_mock_take(&f.mock, &next);
    assert_int_equal(add_one(&f, 0, &out, &fault), MR_ERR_FAULT);
    assert_int_equal(fault, MR_FAULT_OP_RNG_ERROR);
    assert_int_equal(mr_mock_init(&next, &mr_rpcecho_iface,
                                  json(&f, "{\"echo_AddOne\": {\"out_data\": 2}}"), NULL, NULL), 0);
    mr_mock_take(&f.mock, &next);
    assert_int_equal(add_one(&f, 0, &out, &fault), 0);
    assert_int_equal(out, 2);
    teardown(&f);
}

static void test_mistakes(void **state) {
    static const struct {
        const char *replies, *fallback;
        const char *says;
    } cases[] = {
        {"[]", NULL, "replies: an object is wanted, not an array"},
        {"{\"Nobody\": {}}", NULL, "replies.Nobody: rpcecho has no compiled method"},
        {"{\"77\": {}}", NULL, "replies.77: rpcecho has no compiled method"},
        {"{\"echo_AddOne\": {}}", NULL, "replies.echo_AddOne: out_data"},
        {"{\"echo_AddOne\": {\"out_data\": -1}}", NULL, "replies.echo_AddOne: out_data"},
        {"{\"echo_AddOne\": {\"out_data\": 1, \"x\": 2}}", NULL, "replies.echo_AddOne: "},
        {"{\"echo_AddOne\": [{\"out_data\": 1}, {}]}", NULL, "replies.echo_AddOne: out_data"},
        {"{\"echo_AddOne\": []}", NULL, "replies.echo_AddOne: an empty list"},
        {"{\"echo_AddOne\": [[5]]}", NULL, "replies.echo_AddOne: a reply is an object"},
        {"{\"echo_AddOne\": null}", NULL, "replies.echo_AddOne: a reply is an object"},
        {"{\"echo_AddOne\": 0}", NULL, "replies.echo_AddOne: a reply is an object"},
        {"{\"echo_AddOne\": \"NO_SUCH_SYMBOL\"}", NULL, "replies.echo_AddOne: a reply is an"},
        {"{\"0\": 5, \"echo_AddOne\": 5}", NULL, "replies.echo_AddOne: the method has a reply"},
        {"{}", "{}", "default: a fault status is wanted"},
    };
    struct fixture f = {0};

    (void)state;
    mr_arena_init(&f.arena, 1 << 20);
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_error err = MR_ERROR_INIT;
        const mr_token *fallback = cases[i].fallback ? json(&f, cases[i].fallback) : NULL;
        int r = mr_mock_init(&f.mock, &mr_rpcecho_iface, json(&f, cases[i].replies), fallback,
                             &err);
        assert_true(r < 0);
        assert_int_equal(err.code, r);
        if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s: %s", cases[i].replies, err.text);
    }
    mr_arena_deinit(&f.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_in_turn),
        cmocka_unit_test(test_default), cmocka_unit_test(test_misfit),
        cmocka_unit_test(test_taken),   cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
