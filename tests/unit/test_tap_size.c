/* What an open connection costs while it rests: there are hundreds of thousands of them in a
 * capture, so their size is a limit like any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <malloc.h>

#include "tap_world.h"

enum {
    WARM = 512,   /* connections that fill the tables to begin with */
    MORE = 1024,
    BARE = 480,   /* octets of one that only opened, */
    BOUND = 1400, /* of one that is bound and was called, */
    BUSY = 1800,  /* and of one whose last call waits for its answer */
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
size_t __sanitizer_get_current_allocated_bytes(void);

static size_t heap(void) {
    return __sanitizer_get_current_allocated_bytes();
}
#else
static size_t heap(void) {
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}
#endif

static tap_world w;

#define NDR "\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\2\0\0\0"
static const char bind[] =
    "\5\0\x0b\3\x10\0\0\0\x48\0\0\0\1\0\0\0\xb8\x10\xb8\x10\0\0\0\0\1\0\0\0\0\0\1\0"
    "\xff\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\0\x2b\x14\xa0\xfa\1\0\0\0" NDR;
static const char bind_ack[] =
    "\5\0\x0c\3\x10\0\0\0\x3c\0\0\0\1\0\0\0\xb8\x10\xb8\x10\x34\x12\0\0\4\0" "135\0\0\0"
    "\1\0\0\0\0\0\0\0" NDR;
static const char request[] =
    "\5\0\0\3\x10\0\0\0\x20\0\0\0\2\0\0\0\x08\0\0\0\0\0\4\0\0\0\0\0\0\0\0\0";
static const char response[] =
    "\5\0\2\3\x10\0\0\0\x20\0\0\0\2\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#define SAY(from, text) tap_world_say(&w, from, text, sizeof(text) - 1, 1000)

/* One more connection; of its records nothing is kept. */
static void add(uint16_t port, bool bound, int calls, bool asks) {
    tap_world_open(&w, port, 49152);
    if (bound) {
        SAY(0, bind);
        SAY(1, bind_ack);
    }
    for (int i = 0; i < calls; i++) {
        SAY(0, request);
        SAY(1, response);
    }
    if (asks)
        SAY(0, request);
    mr_seen_reset(&w.batch);
}

/* What each of MORE connections adds to the heap; all of it is given back. */
static size_t cost(bool bound, int calls, bool asks) {
    tap_world_init(&w);
    w.ctx.ring = malloc(16 * sizeof *w.ctx.ring);
    assert_non_null(w.ctx.ring);
    for (uint16_t i = 0; i < WARM; i++)
        add((uint16_t)(1000 + i), bound, calls, asks);
    size_t before = heap();
    for (uint16_t i = 0; i < MORE; i++)
        add((uint16_t)(3000 + i), bound, calls, asks);
    size_t each = (heap() - before) / MORE;
    assert_int_equal(w.totals.calls, (WARM + MORE) * (calls + asks));
    assert_int_equal(w.totals.answered, (WARM + MORE) * calls);
    assert_int_equal(w.flows.rare_count, 0);
    tap_world_deinit(&w);
    return each;
}

static void test_bare(void **state) {
    (void)state;
    assert_in_range(cost(false, 0, false), 300, BARE);
}

static void test_bound(void **state) {
    (void)state;
    assert_in_range(cost(true, 0, false), 300, BOUND);
    assert_in_range(cost(true, 5, false), 300, BOUND);
}

static void test_busy(void **state) {
    (void)state;
    assert_in_range(cost(true, 5, true), 300, BUSY);
}

/* Beyond 16 answers there is a table of their times, and that is all. */
static void test_called_often(void **state) {
    (void)state;
    assert_in_range(cost(true, 40, false), 300, BOUND + 160);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_called_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
