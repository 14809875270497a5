/* Every allocation of a secure channel fails once, in each role: nothing crashes or leaks, who
 * failed says so, and what is complete is whole. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include <msrpc/auth.h>

#include "no_memory.h"

typedef struct trio {
    mr_netlogon_key key;
    mr_netlogon *end[3];
    mr_buf tokens[2];
} trio;

static int find(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                mr_error *err) {
    (void)domain;
    (void)computer;
    (void)err;
    *keyp = *(const mr_netlogon_key *)user;
    return 0;
}

static int step(trio *t, enum mr_security_role role, enum mr_dir dir, mr_slice token,
                mr_buf *out) {
    mr_security *sec = mr_netlogon_get_security(t->end[role]);
    mr_error err = MR_ERROR_INIT;
    int rc = sec->class->step(sec, dir, token, out, &err);

    assert_true(rc >= 0 || (err.code == rc && *err.text));
    return rc;
}

static int shake(trio *t) {
    int rc = 0;

    for (int role = 0; role < 3 && rc == 0; role++) {
        mr_netlogon_options o = {.role = (enum mr_security_role)role, .domain = "LAB",
                                 .computer = "PC7", .key = t->key, .find = find,
                                 .user = &t->key};
        rc = mr_netlogon_new(&o, &t->end[role], NULL);
    }
    if (rc == 0)
        rc = step(t, MR_SECURITY_INITIATOR, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &t->tokens[0]);
    mr_slice asked = mr_buf_slice(&t->tokens[0]);
    if (rc >= 0)
        rc = step(t, MR_SECURITY_ACCEPTOR, MR_DIR_TO_SERVER, asked, &t->tokens[1]);
    mr_slice answered = mr_buf_slice(&t->tokens[1]);
    if (rc >= 0)
        rc = step(t, MR_SECURITY_INITIATOR, MR_DIR_TO_CLIENT, answered, NULL);
    if (rc >= 0)
        rc = step(t, MR_SECURITY_OBSERVER, MR_DIR_TO_SERVER, asked, NULL);
    return rc >= 0 ? step(t, MR_SECURITY_OBSERVER, MR_DIR_TO_CLIENT, answered, NULL) : rc;
}

/* A fragment each way; returns the first failure. */
static int talk(trio *t) {
    int rc = 0;

    for (int dir = 0; dir < 2 && rc == 0; dir++) {
        mr_security *from = mr_netlogon_get_security(t->end[dir]);
        mr_security *to = mr_netlogon_get_security(t->end[!dir]);
        mr_security *tap = mr_netlogon_get_security(t->end[MR_SECURITY_OBSERVER]);
        uint8_t pdu[24 + 16 + 8 + 64] = "header", plain[2][16];
        mr_security_frag f = {
            .header = mr_slice_of(pdu, 24), .body = mr_slice_of(pdu + 24, 16),
            .trailer = mr_slice_of(pdu + 40, 8), .level = MR_AUTH_LEVEL_PRIVACY,
            .value = {pdu + 48, from->class->sizes(from, MR_AUTH_LEVEL_PRIVACY)},
            .sign_header = true, .dir = (enum mr_dir)dir};
        memcpy(pdu + 24, "sixteen octets..", 16);
        rc = from->class->protect(from, &f, pdu + 24, pdu + 48, NULL);
        if (rc == 0)
            rc = to->class->unprotect(to, &f, plain[0], NULL);
        if (rc == 0)
            rc = tap->class->unprotect(tap, &f, plain[1], NULL);
        if (rc == 0)
            assert_memory_equal(plain[0], "sixteen octets..", 16);
        if (rc == 0)
            assert_memory_equal(plain[1], plain[0], 16);
    }
    return rc;
}

static bool attempt(size_t nth, bool aes) {
    trio t = {.key = {.key = "sixteen octets!", .aes = aes}};

    for (int i = 0; i < 2; i++)
        mr_buf_init(&t.tokens[i], NULL, 0, 1000);
    fail_once(nth);
    int rc = shake(&t);
    if (rc == 0)
        rc = talk(&t);
    bool failed = fail_end();
    assert_int_equal(rc, failed ? MR_ERR_MEMORY : 0);
    for (int role = 0; role < 3; role++)
        mr_netlogon_free(t.end[role]);
    for (int i = 0; i < 2; i++)
        mr_buf_deinit(&t.tokens[i]);
    return failed;
}

static void every_allocation(void **state) {
    (void)state;
    for (int aes = 0; aes < 2; aes++) {
        size_t nth = 1;
        assert_false(attempt(0, aes));
        while (attempt(nth, aes))
            nth++;
        assert_true(nth > 5); /* the three channels and the two tokens */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests_name("netlogon_memory", tests, NULL, NULL);
}
