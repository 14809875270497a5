/* Captured answers for unit tests: the corpora of the fuzz targets, read from the source tree. */
#ifndef MSRPC_TEST_SAMPLE_H
#define MSRPC_TEST_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include <msrpc/base.h>

/* tests/fuzz/corpus/@name in memory of its exact size, which the caller frees; fails the test when
 * it is not there. */
static inline mr_slice sample_get(const char *name) {
    const char *source = getenv("MSRPC_SOURCE");
    char path[1024];
    uint8_t room[4096];

    assert_non_null(source);
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(room, 1, sizeof room, f);
    fclose(f);
    assert_true(n > 0 && n < sizeof room);
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, room, n);
    return mr_slice_of(copy, n);
}

static inline void sample_free(mr_slice s) {
    free((void *)(uintptr_t)s.data);
}

/* The first @n octets alone, so that a read past them is seen. */
static inline mr_slice sample_cut(mr_slice s, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);

    assert_non_null(copy);
    memcpy(copy, s.data, n);
    return mr_slice_of(copy, n);
}

#endif
