/*
 * A server on loopback for the server tests: mgmt and epmapper with bodies that do what a test
 * wants, whatever those interfaces are for elsewhere.
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/epmapper_server.h>
#include <msrpc/ifaces/mgmt_server.h>
#include <msrpc/rpc.h>

#include <stdlib.h>

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */
#define WAITING_MAX 80

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_server_endpoint *endpoint;
    /* what bodies saw and did */
    mr_server_call *waiting[WAITING_MAX]; /* to be answered by the test */
    unsigned waiting_count;
    unsigned gone;
    unsigned rundowns;
    bool end_when_gone;
    uint32_t fault;       /* is_server_listening answers with this fault */
    int result;           /* or with this result */
    bool late;            /* or later */
    bool early;           /* answers inside, then says later */
    mr_uuid object;
    bool has_object;
    uint32_t group;
    uint32_t entries;     /* of ept_insert */
    uint32_t octets;      /* of its towers */
    uint32_t lookups;
};

static void on_gone(void *user, mr_server_call *call) {
    struct fixture *f = user;
    f->gone++;
    if (f->end_when_gone)
        mr_server_fault(call, MR_FAULT_UNSPEC);
}

static int do_listening(mr_server_call *call, struct mr_mgmt_is_server_listening *args) {
    struct fixture *f = call->user;

    f->object = call->object;
    f->has_object = call->has_object;
    f->group = call->assoc_group;
    args->result = 1;
    if (f->fault)
        return mr_server_fault(call, f->fault);
    if (f->early) {
        mr_server_reply(call);
        return MR_SERVER_LATER;
    }
    if (f->late) {
        assert_true(f->waiting_count < WAITING_MAX);
        f->waiting[f->waiting_count++] = call;
        mr_server_set_gone(call, on_gone, f);
        return MR_SERVER_LATER;
    }
    return f->result;
}

/* A reply as long as the client likes. */
static int do_stats(mr_server_call *call, struct mr_mgmt_inq_stats *args) {
    args->statistics = mr_arena_get(call->arena, args->count, sizeof *args->statistics);
    if (!args->statistics)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < args->count; i++)
        args->statistics[i] = i * 2654435761u;
    return 0;
}

/* A request as long as the client likes. */
static int do_insert(mr_server_call *call, struct mr_epmapper_ept_insert *args) {
    struct fixture *f = call->user;

    f->entries = args->num_ents;
    f->octets = 0;
    for (uint32_t i = 0; i < args->num_ents; i++)
        f->octets += args->entries[i].tower ? args->entries[i].tower->tower_length : 0;
    args->status = args->num_ents;
    return 0;
}

static void rundown(void *object) {
    struct fixture *f = object;
    f->rundowns++;
}
static const mr_server_handle_type handle_type = {"lookup", rundown};
static const mr_server_handle_type other_type = {"other", NULL};

/* A null handle is opened, another one is used, with max_ents 0 closed. */
static int do_lookup(mr_server_call *call, struct mr_epmapper_ept_lookup *args) {
    struct fixture *f = call->user;

    if (mr_ndr_context_is_null(&args->entry_handle))
        return mr_server_add_handle(call, &handle_type, f, &args->entry_handle);
    assert_null(mr_server_find_handle(call, &other_type, &args->entry_handle));
    if (!mr_server_find_handle(call, &handle_type, &args->entry_handle))
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    f->lookups++;
    if (args->max_ents == 0)
        assert_ptr_equal(mr_server_remove_handle(call, &handle_type, &args->entry_handle), f);
    return 0;
}

static const struct mr_mgmt_iface_server mgmt_bodies = {
    .is_server_listening = do_listening,
    .inq_stats = do_stats,
};
static const struct mr_epmapper_iface_server epm_bodies = {
    .ept_insert = do_insert,
    .ept_lookup = do_lookup,
};

static void setup(struct fixture *f, const mr_server_options *options) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};

    memset(f, 0, sizeof *f);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_server_new(&f->loop, options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &f->endpoint, NULL), 0);
    const mr_server_iface mgmt = {&mr_mgmt_iface, mr_mgmt_iface_rows,
                                  /* stop_server_listening and later ones are not served */
                                  3, &mgmt_bodies, f};
    const mr_server_iface epm = {&mr_epmapper_iface, mr_epmapper_iface_rows,
                                 MR_COUNT(mr_epmapper_iface_rows), &epm_bodies, f};
    assert_int_equal(mr_server_add_iface(f->endpoint, &mgmt, NULL), 0);
    assert_int_equal(mr_server_add_iface(f->endpoint, &epm, NULL), 0);
    assert_int_equal(mr_server_add_iface(f->endpoint, &epm, NULL), MR_ERR_ARGUMENT);
    assert_ptr_equal(mr_server_endpoint_get_iface(f->endpoint, 1)->iface, &mr_epmapper_iface);
    assert_null(mr_server_endpoint_get_iface(f->endpoint, 2));
}

static void teardown(struct fixture *f) {
    mr_server_free(f->server);
    mr_loop_deinit(&f->loop);
}

static void on_tick(void *user) {
    mr_loop_stop(user);
}

/* Runs the loop until *@value is @want; the loop is looked at again after every few events. */
static inline void run_until(struct fixture *f, const unsigned *value, unsigned want) {
    mr_nsec end = mr_clock_now() + PATIENCE;
    mr_timer tick;

    mr_timer_init(&tick, &f->loop, on_tick, &f->loop);
    while (*value != want && mr_clock_now() < end) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(&f->loop, end);
    }
    mr_timer_deinit(&tick);
    assert_int_equal(*value, want);
}

static inline unsigned connections(struct fixture *f) {
    mr_server_stats stats;
    mr_server_get_stats(f->server, &stats);
    return stats.connections_now;
}

/* Runs the loop until the server has @want connections. */
static inline void run_until_connections(struct fixture *f, unsigned want) {
    mr_nsec end = mr_clock_now() + PATIENCE;
    mr_timer tick;

    mr_timer_init(&tick, &f->loop, on_tick, &f->loop);
    while (connections(f) != want && mr_clock_now() < end) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(&f->loop, end);
    }
    mr_timer_deinit(&tick);
    assert_int_equal(connections(f), want);
}

#endif
