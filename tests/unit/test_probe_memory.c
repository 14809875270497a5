/*
 * Every allocation of a whole diagnosis fails once, its own and its server's: nothing crashes or
 * leaks, and it never says that all is well when it could not look.
 */
#include "no_memory.h"
#include "rpc_world.h"

#include <stdio.h>

#include <msrpc/probe.h>

struct run {
    mr_loop *loop;
    bool done;
};

static void on_done(void *user, mr_probe *probe) {
    struct run *run = user;
    (void)probe;
    run->done = true;
    mr_loop_stop(run->loop);
}

/* Diagnoses the world; the result of the first thing that failed, else of mr_diag_run. */
static int diagnose(struct world *w, mr_resolver *resolver, mr_diag *diag) {
    mr_pace pace = {.interval = MR_SEC / 2000};
    const mr_addr nobody = {.family = MR_FAMILY_IPV4, .port = 1, .ip = {127, 0, 0, 1}};
    const mr_probe_options options = {
        .host = "127.0.0.1",
        .mapper_port = mr_server_endpoint_get_local(w->mapper)->port,
        .timeout = 300 * MR_MSEC,
        .pace = &pace,
    };
    struct run run = {.loop = &w->loop};
    mr_probe *probe = NULL;
    mr_error err = MR_ERROR_INIT;

    int r = mr_resolver_set_server(resolver, &nobody, &err);
    if (!r)
        r = mr_probe_new(&w->loop, resolver, diag, &options, &probe, &err);
    if (!r)
        r = mr_probe_start(probe, on_done, &run, &err);
    if (r)
        assert_true(err.text[0] != '\0');
    while (!r && !run.done)
        assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + 30 * MR_SEC), 0);
    if (!r)
        r = mr_diag_run(diag);
    mr_probe_free(probe);
    return r;
}

static bool passed(const mr_diag *diag, const char *id) {
    const mr_check *check;
    for (size_t i = 0; (check = mr_diag_get_check(diag, i)) != NULL; i++)
        if (!strcmp(check->id, id))
            return check->status == MR_STATUS_PASS;
    return false;
}

static bool attempt(size_t nth) {
    struct world w;
    mr_resolver resolver;
    mr_arena arena;
    mr_diag diag;
    char service[32];

    fail_once(nth);
    int r = world_open(&w, 2);
    bool opened = r == 0;
    mr_arena_init(&arena, 64 << 20);
    if (opened) {
        snprintf(service, sizeof service, "RPC.%u", mr_server_endpoint_get_local(w.service)->port);
        mr_resolver_init(&resolver, &w.loop);
        r = mr_diag_init(&diag, &arena, "127.0.0.1", NULL);
        if (!r)
            r = diagnose(&w, &resolver, &diag);
    }
    bool failed = fail_end();
    if (r) {
        assert_true(failed && r == MR_ERR_MEMORY);
    } else {
        bool well = true;
        for (int phase = 1; phase <= MR_PHASE_COUNT; phase++)
            well &= mr_diag_get_phase(&diag, phase) == MR_STATUS_PASS;
        assert_true(failed || well);
        assert_int_equal(mr_diag_get_verdict(&diag)->exit == 0, well);
        if (well)
            assert_true(passed(&diag, "EPM.BIND") && passed(&diag, "EPM.LOOKUP") &&
                        passed(&diag, service));
    }
    if (opened)
        mr_resolver_deinit(&resolver);
    mr_arena_deinit(&arena);
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
