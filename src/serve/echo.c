/*
 * rpcecho: an interface to try things with, compatible with Samba's test server so that either's
 * clients can ask the other. TestSleep is answered from a timer; nobody else waits for it.
 */
#include <msrpc/ifaces/rpcecho_server.h>
#include <msrpc/serve.h>

#define TEST_SLEEP 6 /* its opnum: timers are the loop's */
#define SOURCE_MAX ((uint32_t)8 << 20) /* octets SourceData makes */

static int add_one(mr_server_call *call, struct mr_rpcecho_echo_AddOne *args) {
    (void)call;
    args->out_data = args->in_data + 1;
    return 0;
}

static int echo_data(mr_server_call *call, struct mr_rpcecho_echo_EchoData *args) {
    (void)call;
    args->out_data = args->in_data;
    return 0;
}

static int sink_data(mr_server_call *call, struct mr_rpcecho_echo_SinkData *args) {
    (void)call;
    (void)args;
    return 0;
}

static int source_data(mr_server_call *call, struct mr_rpcecho_echo_SourceData *args) {
    if (args->len > SOURCE_MAX)
        return MR_ERR_LIMIT;
    args->data = mr_arena_get_raw(call->arena, args->len, 1);
    if (!args->data)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < args->len; i++)
        args->data[i] = (uint8_t)i;
    return 0;
}

static int test_call(mr_server_call *call, struct mr_rpcecho_echo_TestCall *args) {
    (void)call;
    args->s2 = args->s1;
    return 0;
}

/* Each arm has values of its own. */
static int test_call2(mr_server_call *call, struct mr_rpcecho_echo_TestCall2 *args) {
    switch (args->level) {
    case 1:
        args->info.info1.v = 10;
        return 0;
    case 2:
        args->info.info2.v = 20;
        return 0;
    case 3:
        args->info.info3.v = 30;
        return 0;
    case 4:
        args->info.info4.v = 40;
        return 0;
    case 5:
        args->info.info5 = (mr_rpcecho_echo_info5){50, 60};
        return 0;
    case 6:
        args->info.info6 = (mr_rpcecho_echo_info6){70, {80}};
        return 0;
    case 7:
        args->info.info7 = (mr_rpcecho_echo_info7){80, {90}};
        return 0;
    }
    return mr_server_fault(call, MR_FAULT_NDR); /* no arm could carry an answer */
}

/* A call that sleeps, in its own arena. */
struct sleeper {
    mr_timer timer;
    mr_server_call *call;
};

static void on_awake(void *user) {
    struct sleeper *sleeper = user;

    mr_timer_deinit(&sleeper->timer);
    mr_server_reply(sleeper->call);
}

static void on_gone(void *user, mr_server_call *call) {
    struct sleeper *sleeper = user;

    mr_timer_deinit(&sleeper->timer);
    mr_server_fault(call, MR_FAULT_UNSPEC);
}

static int test_sleep(mr_server_call *call, struct mr_rpcecho_echo_TestSleep *args) {
    struct sleeper *sleeper = MR_ARENA_NEW(call->arena, struct sleeper);

    if (!sleeper)
        return MR_ERR_MEMORY;
    args->result = args->seconds;
    sleeper->call = call;
    mr_timer_init(&sleeper->timer, call->user, on_awake, sleeper);
    mr_timer_set(&sleeper->timer, mr_clock_now() + args->seconds * MR_SEC);
    mr_server_set_gone(call, on_gone, sleeper);
    return MR_SERVER_LATER;
}

/* What came in goes out. */
static int test_enum(mr_server_call *call, struct mr_rpcecho_echo_TestEnum *args) {
    (void)call;
    (void)args;
    return 0;
}

/* Twice as many elements, all zero. */
static int test_surrounding(mr_server_call *call, struct mr_rpcecho_echo_TestSurrounding *args) {
    if (args->data.x > SOURCE_MAX)
        return MR_ERR_LIMIT;
    args->data.x *= 2;
    args->data.surrounding =
        mr_arena_get(call->arena, args->data.x, sizeof *args->data.surrounding);
    return args->data.surrounding ? 0 : MR_ERR_MEMORY;
}

static int test_double_pointer(mr_server_call *call,
                               struct mr_rpcecho_echo_TestDoublePointer *args) {
    (void)call;
    args->result = args->data && *args->data ? **args->data : 0;
    return 0;
}

static const struct mr_rpcecho_iface_server bodies = {
    .echo_AddOne = add_one,
    .echo_EchoData = echo_data,
    .echo_SinkData = sink_data,
    .echo_SourceData = source_data,
    .echo_TestCall = test_call,
    .echo_TestCall2 = test_call2,
    .echo_TestSleep = test_sleep,
    .echo_TestEnum = test_enum,
    .echo_TestSurrounding = test_surrounding,
    .echo_TestDoublePointer = test_double_pointer,
};

int mr_serve_add_echo(mr_server_endpoint *endpoint, mr_loop *loop, mr_error *err) {
    const mr_server_iface served = {&mr_rpcecho_iface, mr_rpcecho_iface_rows,
                                    MR_COUNT(mr_rpcecho_iface_rows), &bodies, loop,
                                    .threaded = true, .in_loop = 1u << TEST_SLEEP};
    return mr_server_add_iface(endpoint, &served, err);
}
