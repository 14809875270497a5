/*
 * Every allocation of a whole audit fails once, its own and its host's: nothing crashes or leaks,
 * and nothing that was not denied is said to be.
 */
#include <stdio.h>

#include "audit_world.h"
#include "no_memory.h"

static bool attempt(size_t nth) {
    static mr_audit audit;
    struct audit_world w;
    mr_diag diag;

    fail_once(nth);
    int r = world_open(&w);
    if (!r)
        r = WORLD_ADD(&w, samr, &samr_open_bodies);
    if (!r)
        r = WORLD_ADD(&w, lsarpc, &lsarpc_open_bodies);
    bool opened = r == 0;
    if (opened)
        r = world_audit(&w, 500 * MR_MSEC, 0, 0, &audit);
    if (!r)
        r = mr_diag_init(&diag, &w.arena, "127.0.0.1", NULL);
    if (!r)
        r = mr_audit_add_facts(&audit, &diag);
    if (!r)
        r = mr_diag_run(&diag);
    bool failed = fail_end();
    assert_true(r == 0 || (failed && r == MR_ERR_MEMORY));
    if (opened) {
        const mr_audit_fact *users = mr_audit_find(&audit, "SAMR.USERS");
        assert_non_null(users);
        assert_true(users->outcome.state != MR_AUDIT_DENIED);
        assert_true(failed || users->outcome.state == MR_AUDIT_LEAKS);
    }
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
