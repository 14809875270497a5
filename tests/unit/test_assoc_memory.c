/* Every allocation of a conversation fails once: the association reports it, stays sound and leaks
 * nothing; and what it holds stays under its caps. */
#include "assoc_world.h"
#include "no_memory.h"

/* One conversation with the @nth allocation failing; whether it came that far. */
static bool attempt(size_t nth, size_t step) {
    static world w;
    mr_assoc_config c = {.max_xmit = 600, .features = 1}, s = {.max_xmit = 500, .features = 1};

    fail_once(nth);
    world_init_config(&w, &c, &s);
    w.step = step;
    if (w.client.rc == 0 && w.server.rc == 0 && w.tap.rc == 0) {
        uint32_t n = 5000;
        world_bind(&w);
        for (int i = 0; i < 3 && w.client.rc == 0; i++) {
            world_call(&w, 0, mr_slice_of(w.big_reply, 3000));
            world_call(&w, 1, mr_slice_of(&n, 4));
            world_call(&w, 2, mr_slice_of(&n, 4));
            pump(&w);
        }
    }
    bool failed = fail_end();
    if (!failed) {
        assert_sound(&w.client);
        assert_string_equal(w.client.log, w.tap.log);
    }
    /* whoever fails says so, and the others suffer nothing worse than silence */
    side *sides[] = {&w.client, &w.server, &w.tap};
    bool told = w.lost;
    for (int i = 0; i < 3; i++) {
        int rc = sides[i]->rc;
        if (rc != 0 && !w.lost)
            assert_true(rc == MR_ERR_MEMORY || rc == MR_ERR_STATE || rc == MR_ERR_ARGUMENT);
        told |= rc == MR_ERR_MEMORY;
    }
    if (failed)
        assert_true(told);
    world_deinit(&w);
    return failed;
}

static void every_allocation_fails(void **state) {
    static const size_t steps[] = {0, 1, 700};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(steps); i++) {
        size_t nth = 1;
        assert_false(attempt(0, steps[i]));
        while (attempt(nth, steps[i]))
            nth++;
        assert_true(nth > 10);
    }
}

/* A warm conversation allocates nothing at all. */
static void warm_calls_allocate_nothing(void **state) {
    (void)state;
    world *w = world_new(NULL, NULL, 1000);
    world_bind(w);
    for (int i = 0; i < 3; i++) {
        world_call(w, 0, mr_slice_of(w->big_reply, 20000));
        pump(w);
    }
    size_t before = no_memory.count;
    for (int i = 0; i < 50; i++) {
        world_call(w, 0, mr_slice_of(w->big_reply, 20000));
        pump(w);
    }
    assert_sound(&w->client);
    assert_int_equal(no_memory.count, before);
    world_deinit(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails),
        cmocka_unit_test(warm_calls_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
