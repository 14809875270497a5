/*
 * Bodies that run in workers and answers that come from other threads: side by side, in turn where
 * they share a context handle, past their time, after their client, after their server. No
 * assertion here looks at the clock. Meant for ThreadSanitizer too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/epmapper_server.h>
#include <msrpc/ifaces/mgmt_server.h>
#include <msrpc/rpc.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (60 * MR_SEC) /* a test that needs it has failed */
#define MANY 200

enum manner { AT_ONCE, MEET, HOLD, HOLD_UNTIL_CANCELLED, HAND_OVER, KEEP, FAIL };

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_server_endpoint *endpoint;
    mr_client *clients[4];
    enum manner manner;
    unsigned party;           /* of MEET */
    pthread_mutex_t lock;     /* of the rest */
    pthread_cond_t change;
    unsigned inside, most;    /* bodies at work, and the most of them ever */
    unsigned begun, through;
    unsigned gone, rundowns;
    bool release;
    mr_server_call *kept;
    unsigned order[MANY];     /* numbers of the bodies as they began */
    pthread_t threads[MANY];
    unsigned thread_count;
};

static unsigned look(struct fixture *f, const unsigned *value) {
    pthread_mutex_lock(&f->lock);
    unsigned seen = *value;
    pthread_mutex_unlock(&f->lock);
    return seen;
}

static void enter(struct fixture *f, unsigned number) {
    pthread_mutex_lock(&f->lock);
    f->order[f->begun++ % MANY] = number;
    if (++f->inside > f->most)
        f->most = f->inside;
    pthread_cond_broadcast(&f->change);
    while (f->manner == MEET && f->begun < f->party)
        pthread_cond_wait(&f->change, &f->lock);
    while (f->manner == HOLD && !f->release)
        pthread_cond_wait(&f->change, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void leave(struct fixture *f) {
    pthread_mutex_lock(&f->lock);
    f->inside--;
    f->through++;
    pthread_mutex_unlock(&f->lock);
}

static void *answer(void *user) {
    mr_server_call *call = user;
    struct mr_mgmt_is_server_listening *args = call->args;

    if (call->object.time_low % 3 == 2) {
        mr_server_fault(call, 77);
        return NULL;
    }
    args->result = (int32_t)call->object.time_low;
    mr_server_reply(call);
    return NULL;
}

static void on_gone(void *user, mr_server_call *call) {
    struct fixture *f = user;

    (void)call;
    pthread_mutex_lock(&f->lock);
    f->gone++;
    pthread_mutex_unlock(&f->lock);
}

static int body(mr_server_call *call, struct mr_mgmt_is_server_listening *args) {
    struct fixture *f = call->user;
    int result = 0;

    enter(f, call->object.time_low);
    args->result = (int32_t)call->object.time_low;
    if (f->manner == HAND_OVER) {
        pthread_mutex_lock(&f->lock);
        /* it may answer before this returns */
        if (pthread_create(&f->threads[f->thread_count], NULL, answer, call) == 0)
            f->thread_count++;
        pthread_mutex_unlock(&f->lock);
        result = MR_SERVER_LATER;
    } else if (f->manner == KEEP) {
        mr_server_set_gone(call, on_gone, f);
        pthread_mutex_lock(&f->lock);
        f->kept = call;
        pthread_mutex_unlock(&f->lock);
        result = MR_SERVER_LATER;
    } else if (f->manner == FAIL) {
        result = call->object.time_low ? MR_ERR_SYSTEM : mr_server_fault(call, 77);
    }
    while (f->manner == HOLD_UNTIL_CANCELLED && !mr_server_is_cancelled(call))
        sched_yield();
    leave(f);
    return result;
}

static void rundown(void *object) {
    struct fixture *f = object;

    assert_int_equal(look(f, &f->inside), 0);
    f->rundowns++;
}
static const mr_server_handle_type handle_type = {"free", rundown};

/* A null handle is opened, another one is used for a while. */
static int handle_body(mr_server_call *call, struct mr_epmapper_ept_lookup_handle_free *args) {
    struct fixture *f = call->user;

    if (mr_ndr_context_is_null(&args->entry_handle))
        return mr_server_add_handle(call, &handle_type, f, &args->entry_handle);
    enter(f, 0);
    for (int i = 0; i < 20; i++)
        sched_yield();
    while (f->manner == HOLD_UNTIL_CANCELLED && !mr_server_is_cancelled(call))
        sched_yield();
    args->status = mr_server_find_handle(call, &handle_type, &args->entry_handle) != f;
    leave(f);
    return 0;
}

static const struct mr_mgmt_iface_server mgmt_bodies = {.is_server_listening = body};
static const struct mr_epmapper_iface_server epm_bodies = {
    .ept_lookup_handle_free = handle_body};

static void setup(struct fixture *f, const mr_server_options *options, bool concurrent) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    const mr_server_iface mgmt = {.iface = &mr_mgmt_iface,
                                  .rows = mr_mgmt_iface_rows,
                                  .row_count = 3,
                                  .bodies = &mgmt_bodies,
                                  .user = f,
                                  .threaded = true};
    const mr_server_iface epm = {.iface = &mr_epmapper_iface,
                                 .rows = mr_epmapper_iface_rows,
                                 .row_count = MR_COUNT(mr_epmapper_iface_rows),
                                 .bodies = &epm_bodies,
                                 .user = f,
                                 .threaded = true,
                                 .concurrent = concurrent};

    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->change, NULL);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_server_new(&f->loop, options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &f->endpoint, NULL), 0);
    assert_int_equal(mr_server_add_iface(f->endpoint, &mgmt, NULL), 0);
    assert_int_equal(mr_server_add_iface(f->endpoint, &epm, NULL), 0);
}

/* From 127.0.0.@from. */
static mr_client *open_client_as(struct fixture *f, unsigned index, const mr_iface *iface,
                                 uint32_t group, uint8_t from) {
    mr_client_options options = {.timeout = PATIENCE, .assoc_group = group};

    options.connect.source = (mr_addr){.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, from}};

    options.connect.remote = *mr_server_endpoint_get_local(f->endpoint);
    assert_int_equal(mr_client_new(&f->loop, &options, &f->clients[index], NULL), 0);
    assert_int_equal(mr_client_open(f->clients[index], &iface->syntax, NULL), 0);
    return f->clients[index];
}

static mr_client *open_client(struct fixture *f, unsigned index, const mr_iface *iface,
                              uint32_t group) {
    return open_client_as(f, index, iface, group, 1);
}

static void teardown(struct fixture *f) {
    for (unsigned i = 0; i < MR_COUNT(f->clients); i++)
        mr_client_free(f->clients[i]);
    mr_server_free(f->server);
    for (unsigned i = 0; i < f->thread_count; i++)
        pthread_join(f->threads[i], NULL);
    mr_loop_deinit(&f->loop);
    pthread_cond_destroy(&f->change);
    pthread_mutex_destroy(&f->lock);
}

static void let_go(struct fixture *f) {
    pthread_mutex_lock(&f->lock);
    f->release = true;
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
}

static void on_tick(void *user) {
    mr_loop_stop(user);
}

/* Runs the loop until *@value, which may be another thread's, is at least @want. */
static void run_until(struct fixture *f, const unsigned *value, unsigned want) {
    mr_nsec end = mr_clock_now() + PATIENCE;
    mr_timer tick;

    mr_timer_init(&tick, &f->loop, on_tick, &f->loop);
    while (look(f, value) < want && mr_clock_now() < end) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(&f->loop, end);
    }
    mr_timer_deinit(&tick);
    assert_true(look(f, value) >= want);
}

/* ---- calls ---- */

struct calls {
    unsigned done;
    struct one {
        mr_call call;
        union {
            struct mr_mgmt_is_server_listening plain;
            struct mr_epmapper_ept_lookup_handle_free handle;
        } args;
        mr_uuid number;
        struct calls *all;
        int result;
        unsigned place; /* in the order of answers */
    } one[MANY];
};

static void on_done(void *user, mr_call *call, int result, const mr_error *err) {
    struct one *one = user;

    (void)call;
    (void)err;
    one->result = result;
    one->place = one->all->done++;
}

static void start_one(struct calls *c, unsigned i, mr_client *client, const mr_iface *iface,
                      uint32_t opnum, void *args) {
    struct one *one = &c->one[i];

    one->all = c;
    one->number = (mr_uuid){.time_low = i};
    assert_int_equal(mr_call_init(&one->call, iface, opnum, args, NULL), 0);
    one->call.object = &one->number;
    one->call.done = on_done;
    one->call.user = one;
    one->call.timeout = PATIENCE;
    assert_int_equal(mr_call_start(&one->call, client, NULL), 0);
}

/* is_server_listening, numbered from @first */
static void start(struct calls *c, mr_client *client, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++)
        start_one(c, i, client, &mr_mgmt_iface, 2, &c->one[i].args.plain);
}

static void start_handle(struct calls *c, unsigned i, mr_client *client,
                         const mr_ndr_context *handle) {
    c->one[i].args.handle = (struct mr_epmapper_ept_lookup_handle_free){.entry_handle = *handle};
    start_one(c, i, client, &mr_epmapper_iface, 4, &c->one[i].args.handle);
}

static struct calls *new_calls(void) {
    struct calls *c = calloc(1, sizeof *c);
    assert_non_null(c);
    return c;
}

static void free_calls(struct calls *c) {
    for (unsigned i = 0; i < MANY; i++)
        if (c->one[i].all)
            mr_call_deinit(&c->one[i].call);
    free(c);
}

static mr_ndr_context open_handle(struct fixture *f, mr_client *client) {
    struct calls *c = new_calls();

    start_handle(c, 0, client, &(mr_ndr_context){0});
    run_until(f, &c->done, 1);
    assert_int_equal(c->one[0].result, 0);
    mr_ndr_context handle = c->one[0].args.handle.entry_handle;
    assert_false(mr_ndr_context_is_null(&handle));
    free_calls(c);
    return handle;
}

/* ---- tests ---- */

/* Four bodies each wait for the other three; a body that fails takes nobody along. */
static void test_side_by_side(void **state) {
    struct fixture f;
    struct calls *c = new_calls();
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){.threads = 4}, false);
    f.manner = MEET;
    f.party = 4;
    start(c, open_client(&f, 0, &mr_mgmt_iface, 0), 0, 4);
    run_until(&f, &c->done, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(c->one[i].result, 0);
        assert_int_equal(c->one[i].args.plain.result, i);
    }
    f.manner = FAIL;
    start(c, f.clients[0], 10, 2);
    run_until(&f, &c->done, 6);
    assert_int_equal(c->one[10].call.fault, MR_FAULT_UNSPEC);
    f.manner = AT_ONCE;
    start(c, f.clients[0], 20, 100);
    run_until(&f, &c->done, 106);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_now, 0);
    assert_int_equal(stats.calls_out, 106);
    free_calls(c);
    teardown(&f);
}

/* Each call is answered by a thread of its own, perhaps before its body has returned. */
static void hand_over(unsigned threads) {
    struct fixture f;
    struct calls *c = new_calls();

    setup(&f, &(mr_server_options){.threads = threads}, false);
    f.manner = HAND_OVER;
    start(c, open_client(&f, 0, &mr_mgmt_iface, 0), 0, MANY / 2);
    start(c, open_client(&f, 1, &mr_mgmt_iface, 0), MANY / 2, MANY / 2);
    run_until(&f, &c->done, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(c->one[i].result, i % 3 == 2 ? MR_ERR_FAULT : 0);
        if (i % 3 != 2)
            assert_int_equal(c->one[i].args.plain.result, i);
    }
    free_calls(c);
    teardown(&f);
}

static void test_answers_from_elsewhere(void **state) {
    (void)state;
    hand_over(3);
    hand_over(0); /* the loop runs the bodies */
}

/* Calls with one handle, on two connections of a group, are in the body one at a time, as they
 * came; of a concurrent interface, together. */
static void test_turns(void **state) {
    struct fixture f;
    struct calls *c = new_calls();

    (void)state;
    setup(&f, &(mr_server_options){.threads = 4}, false);
    mr_client *first = open_client(&f, 0, &mr_epmapper_iface, 0);
    uint32_t group = mr_client_get_report(first)->assoc_group;
    mr_client *second = open_client(&f, 1, &mr_epmapper_iface, group);
    mr_ndr_context handle = open_handle(&f, first);
    for (unsigned i = 0; i < 60; i++)
        start_handle(c, i, i % 2 ? second : first, &handle);
    run_until(&f, &c->done, 60);
    assert_int_equal(f.most, 1);
    assert_int_equal(f.through, 60);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(c->one[i].result, 0);
        assert_int_equal(c->one[i].args.handle.status, 0);
        if (i >= 2) /* of one connection */
            assert_true(c->one[i].place > c->one[i - 2].place);
    }
    free_calls(c);
    teardown(&f);
    assert_int_equal(f.rundowns, 1);

    c = new_calls();
    setup(&f, &(mr_server_options){.threads = 4}, true);
    first = open_client(&f, 0, &mr_epmapper_iface, 0);
    handle = open_handle(&f, first);
    f.manner = MEET;
    f.party = 3;
    for (unsigned i = 0; i < 3; i++)
        start_handle(c, i, first, &handle);
    run_until(&f, &c->done, 3);
    free_calls(c);
    teardown(&f);
}

/* One worker, and bodies that do not return: their callers hear so, the next call finds another
 * worker, and one that finds none hears that the server is too busy. */
static void test_overrun(void **state) {
    struct fixture f;
    struct calls *c = new_calls();
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){.threads = 1, .call_timeout = 50 * MR_MSEC}, false);
    mr_client *client = open_client(&f, 0, &mr_mgmt_iface, 0);
    f.manner = HOLD;
    for (unsigned i = 0; i < 2; i++) {
        start(c, client, i, 1);
        run_until(&f, &c->done, i + 1);
        assert_int_equal(c->one[i].call.fault, MR_FAULT_CANCEL);
        assert_false(c->one[i].call.did_not_execute);
    }
    start(c, client, 2, 3);
    run_until(&f, &c->done, 5);
    for (unsigned i = 2; i < 5; i++) {
        assert_int_equal(c->one[i].call.fault, MR_FAULT_SERVER_TOO_BUSY);
        assert_true(c->one[i].call.did_not_execute);
    }
    assert_int_equal(look(&f, &f.begun), 2);
    let_go(&f);
    run_until(&f, &f.through, 2);
    pthread_mutex_lock(&f.lock);
    f.manner = AT_ONCE;
    pthread_mutex_unlock(&f.lock);
    start(c, client, 5, 1);
    run_until(&f, &c->done, 6);
    assert_int_equal(c->one[5].result, 0);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.expired, 5);
    free_calls(c);
    teardown(&f);
}

/* A call that is to be answered later has its time too. */
static void test_overrun_later(void **state) {
    struct fixture f;
    struct calls *c = new_calls();
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){.call_timeout = 20 * MR_MSEC}, false);
    f.manner = KEEP;
    start(c, open_client(&f, 0, &mr_mgmt_iface, 0), 7, 1);
    run_until(&f, &c->done, 1);
    assert_int_equal(c->one[7].call.fault, MR_FAULT_CANCEL);
    assert_int_equal(f.gone, 1);
    assert_true(mr_server_is_cancelled(f.kept));
    mr_server_reply(f.kept);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_now, 0);
    assert_int_equal(stats.held, 0);
    free_calls(c);
    teardown(&f);
}

/* The client goes while its body runs: the body sees it, its handle stays until it is through. */
static void test_client_leaves(void **state) {
    struct fixture f;
    struct calls *c = new_calls();
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){.threads = 2}, false);
    mr_client *client = open_client(&f, 0, &mr_epmapper_iface, 0);
    mr_ndr_context handle = open_handle(&f, client);
    f.manner = HOLD_UNTIL_CANCELLED;
    for (unsigned i = 0; i < 3; i++) /* two of them wait for their turn */
        start_handle(c, i, client, &handle);
    run_until(&f, &f.begun, 1);
    mr_client_free(client);
    f.clients[0] = NULL;
    run_until(&f, &f.rundowns, 1);
    assert_int_equal(f.begun, 1);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.groups_now, 0);
    assert_int_equal(stats.calls_now, 0);
    free_calls(c);
    teardown(&f);
    assert_int_equal(f.rundowns, 1);
}

/* The server goes while bodies run, wait for a worker, and have gone to another thread. */
static void test_server_leaves(void **state) {
    struct fixture f;
    struct calls *c = new_calls();

    (void)state;
    setup(&f, &(mr_server_options){.threads = 2}, false);
    mr_client *client = open_client(&f, 0, &mr_mgmt_iface, 0);
    f.manner = KEEP;
    start(c, client, 0, 1);
    run_until(&f, &f.through, 1);
    f.manner = HOLD_UNTIL_CANCELLED;
    start(c, client, 1, 20);
    run_until(&f, &f.begun, 3);
    mr_server_free(f.server);
    f.server = NULL;
    assert_int_equal(f.begun, 3);
    assert_int_equal(f.gone, 1);
    /* the answer comes when nobody is there any more, from another thread */
    assert_int_equal(pthread_create(&f.threads[f.thread_count++], NULL, answer, f.kept), 0);
    run_until(&f, &c->done, 21);
    free_calls(c);
    teardown(&f);

    /* a hundred answers in a race with the end */
    c = new_calls();
    setup(&f, &(mr_server_options){.threads = 2}, false);
    f.manner = HAND_OVER;
    start(c, open_client(&f, 0, &mr_mgmt_iface, 0), 0, MANY / 2);
    run_until(&f, &f.begun, 20);
    mr_server_free(f.server);
    f.server = NULL;
    run_until(&f, &c->done, MANY / 2);
    free_calls(c);
    teardown(&f);
}

/* Runs the loop until @want calls have come. */
static void run_until_calls(struct fixture *f, uint64_t want) {
    mr_server_stats stats;
    mr_timer tick;

    mr_timer_init(&tick, &f->loop, on_tick, &f->loop);
    for (mr_server_get_stats(f->server, &stats); stats.calls_in < want;
         mr_server_get_stats(f->server, &stats)) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(&f->loop, MR_NSEC_NEVER);
    }
}

/* How many bodies began before that of number @number. */
static unsigned count_before(const struct fixture *f, unsigned number) {
    unsigned before = 0;

    while (f->order[before] != number)
        before++;
    return before;
}

/* A connection with fifty calls does not keep another with one waiting for all of them, nor do
 * three connections of one client the only one of another. */
static void test_fair(void **state) {
    for (unsigned greedy = 1; greedy <= 3; greedy += 2) {
        struct fixture f;
        struct calls *c = new_calls();

        (void)state;
        setup(&f, &(mr_server_options){.threads = 1}, false);
        for (unsigned i = 0; i < greedy; i++)
            open_client(&f, 1 + i, &mr_mgmt_iface, 0);
        mr_client *modest = open_client_as(&f, 0, &mr_mgmt_iface, 0, greedy == 1 ? 1 : 2);
        f.manner = HOLD;
        for (unsigned i = 0; i < greedy; i++)
            start(c, f.clients[1 + i], 50 * i, 50);
        run_until_calls(&f, 50 * greedy);
        start(c, modest, 190, 1);
        run_until_calls(&f, 50 * greedy + 1);
        let_go(&f);
        run_until(&f, &c->done, 50 * greedy + 1);
        assert_true(count_before(&f, 190) <= 3);
        free_calls(c);
        teardown(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side), cmocka_unit_test(test_answers_from_elsewhere),
        cmocka_unit_test(test_turns),        cmocka_unit_test(test_overrun),
        cmocka_unit_test(test_overrun_later), cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_server_leaves), cmocka_unit_test(test_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
