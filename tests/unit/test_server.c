/*
 * The server face on loopback with real sockets, asked by the client face: answers now and later,
 * every fault, fragments, many calls at once, association groups and context handles, limits, the
 * end. What a client face would never send is in test_server_wire.c.
 */
#include "test_server.h"

#include <stdio.h>

static mr_client *open_client(struct fixture *f, const mr_client_options *with,
                              const mr_syntax *syntax) {
    mr_client_options options = *with;
    mr_client *client;
    mr_error err = MR_ERROR_INIT;

    options.connect.remote = *mr_server_endpoint_get_local(f->endpoint);
    options.timeout = PATIENCE;
    assert_int_equal(mr_client_new(&f->loop, &options, &client, NULL), 0);
    int r = mr_client_open(client, syntax, &err);
    if (r)
        print_message("# %s\n", err.text);
    assert_int_equal(r, 0);
    return client;
}

static const mr_client_options plain = {0};

static mr_client *open_mgmt(struct fixture *f) {
    return open_client(f, &plain, &mr_mgmt_iface.syntax);
}

static mr_client *open_epm(struct fixture *f) {
    return open_client(f, &plain, &mr_epmapper_iface.syntax);
}

/* is_server_listening; returns its result, or the fault's status negated into *@faultp */
static int ask(mr_client *client, const mr_uuid *object, mr_call *call,
               struct mr_mgmt_is_server_listening *args) {
    *args = (struct mr_mgmt_is_server_listening){0};
    assert_int_equal(mr_call_init(call, &mr_mgmt_iface, 2, args, NULL), 0);
    call->object = object;
    return mr_call_run(call, client, NULL);
}

static void expect_fault(mr_client *client, const mr_iface *iface, uint32_t opnum, void *args,
                         uint32_t status, bool did_not_execute) {
    mr_call call;

    assert_int_equal(mr_call_init(&call, iface, opnum, args, NULL), 0);
    assert_int_equal(mr_call_run(&call, client, NULL), MR_ERR_FAULT);
    assert_int_equal(call.fault, status);
    assert_int_equal(call.did_not_execute, did_not_execute);
    mr_call_deinit(&call);
}

static void test_answer(void **state) {
    struct fixture f;
    struct mr_mgmt_is_server_listening args;
    const mr_uuid object = {1, 2, 3, {4}};
    mr_server_stats stats;
    mr_call call;

    (void)state;
    setup(&f, &(mr_server_options){0});
    mr_client *client = open_mgmt(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(client, NULL, &call, &args), 0);
        assert_int_equal(args.result, 1);
        mr_call_deinit(&call);
    }
    assert_false(f.has_object);
    assert_int_equal(ask(client, &object, &call, &args), 0);
    mr_call_deinit(&call);
    assert_true(f.has_object && mr_uuid_eq(&f.object, &object));
    assert_int_equal(f.group, mr_client_get_report(client)->assoc_group);
    f.early = true;
    assert_int_equal(ask(client, NULL, &call, &args), 0);
    mr_call_deinit(&call);

    char port[8];
    snprintf(port, sizeof port, "%u", mr_server_endpoint_get_local(f.endpoint)->port);
    assert_string_equal(mr_client_get_report(client)->sec_addr, port);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_in, 5);
    assert_int_equal(stats.calls_out, 5);
    assert_int_equal(stats.calls_now, 0);
    assert_int_equal(stats.faults, 0);
    assert_int_equal(stats.pdus_in, 6);
    assert_int_equal(stats.pdus_out, 6);
    assert_int_equal(stats.connections_now, 1);
    mr_client_free(client);
    run_until_connections(&f, 0);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.groups_now, 0);
    assert_int_equal(stats.held, 0);
    teardown(&f);
}

static void test_faults(void **state) {
    struct fixture f;
    struct mr_mgmt_is_server_listening listening = {0};
    struct mr_mgmt_inq_if_ids ids = {0};
    struct mr_mgmt_stop_server_listening stop = {0};

    (void)state;
    setup(&f, &(mr_server_options){0});
    mr_client *client = open_mgmt(&f);
    f.fault = 0x1234;
    expect_fault(client, &mr_mgmt_iface, 2, &listening, 0x1234, false);
    f.fault = 0;
    f.result = MR_ERR_MEMORY;
    expect_fault(client, &mr_mgmt_iface, 2, &listening, MR_FAULT_REMOTE_NO_MEMORY, false);
    f.result = MR_ERR_SYSTEM;
    expect_fault(client, &mr_mgmt_iface, 2, &listening, MR_FAULT_UNSPEC, false);
    expect_fault(client, &mr_mgmt_iface, 0, &ids, MR_FAULT_OP_RNG_ERROR, true);  /* no body */
    expect_fault(client, &mr_mgmt_iface, 3, &stop, MR_FAULT_OP_RNG_ERROR, true); /* no row */

    /* a client with its own idea of the interface: a number that does not exist, an empty stub */
    mr_proc procs[6];
    for (size_t i = 0; i < MR_COUNT(procs); i++) {
        procs[i] = mr_mgmt_iface.procs[3];
        procs[i].opnum = (uint16_t)i;
    }
    mr_iface odd = mr_mgmt_iface;
    odd.procs = procs;
    odd.proc_count = MR_COUNT(procs);
    expect_fault(client, &odd, 5, &stop, MR_FAULT_OP_RNG_ERROR, true);
    expect_fault(client, &odd, 1, &stop, MR_FAULT_NDR, false);

    f.result = 0;
    mr_call call;
    assert_int_equal(ask(client, NULL, &call, &listening), 0); /* none of it hurt the connection */
    mr_call_deinit(&call);
    mr_client_free(client);
    teardown(&f);
}

static void insert(struct fixture *f, mr_client *client, uint32_t entries, uint32_t octets) {
    static uint8_t tower[4096];
    struct mr_epmapper_ept_insert args = {.num_ents = entries};
    mr_epmapper_twr_t twr = {octets, tower};
    mr_call call;

    args.entries = calloc(entries + 1, sizeof *args.entries);
    assert_non_null(args.entries);
    for (uint32_t i = 0; i < entries; i++) {
        args.entries[i].tower = &twr;
        args.entries[i].annotation = (uint8_t *)"note";
    }
    assert_int_equal(mr_call_init(&call, &mr_epmapper_iface, 0, &args, NULL), 0);
    assert_int_equal(mr_call_run(&call, client, NULL), 0);
    assert_int_equal(args.status, entries);
    assert_int_equal(f->entries, entries);
    assert_int_equal(f->octets, entries * octets);
    mr_call_deinit(&call);
    free(args.entries);
}

static void stats_of(mr_client *client, uint32_t count) {
    struct mr_mgmt_inq_stats args = {.count = count};
    mr_call call;

    assert_int_equal(mr_call_init(&call, &mr_mgmt_iface, 1, &args, NULL), 0);
    assert_int_equal(mr_call_run(&call, client, NULL), 0);
    assert_int_equal(args.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(args.statistics[i], i * 2654435761u);
    mr_call_deinit(&call);
}

/* Requests and replies of many fragments, of every size, in both transfer syntaxes. */
static void test_fragments(void **state) {
    static const uint16_t frags[] = {MR_PDU_FRAG_MUST, 2048, 5840, 65535};
    static const uint32_t counts[] = {0, 1, 300, 1000, 100000};
    struct fixture f;

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (size_t i = 0; i < MR_COUNT(frags) * 2; i++) {
        const mr_client_options options = {
            .frag = frags[i / 2],
            .bind = i % 2 ? MR_BIND_WINDOWS : MR_BIND_PLAIN,
            .ndr64 = i % 2,
        };
        mr_client *epm = open_client(&f, &options, &mr_epmapper_iface.syntax);
        mr_client *mgmt = open_client(&f, &options, &mr_mgmt_iface.syntax);
        assert_int_equal(mr_client_get_context(epm, 0)->syntax, i % 2 ? MR_NDR64 : MR_NDR20);
        insert(&f, epm, 200, 75);
        insert(&f, epm, 500, 4096);
        insert(&f, epm, 0, 0);
        for (size_t n = 0; n < MR_COUNT(counts); n++)
            stats_of(mgmt, counts[n]);
        mr_client_free(epm);
        mr_client_free(mgmt);
    }
    teardown(&f);
}

static void test_rejected_interfaces(void **state) {
    struct fixture f;
    mr_client *client;
    mr_client_options options = {.timeout = PATIENCE};
    mr_syntax asked[4];

    (void)state;
    setup(&f, &(mr_server_options){0});
    for (size_t i = 0; i < MR_COUNT(asked); i++)
        asked[i] = mr_mgmt_iface.syntax;
    asked[0].uuid.time_low++;
    asked[1].major++;
    asked[2].minor++;
    options.connect.remote = *mr_server_endpoint_get_local(f.endpoint);
    for (size_t i = 0; i < 3; i++) {
        mr_error err = MR_ERROR_INIT;
        assert_int_equal(mr_client_new(&f.loop, &options, &client, NULL), 0);
        assert_int_equal(mr_client_open(client, &asked[i], &err), MR_ERR_CONTEXT_REJECTED);
        assert_int_equal(mr_client_get_context(client, 0)->result, MR_CONTEXT_PROVIDER_REJECT);
        assert_int_equal(mr_client_get_context(client, 0)->reason, MR_REASON_ABSTRACT_SYNTAX);
        mr_client_free(client);
    }
    teardown(&f);
}

struct outcome {
    unsigned done;
    int result[WAITING_MAX];
    unsigned order[WAITING_MAX];
};
struct numbered {
    mr_call call;
    struct mr_mgmt_is_server_listening args;
    struct outcome *outcome;
    unsigned number;
};

static void on_done(void *user, mr_call *call, int result, const mr_error *err) {
    struct numbered *n = user;
    (void)call;
    (void)err;
    n->outcome->result[n->number] = result;
    n->outcome->order[n->outcome->done++] = n->number;
}

static void start(mr_client *client, struct numbered *n, struct outcome *outcome, unsigned count) {
    memset(outcome, 0, sizeof *outcome);
    for (unsigned i = 0; i < count; i++) {
        n[i].outcome = outcome;
        n[i].number = i;
        assert_int_equal(mr_call_init(&n[i].call, &mr_mgmt_iface, 2, &n[i].args, NULL), 0);
        n[i].call.done = on_done;
        n[i].call.user = &n[i];
        n[i].call.timeout = PATIENCE;
        assert_int_equal(mr_call_start(&n[i].call, client, NULL), 0);
    }
}

/* Calls wait on one connection and are answered in the reverse order, some with faults. */
static void test_later(void **state) {
    struct fixture f;
    struct outcome outcome;
    static struct numbered n[20];
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){0});
    mr_client *client = open_mgmt(&f);
    f.late = true;
    start(client, n, &outcome, MR_COUNT(n));
    run_until(&f, &f.waiting_count, MR_COUNT(n));
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_now, MR_COUNT(n));
    for (unsigned i = MR_COUNT(n); i-- > 0;) {
        if (i % 3)
            mr_server_reply(f.waiting[i]);
        else
            mr_server_fault(f.waiting[i], 77);
    }
    run_until(&f, &outcome.done, MR_COUNT(n));
    for (unsigned i = 0; i < MR_COUNT(n); i++) {
        assert_int_equal(outcome.result[i], i % 3 ? 0 : MR_ERR_FAULT);
        mr_call_deinit(&n[i].call);
    }
    mr_client_free(client);
    run_until_connections(&f, 0);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.calls_now, 0);
    assert_int_equal(stats.held, 0);
    assert_int_equal(f.gone, 0);
    teardown(&f);
}

/* More calls than a connection takes at once: reading rests, and goes on. */
static void test_call_limit(void **state) {
    struct fixture f;
    struct outcome outcome;
    static struct numbered n[12];

    (void)state;
    setup(&f, &(mr_server_options){.max_calls = 3});
    mr_client *client = open_mgmt(&f);
    f.late = true;
    start(client, n, &outcome, MR_COUNT(n));
    for (unsigned i = 0; i < MR_COUNT(n); i++) {
        run_until(&f, &f.waiting_count, i < MR_COUNT(n) - 3 ? i + 3 : MR_COUNT(n));
        mr_server_reply(f.waiting[i]);
        run_until(&f, &outcome.done, i + 1);
        assert_int_equal(outcome.result[i], 0);
    }
    for (unsigned i = 0; i < MR_COUNT(n); i++)
        mr_call_deinit(&n[i].call);
    mr_client_free(client);
    teardown(&f);
}

/* The client vanishes while its calls wait; some are ended when that is told, some long after,
 * some after the server itself is gone. */
static void test_vanished(void **state) {
    struct outcome outcome;
    static struct numbered n[4];
    mr_server_stats stats;

    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct fixture f;
        setup(&f, &(mr_server_options){0});
        f.end_when_gone = way == 0;
        f.late = true;
        mr_client *client = open_mgmt(&f);
        start(client, n, &outcome, MR_COUNT(n));
        run_until(&f, &f.waiting_count, MR_COUNT(n));
        for (unsigned i = 0; i < MR_COUNT(n); i++)
            n[i].call.done = NULL;
        mr_client_free(client);
        run_until(&f, &f.gone, MR_COUNT(n));
        mr_server_get_stats(f.server, &stats);
        assert_int_equal(stats.connections_now, 0);
        assert_int_equal(stats.calls_now, way == 0 ? 0 : MR_COUNT(n));
        if (way == 2)
            teardown(&f);
        for (unsigned i = 0; way && i < MR_COUNT(n); i++)
            mr_server_reply(f.waiting[i]);
        if (way != 2) {
            mr_server_get_stats(f.server, &stats);
            assert_int_equal(stats.calls_now, 0);
            assert_int_equal(stats.groups_now, 0);
            teardown(&f);
        }
    }
}

static int lookup(mr_client *client, mr_ndr_context *handle, uint32_t max, uint32_t *faultp) {
    struct mr_epmapper_ept_lookup args = {.entry_handle = *handle, .max_ents = max};
    mr_call call;

    assert_int_equal(mr_call_init(&call, &mr_epmapper_iface, 2, &args, NULL), 0);
    int r = mr_call_run(&call, client, NULL);
    *handle = args.entry_handle;
    *faultp = call.fault;
    mr_call_deinit(&call);
    return r;
}

/* A handle is good in its association group, on every connection of it, and nowhere else; what is
 * left is run down once, with the last connection. */
static void test_handles(void **state) {
    struct fixture f;
    mr_ndr_context first = {0}, second = {0}, stale, forged;
    uint32_t fault;

    (void)state;
    setup(&f, &(mr_server_options){0});
    mr_client *one = open_epm(&f);
    const mr_client_options joined = {.assoc_group = mr_client_get_report(one)->assoc_group};
    mr_client *two = open_client(&f, &joined, &mr_epmapper_iface.syntax);
    mr_client *alien = open_epm(&f);
    assert_int_equal(mr_client_get_report(two)->assoc_group, joined.assoc_group);
    assert_int_not_equal(mr_client_get_report(alien)->assoc_group, joined.assoc_group);

    assert_int_equal(lookup(one, &first, 1, &fault), 0);
    assert_int_equal(lookup(one, &second, 1, &fault), 0);
    assert_false(mr_ndr_context_is_null(&first));
    assert_int_not_equal(memcmp(&first, &second, sizeof first), 0);
    assert_int_equal(lookup(two, &first, 1, &fault), 0);
    stale = forged = first;
    forged.uuid.clock[7] ^= 1;
    assert_int_equal(lookup(alien, &first, 1, &fault), MR_ERR_FAULT);
    assert_int_equal(fault, MR_FAULT_CONTEXT_MISMATCH);
    assert_int_equal(lookup(one, &forged, 1, &fault), MR_ERR_FAULT);
    first = stale;
    assert_int_equal(lookup(two, &first, 0, &fault), 0);
    assert_true(mr_ndr_context_is_null(&first));
    assert_int_equal(lookup(one, &stale, 1, &fault), MR_ERR_FAULT);
    assert_int_equal(lookup(one, &first, 1, &fault), 0); /* the same slot, another name */
    assert_int_equal(lookup(one, &stale, 1, &fault), MR_ERR_FAULT);
    assert_int_equal(f.lookups, 2);

    mr_client_free(one);
    run_until_connections(&f, 2);
    assert_int_equal(f.rundowns, 0);
    assert_int_equal(lookup(two, &second, 1, &fault), 0);
    mr_client_free(two);
    run_until(&f, &f.rundowns, 2);
    mr_client_free(alien);
    run_until_connections(&f, 0);
    assert_int_equal(f.rundowns, 2);
    teardown(&f);
}

static void test_handle_limit(void **state) {
    struct fixture f;
    mr_ndr_context handles[5] = {0};
    uint32_t fault;

    (void)state;
    setup(&f, &(mr_server_options){.max_handles = 4});
    mr_client *client = open_epm(&f);
    for (int i = 0; i < 4; i++)
        assert_int_equal(lookup(client, &handles[i], 1, &fault), 0);
    assert_int_equal(lookup(client, &handles[4], 1, &fault), MR_ERR_FAULT);
    assert_int_equal(fault, MR_FAULT_REMOTE_NO_MEMORY);
    assert_int_equal(lookup(client, &handles[2], 0, &fault), 0);
    handles[4] = (mr_ndr_context){0};
    assert_int_equal(lookup(client, &handles[4], 1, &fault), 0);
    mr_server_free(f.server); /* its end runs them down, too */
    assert_int_equal(f.rundowns, 4);
    mr_client_free(client);
    mr_loop_deinit(&f.loop);
}

static void test_groups(void **state) {
    struct fixture f;
    mr_client *client;
    mr_client_options options = {.timeout = PATIENCE, .assoc_group = 0x00100077};

    (void)state;
    setup(&f, &(mr_server_options){0});
    options.connect.remote = *mr_server_endpoint_get_local(f.endpoint);
    assert_int_equal(mr_client_new(&f.loop, &options, &client, NULL), 0);
    assert_int_equal(mr_client_open(client, &mr_mgmt_iface.syntax, NULL), MR_ERR_BIND_REJECTED);
    mr_client_free(client);

    mr_client *one = open_mgmt(&f);
    options.assoc_group = mr_client_get_report(one)->assoc_group;
    mr_client_free(one);
    run_until_connections(&f, 0);
    assert_int_equal(mr_client_new(&f.loop, &options, &client, NULL), 0); /* its group is dead */
    assert_int_equal(mr_client_open(client, &mr_mgmt_iface.syntax, NULL), MR_ERR_BIND_REJECTED);
    mr_client_free(client);
    for (unsigned i = 0; i < 100; i++) /* numbers are used again, but not the same */
        mr_client_free(open_mgmt(&f));
    run_until_connections(&f, 0);
    teardown(&f);
}

static void test_connection_limit(void **state) {
    struct fixture f;
    mr_client *clients[3], *extra;
    mr_client_options options = {.timeout = PATIENCE};
    mr_server_stats stats;

    (void)state;
    setup(&f, &(mr_server_options){.max_connections = 3});
    for (int i = 0; i < 3; i++)
        clients[i] = open_mgmt(&f);
    options.connect.remote = *mr_server_endpoint_get_local(f.endpoint);
    assert_int_equal(mr_client_new(&f.loop, &options, &extra, NULL), 0);
    assert_true(mr_client_open(extra, &mr_mgmt_iface.syntax, NULL) < 0);
    mr_client_free(extra);
    mr_server_get_stats(f.server, &stats);
    assert_int_equal(stats.refused, 1);
    mr_client_free(clients[1]);
    run_until_connections(&f, 2);
    clients[1] = open_mgmt(&f);
    for (int i = 0; i < 3; i++)
        mr_client_free(clients[i]);
    teardown(&f);
}

static void on_drained(void *user) {
    unsigned *drained = user;
    (*drained)++;
}

/* A drained server answers what it has begun, takes nothing new, and ends. */
static void test_drain(void **state) {
    struct fixture f;
    struct outcome outcome;
    static struct numbered n[3];
    unsigned drained = 0;

    (void)state;
    setup(&f, &(mr_server_options){0});
    mr_client *busy = open_mgmt(&f), *idle = open_mgmt(&f);
    f.late = true;
    start(busy, n, &outcome, 2);
    run_until(&f, &f.waiting_count, 2);
    mr_server_drain(f.server, on_drained, &drained);
    run_until_connections(&f, 1);
    assert_int_equal(drained, 0);
    mr_call call;
    struct mr_mgmt_is_server_listening args = {0};
    assert_int_equal(ask(busy, NULL, &call, &args), MR_ERR_FAULT);
    assert_int_equal(call.fault, MR_FAULT_SERVER_TOO_BUSY);
    assert_true(call.did_not_execute);
    mr_call_deinit(&call);
    mr_server_reply(f.waiting[0]);
    mr_server_reply(f.waiting[1]);
    run_until(&f, &outcome.done, 2);
    assert_int_equal(outcome.result[0], 0);
    assert_int_equal(outcome.result[1], 0);
    run_until(&f, &drained, 1);
    mr_call_deinit(&n[0].call);
    mr_call_deinit(&n[1].call);
    mr_client_free(busy);
    mr_client_free(idle);
    mr_server_drain(f.server, on_drained, &drained); /* with nobody there it is over at once */
    assert_int_equal(drained, 2);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_fragments),     cmocka_unit_test(test_rejected_interfaces),
        cmocka_unit_test(test_later),         cmocka_unit_test(test_call_limit),
        cmocka_unit_test(test_vanished),      cmocka_unit_test(test_handles),
        cmocka_unit_test(test_handle_limit),  cmocka_unit_test(test_groups),
        cmocka_unit_test(test_connection_limit), cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
