/*
 * Every allocation of a whole map fails once, those of the client, of the mapper's client and of
 * the server that answers: nothing crashes or leaks, and whoever asked is told, or has everything.
 */
#include "rpc_world.h"

#define ENTRIES 40
#define PAGE 15

/* Connects, reads the list by pages, maps one interface, calls it. 0, or an error with its text. */
static int work(struct world *w, mr_error *err) {
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

/* One map with the @nth allocation failing; whether it came that far. */
static bool attempt(size_t nth) {
    struct world w;
    mr_error err = MR_ERROR_INIT;

    countdown = nth;
    int r = world_open(&w, ENTRIES);
    bool opened = r == 0;
    if (opened)
        r = work(&w, &err);
    bool failed = nth > 0 && countdown == 0;
    countdown = 0;
    if (!opened)
        assert_true(failed && r == MR_ERR_MEMORY);
    else if (r)
        assert_true(failed && err.text[0] != '\0');
    world_close(&w);
    return failed;
}

static void every_allocation_fails(void **state) {
    size_t nth = 1;

    (void)state;
    assert_false(attempt(0));
    while (attempt(nth))
        nth++;
    print_message("# %zu allocations\n", nth - 1);
    assert_true(nth > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
