/* Octets of tests written in hexadecimal, with spaces where they help. */
#ifndef TEST_HEX_H
#define TEST_HEX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <msrpc/base.h>

/* Writes what @hex says to @out of @size octets and returns how many they are. */
static inline size_t hex_read(const char *hex, uint8_t *out, size_t size) {
    size_t n = 0;

    while (*hex) {
        if (*hex == ' ' || *hex == '\n') {
            hex++;
            continue;
        }
        int high = mr_hex_digit((uint8_t)hex[0]), low = mr_hex_digit((uint8_t)hex[1]);
        assert_true(high >= 0 && low >= 0 && n < size);
        out[n++] = (uint8_t)(high << 4 | low);
        hex += 2;
    }
    return n;
}

static inline void assert_hex(const void *got, size_t n, const char *hex) {
    uint8_t want[2048];

    assert_int_equal(hex_read(hex, want, sizeof want), n);
    assert_memory_equal(got, want, n);
}

#endif
