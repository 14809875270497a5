/* Every allocation of a negotiation fails once, at either end and in the mechanism inside: nothing
 * crashes or leaks, and a want of memory is told as such: it is no reason to fall back, and nobody
 * is let in for it. */
#include "spnego_world.h"

#include "no_memory.h"

/* The negotiation without a listener, which would stop listening; buffers are the test's own. */
static int shake(spnego_ends *e) {
    int rc = 0, last[2] = {MR_SECURITY_CONTINUE, MR_SECURITY_CONTINUE};

    for (int end = 0; end < 2 && rc == 0; end++)
        rc = mr_spnego_new(&e->options[end], &e->end[end], &e->err);
    for (int leg = 0; leg < 10 && rc >= 0; leg++) {
        int who = leg % 2;
        rc = last[who] = spnego_step(e, who, who ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT);
        if (rc < 0 || e->token.len == 0)
            break;
    }
    if (rc >= 0)
        assert_int_equal(last[CLIENT] | last[SERVER], 0);
    return rc;
}

static bool attempt(size_t nth, enum mechs client, enum mechs server, bool falls_back) {
    static uint8_t room[8192];
    spnego_ends e;

    spnego_ends_init(&e, MR_AUTH_LEVEL_PRIVACY, client, server);
    mr_buf_init(&e.token, room, sizeof room, sizeof room);
    fail_once(nth);
    int rc = shake(&e);
    bool failed = fail_end();
    assert_true(rc == 0 || (failed && rc == MR_ERR_MEMORY && e.err.code == rc && *e.err.text));
    for (int end = 0; end < 2 && rc == 0; end++) {
        mr_spnego_info info = spnego_info(&e, end);
        assert_true(info.complete && info.protected);
        assert_int_equal(info.fallback != MR_SPNEGO_NO_FALLBACK, falls_back);
    }
    spnego_ends_deinit(&e);
    return failed;
}

static void every_allocation(void **state) {
    static const struct {
        enum mechs client, server;
        bool falls_back;
    } cases[] = {
        {ONLY_NTLM, ONLY_NTLM, false},
        {NTLM_FIRST, TOY_FIRST, false},
        {TOY_FIRST, NTLM_FIRST, false},
        {TOY_FIRST, ONLY_NTLM, true},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        size_t nth = 1;
        assert_false(attempt(0, cases[i].client, cases[i].server, cases[i].falls_back));
        while (attempt(nth, cases[i].client, cases[i].server, cases[i].falls_back))
            nth++;
        assert_true(nth > 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests_name("spnego_memory", tests, NULL, NULL);
}
