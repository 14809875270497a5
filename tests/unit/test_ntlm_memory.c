/* Every allocation of NTLM's exchange fails once, at either end: nothing crashes or leaks, a step
 * that failed says so, and nobody is let in or kept out for another reason than memory. */
#include "ntlm_world.h"

#include "no_memory.h"

static int shake(ntlm_ends *e) {
    int rc = mr_ntlm_new(&e->client_options, &e->client, &e->err);

    if (rc == 0)
        rc = mr_ntlm_new(&e->server_options, &e->server, &e->err);
    for (int leg = 0; rc >= 0 && leg < 4; leg++)
        rc = ntlm_leg(e, leg);
    return rc;
}

static bool attempt(size_t nth, bool wrong) {
    uint8_t keys[2][MR_NTLM_KEY];
    bool failed;
    ntlm_ends e;
    int rc;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    if (wrong)
        assert_int_equal(mr_identity_set_password(&e.who, MR_SLICE_LIT("wrong"), NULL), 0);
    fail_once(nth);
    rc = shake(&e);
    failed = fail_end();
    assert_true(rc == (wrong ? MR_ERR_AUTH : 0) || (failed && rc == MR_ERR_MEMORY));
    if (rc == 0) {
        assert_int_equal(mr_ntlm_get_session_key(e.client, keys[0], NULL), 0);
        assert_int_equal(mr_ntlm_get_session_key(e.server, keys[1], NULL), 0);
        assert_memory_equal(keys[0], keys[1], MR_NTLM_KEY);
    }
    ntlm_ends_deinit(&e);
    return failed;
}

static void every_allocation(void **state) {
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        size_t nth = 1;
        assert_false(attempt(0, wrong));
        while (attempt(nth, wrong))
            nth++;
        assert_true(nth > 10);
    }
}

/* An identity that could not be set is what it was. */
static void identities(void **state) {
    bool failed = true;
    (void)state;

    for (size_t nth = 1; failed; nth++) {
        mr_identity id;
        assert_int_equal(mr_identity_init(&id, NULL), 0);
        fail_once(nth);
        int rc = mr_identity_set_name(&id, MR_SLICE_LIT("LAB\\alice"), NULL);
        assert_true((rc == 0) == (*id.user != 0) && (rc == 0) == (*id.domain != 0));
        if (rc == 0)
            rc = mr_identity_set_password(&id, MR_SLICE_LIT("s3cret"), NULL);
        failed = fail_end();
        assert_int_equal(rc, failed ? MR_ERR_MEMORY : 0);
        assert_int_equal(id.has_password, rc == 0);
        mr_identity_deinit(&id);
        fail_once(nth);
        rc = mr_identity_init(&id, NULL);
        assert_int_equal(rc, fail_end() ? MR_ERR_MEMORY : 0);
        mr_identity_deinit(&id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation),
        cmocka_unit_test(identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
