/*
 * Every allocation of a survey fails once: nothing crashes or leaks, and what could not be asked
 * is neither a healthy name nor one that does not exist.
 */
#include "dns_world.h"
#include "no_memory.h"

#include <msrpc/probe/dns_survey.h>

#define PATIENCE (30 * MR_SEC)

static const struct dns_row rows[] = {
    {7, "_ldap._tcp.lab.x", MR_DNS_SRV, 900, "0 100 389 dc.lab.x", 0},
    {7, "dc.lab.x", MR_DNS_A, 900, "10.0.0.1", 0},
    {7, "1.0.0.10.in-addr.arpa", MR_DNS_PTR, 900, "dc.lab.x", 0},
};

static void on_done(void *user) {
    mr_loop_stop(user);
}

/* The result of the first thing that failed, else of mr_diag_run. */
static int survey(const struct dns_world *dns, mr_loop *loop, mr_resolver *resolver,
                  mr_arena *arena, mr_diag *diag, const char *name) {
    const mr_dns_survey_options options = {.name = name, .servers = dns->addrs + 1,
                                           .server_count = 2, .timeout = PATIENCE};
    mr_dns_survey *s = NULL;
    mr_error err = MR_ERROR_INIT;

    int r = mr_resolver_set_server(resolver, &dns->addrs[0], &err);
    resolver->hosts_path = resolver->nsswitch_path = "/dev/null";
    resolver->config.search_count = 0;
    if (!r)
        r = mr_diag_init(diag, arena, name, NULL);
    if (!r)
        r = mr_dns_survey_new(resolver, arena, &options, &s, &err);
    if (!r)
        r = mr_dns_survey_start(s, on_done, loop, &err);
    if (!r)
        assert_int_equal(mr_loop_run(loop, mr_clock_now() + PATIENCE), 0);
    if (!r)
        r = mr_dns_survey_add_facts(s, diag);
    if (!r)
        r = mr_diag_run(diag);
    mr_dns_survey_free(s);
    return r;
}

static bool attempt(const struct dns_world *dns, const char *name, size_t nth) {
    mr_loop loop;
    mr_resolver resolver;
    mr_arena arena;
    mr_diag diag;

    fail_once(nth);
    int r = mr_loop_init(&loop, NULL);
    bool opened = r == 0;
    mr_arena_init(&arena, 64 << 20);
    if (opened) {
        mr_resolver_init(&resolver, &loop);
        r = survey(dns, &loop, &resolver, &arena, &diag, name);
    }
    bool failed = fail_end();
    if (r) {
        assert_true(failed && r == MR_ERR_MEMORY);
    } else {
        /* the servers all have the name: nobody may be blamed */
        assert_int_equal(mr_diag_get_verdict(&diag)->exit, 0);
        assert_true(failed || mr_diag_get_phase(&diag, MR_PHASE_NAMES) == MR_STATUS_PASS);
    }
    if (opened) {
        mr_resolver_deinit(&resolver);
        mr_loop_deinit(&loop);
    }
    mr_arena_deinit(&arena);
    return failed;
}

static void every_allocation_fails(void **state) {
    static const char *const names[] = {"dc.lab.x", "_ldap._tcp.lab.x", "10.0.0.1"};
    struct dns_world dns;

    (void)state;
    dns_world_open(&dns, rows, MR_COUNT(rows));
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        size_t nth = 1;
        assert_false(attempt(&dns, names[i], 0));
        while (attempt(&dns, names[i], nth))
            nth++;
        print_message("# %s: %zu allocations\n", names[i], nth - 1);
        assert_true(nth > 10);
    }
    dns_world_close(&dns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
