/* Every allocation of a story fails once: it says so, or leaves out what could not be kept, and
 * nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../fuzz/story_script.h"
#include "no_memory.h"

static uint8_t octets[8192];
static size_t octet_count;

static void load(const char *name) {
    const char *root = getenv("MSRPC_SOURCE");
    char path[1024];

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/story/%s", root ? root : ".", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    octet_count = fread(octets, 1, sizeof octets, file);
    fclose(file);
}

/* Whether the @nth allocation was reached; the script's own ones come out of it, too. */
static bool attempt(size_t nth) {
    static story_script s;
    mr_trace *trace = NULL;
    mr_seen seen;

    s = (story_script){.octets = octets + 1, .len = octet_count - 1, .now = 1000000 * MR_SEC};
    fail_once(nth);
    int r = mr_trace_new(NULL, &trace);
    while (!r && story_next(&s, &seen)) {
        r = mr_trace_add(trace, &seen);
        story_taken(&s);
    }
    if (!r)
        r = mr_trace_end(trace, 0, s.now + 60 * MR_SEC);
    bool failed = fail_end();
    if (r) {
        assert_true(failed);
        assert_int_equal(r, MR_ERR_MEMORY);
    } else {
        assert_non_null(mr_trace_get_verdict(trace)->summary);
    }
    mr_trace_free(trace);
    return failed;
}

static void every_allocation_fails(void **state) {
    static const char *const names[] = {"works-then-silent", "silent-then-works", "random"};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        size_t nth = 1;
        load(names[i]);
        assert_true(octet_count > 1);
        assert_false(attempt(0));
        while (attempt(nth))
            nth++;
        assert_true(nth > 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
