/*
 * Every allocation of a whole map fails once, those of the client, of the mapper's client and of
 * the server that answers: nothing crashes or leaks, and whoever asked is told, or has everything.
 */
#include "no_memory.h"
#include "rpc_world.h"

#define ENTRIES 40
#define PAGE 15

typedef int work_fn(struct world *w, mr_error *err);

/* Connects, reads the list by pages, maps one interface, calls it. 0, or an error with its text. */
static int map(struct world *w, mr_error *err) {
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
            assert_int_equal(mapper.entries[i].object.time_low, i);
            assert_int_equal(mapper.entries[i].port,
                             mr_server_endpoint_get_local(w->service)->port);
            assert_true(mr_slice_eq(mapper.entries[i].host, MR_SLICE_LIT("127.0.0.1")));
            assert_int_equal(mapper.entries[i].annotation.len, 8);
        }
        if (!r)
            assert_int_equal(mapper.count, ENTRIES);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_survey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
