/* What the tests of the wire floor share: octets from hexadecimal text, in a block of exactly
 * their size, so that the sanitizer sees a read past the end. */
#ifndef TESTS_WIRE_TEST_H
#define TESTS_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <msrpc/wire.h>

static inline int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* @hex may hold spaces between octets. The block is freed with free((void *)slice.data). */
static inline mr_slice unhex(const char *hex) {
    uint8_t *data = malloc(strlen(hex) / 2 + 1);
    size_t len = 0;
    assert_non_null(data);
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        assert_true(hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0);
        data[len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        hex++;
    }
    uint8_t *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, data, len);
    free(data);
    return mr_slice_of(exact, len);
}

static inline mr_slice exact_copy(mr_slice s) {
    uint8_t *copy = malloc(s.len ? s.len : 1);
    assert_non_null(copy);
    memcpy(copy, s.data, s.len);
    return mr_slice_of(copy, s.len);
}

static inline void unhex_free(mr_slice s) {
    free((void *)(uintptr_t)s.data);
}

static inline void assert_octets(mr_slice got, const char *hex) {
    mr_slice want = unhex(hex);
    for (size_t i = 0; i < got.len && i < want.len; i++) {
        if (got.data[i] != want.data[i])
            fail_msg("octet %zu is %02x, not %02x", i, got.data[i], want.data[i]);
    }
    assert_int_equal(got.len, want.len);
    unhex_free(want);
}

static inline void assert_text(mr_slice got, const char *want) {
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static inline void assert_failed(const mr_error *err, int r, int code, size_t offset) {
    assert_int_equal(r, code);
    assert_int_equal(err->code, code);
    assert_int_equal(err->floor, MR_FLOOR_WIRE);
    assert_int_equal(err->offset, offset);
    assert_true(err->text[0] != '\0');
}

#endif
