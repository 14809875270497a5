/* Every allocation of an analysis fails once: it says so, or what could not be kept is left out,
 * and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <msrpc/capture.h>

#include "no_memory.h"

/* A capture in memory, read before memory runs out. */
typedef struct packets {
    mr_packet list[256];
    size_t count, next;
} packets;

static void load(packets *p, const char *name) {
    const char *root = getenv("MSRPC_SOURCE");
    mr_capture_file file;
    mr_packet packet;
    char path[1024];

    snprintf(path, sizeof path, "%s/tests/captures/%s.client.pcap.gz", root ? root : ".", name);
    p->count = 0;
    assert_int_equal(mr_capture_file_init(&file, path, NULL, NULL), 0);
    while (p->count < MR_COUNT(p->list) && mr_capture_file_read(&file, &packet, NULL) == 0) {
        uint8_t *copy = malloc(packet.bytes.len + 1);
        assert_non_null(copy);
        memcpy(copy, packet.bytes.data, packet.bytes.len);
        packet.bytes.data = copy;
        p->list[p->count++] = packet;
    }
    mr_capture_file_deinit(&file);
}

static void unload(packets *p) {
    for (size_t i = 0; i < p->count; i++)
        free((void *)(uintptr_t)p->list[i].bytes.data);
}

static int read_packet(void *ctx, mr_packet *packetp, mr_error *err) {
    packets *p = ctx;
    (void)err;
    if (p->next == p->count)
        return MR_CAPTURE_END;
    *packetp = p->list[p->next++];
    return 0;
}

static int on_seen(void *ctx, const mr_seen *seen) {
    (void)ctx;
    (void)seen;
    return 0;
}

/* Whether the @nth allocation was reached. */
static bool attempt(packets *p, size_t nth) {
    mr_analysis_config config = {.read = read_packet, .seen = on_seen, .ctx = p, .stubs = true};
    mr_totals totals;
    mr_error err = MR_ERROR_INIT;

    p->next = 0;
    fail_once(nth);
    int r = mr_analysis_run(&config, &totals, &err);
    bool failed = fail_end();
    if (r != 0) {
        assert_true(failed);
        assert_int_equal(r, MR_ERR_MEMORY);
        assert_true(err.text[0] != 0);
    }
    mr_totals_deinit(&totals);
    return failed;
}

static void every_allocation_fails(void **state) {
    static const char *const names[] = {"healthy-samr-ntlm", "healthy-srvsvc-pipe",
                                        "healthy-pipe-smb1", "healthy-lookup-dc", "krb-skew",
                                        "hostile-one-byte"};
    static packets p;
    (void)state;
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        size_t nth = 1;
        load(&p, names[i]);
        assert_false(attempt(&p, 0));
        while (attempt(&p, nth))
            nth++;
        assert_true(nth > 5);
        unload(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
