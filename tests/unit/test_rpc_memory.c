/*
 * Every allocation of a whole map fails once, those of the client, of the mapper's client and of
 * the server that answers: nothing crashes or leaks, and whoever asked is told, or has everything.
 */
#include "no_memory.h"
#include "rpc_world.h"

#include <stdio.h>
#include <unistd.h>

#define ENTRIES 40
#define PAGE 15

typedef int work_fn(struct world *w, mr_error *err);

/* Connects, reads the list by pages, maps one interface, calls it. 0, or an error with its text. */
static int map_whole(struct world *w, size_t entries, mr_error *err) {
    const mr_client_options options = {
        .connect.remote = *mr_server_endpoint_get_local(w->mapper), .timeout = 300 * MR_MSEC};
    const mr_mapper_query query = {.page = PAGE};
    mr_mapper mapper = {0};
    mr_client *client = NULL;

    int r = mr_client_new(&w->loop, &options, &client, err);
    if (!r)
        r = mr_client_open(client, &mr_epmapper_iface.syntax, err);
    if (!r)
        r = mr_mapper_init(&mapper, client, MR_SLICE_LIT("127.0.0.1"), err);
    if (!r) {
        r = mr_mapper_lookup_run(&mapper, &query, err);
        for (size_t i = 0; !r && i < mapper.count; i++) {
            assert_int_equal(mapper.entries[i].object.time_low,
                             i < ENTRIES ? i : 901 + i - ENTRIES);
            assert_int_equal(mapper.entries[i].port,
                             mr_server_endpoint_get_local(w->service)->port);
            assert_true(mr_slice_eq(mapper.entries[i].host, MR_SLICE_LIT("127.0.0.1")));
            assert_int_equal(mapper.entries[i].annotation.len, 8);
        }
        if (!r)
            assert_int_equal(mapper.count, entries);
    }
    if (!r)
        r = mr_mapper_map_run(&mapper, &mr_rpcecho_iface.syntax, NULL, MR_PROTSEQ_NCACN_IP_TCP,
                              err);
    if (!r)
        assert_true(mapper.count >= 1 && mapper.entries[0].port);
    struct mr_epmapper_ept_inq_object args = {0};
    if (!r)
        r = mr_client_call(client, &mr_epmapper_iface, 5, &args, err);
    if (!r)
        assert_true(mr_uuid_eq(&args.ept_object, &w->db.object));
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    return r;
}

static int map(struct world *w, mr_error *err) {
    return map_whole(w, ENTRIES, err);
}

struct outcome {
    mr_loop *loop;
    bool over;
    int result;
    mr_error *err;
};

static void on_surveyed(void *user, mr_survey *survey, int result, const mr_error *err) {
    struct outcome *o = user;

    (void)survey;
    o->over = true;
    o->result = result;
    *o->err = *err;
    mr_loop_stop(o->loop);
}

/* Which interfaces are behind the service, by both ways. A survey that was cut says why. */
static int survey(struct world *w, mr_error *err) {
    mr_syntax guesses[60] = {mr_rpcecho_iface.syntax};
    const mr_survey_options options = {
        .client = {.connect.remote = *mr_server_endpoint_get_local(w->service),
                   .timeout = 200 * MR_MSEC},
        .method = MR_SURVEY_BOTH, .guesses = guesses, .guess_count = MR_COUNT(guesses)};
    struct outcome o = {.loop = &w->loop, .err = err};
    mr_survey s = {0};

    for (uint32_t i = 1; i < MR_COUNT(guesses); i++)
        guesses[i] = (mr_syntax){{.time_low = i}, 1, 0};
    int r = mr_survey_init(&s, &w->loop, &options, err);
    s.done = on_surveyed;
    s.user = &o;
    if (!r)
        r = mr_survey_start(&s, err);
    while (!r && !o.over)
        assert_true(mr_loop_run(&w->loop, mr_clock_now() + 30 * MR_SEC) != MR_LOOP_DEADLINE);
    if (!r)
        r = o.result;
    if (!r && s.cut) {
        r = s.cut_error.code;
        *err = s.cut_error;
    } else if (!r && s.ifaces[1].probe == MR_SURVEY_UNKNOWN) {
        r = MR_ERR_CLOSED; /* its round was lost alone */
        mr_fail(err, r, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "unknown");
    } else if (!r) {
        assert_int_equal(s.ifaces[1].probe, MR_SURVEY_PRESENT);
        assert_true(s.ifaces[1].listed || s.mgmt != MR_SURVEY_MGMT_LISTED);
    }
    mr_survey_deinit(&s);
    return r;
}

static void on_tick(void *user) {
    mr_loop_stop(user);
}

/* Runs the loop until the registry has @want rows. */
static void run_until(struct world *w, size_t want) {
    mr_nsec end = mr_clock_now() + 30 * MR_SEC;
    mr_timer tick;

    mr_timer_init(&tick, &w->loop, on_tick, &w->loop);
    while (w->db.count != want && mr_clock_now() < end) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(&w->loop, end);
    }
    mr_timer_deinit(&tick);
    assert_int_equal(w->db.count, want);
}

static char socket_path[64];

/* Registers over a local socket, looks, withdraws: all entries are there or none; none stays. */
static int registering(struct world *w, mr_error *err) {
    const mr_listen_options listen = {.path = socket_path};
    const mr_uuid objects[] = {{.time_low = 901}, {.time_low = 902}};
    const mr_register_options options = {.socket = socket_path, .annotation = "an entry",
                                         .objects = objects, .object_count = 2};
    mr_registration *registration = NULL;
    mr_server_endpoint *endpoint;

    int r = mr_server_add_endpoint(w->server, &listen, &endpoint, err);
    if (!r)
        r = mr_serve_add_mapper(endpoint, &w->db, err);
    if (!r)
        r = mr_mapper_register_run(w->server, &options, &registration, err);
    if (!r)
        assert_int_equal(w->db.count, ENTRIES + 2);
    int mapped = r ? r : map_whole(w, ENTRIES + 2, err);
    mr_mapper_unregister(registration);
    run_until(w, ENTRIES);
    return mapped;
}

/* One piece of work with the @nth allocation failing; whether it came that far. */
static bool attempt(work_fn *work, size_t nth) {
    struct world w;
    mr_error err = MR_ERROR_INIT;

    fail_once(nth);
    int r = world_open(&w, ENTRIES);
    bool opened = r == 0;
    if (opened)
        r = work(&w, &err);
    bool failed = fail_end();
    if (!opened)
        assert_true(failed && r == MR_ERR_MEMORY);
    else if (r)
        assert_true(failed && err.text[0] != '\0');
    world_close(&w);
    return failed;
}

static void every_allocation_fails(work_fn *work) {
    size_t nth = 1;

    assert_false(attempt(work, 0));
    while (attempt(work, nth))
        nth++;
    print_message("# %zu allocations\n", nth - 1);
    assert_true(nth > 50);
}

static void test_map(void **state) {
    (void)state;
    every_allocation_fails(map);
}

static void test_survey(void **state) {
    (void)state;
    every_allocation_fails(survey);
}

static void test_registering(void **state) {
    char lock[80];

    (void)state;
    snprintf(socket_path, sizeof socket_path, "/tmp/msrpc-memory-%d", (int)getpid());
    every_allocation_fails(registering);
    snprintf(lock, sizeof lock, "%s.lock", socket_path);
    unlink(lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_survey),
        cmocka_unit_test(test_registering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
