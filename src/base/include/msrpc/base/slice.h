/*
 * Slices: a pointer and a length, always *borrowed*. A slice never owns and never ends in a NUL;
 * whoever made it says how long its bytes live.
 */
#ifndef MSRPC_BASE_SLICE_H
#define MSRPC_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mr_slice {
    const uint8_t *data;
    size_t len; /* octets */
} mr_slice;

#define MR_SLICE_NULL ((mr_slice){NULL, 0})
/* A slice over a string literal, without its NUL. */
#define MR_SLICE_LIT(s) ((mr_slice){(const uint8_t *)(s), sizeof(s) - 1})
#define MR_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline mr_slice mr_slice_of(const void *data, size_t len) {
    return (mr_slice){(const uint8_t *)data, len};
}

/* A slice over a NUL-terminated string, borrowed; NULL gives the empty slice. */
static inline mr_slice mr_slice_str(const char *s) {
    return (mr_slice){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* The part of @s from @off on, at most @len octets; the empty slice past the end. */
static inline mr_slice mr_slice_sub(mr_slice s, size_t off, size_t len) {
    if (off >= s.len)
        return (mr_slice){s.data ? s.data + s.len : NULL, 0};
    if (len > s.len - off)
        len = s.len - off;
    return (mr_slice){s.data + off, len};
}

static inline bool mr_slice_eq(mr_slice a, mr_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII case-insensitive equality: names of protocol sequences, switches, hosts. */
bool mr_slice_eq_nocase(mr_slice a, mr_slice b);

/* ASCII case-insensitive equality of two NUL-terminated strings. */
bool mr_str_eq_nocase(const char *a, const char *b);

/* The value of a hexadecimal digit in either case, or -1. */
int mr_hex_digit(uint8_t c);

/* Reads a decimal or 0x-hexadecimal number that fills the whole slice and is at most @max.
 * Returns 0, or MR_ERR_SYNTAX and leaves @valuep untouched. */
int mr_slice_get_number(mr_slice s, uint64_t max, uint64_t *valuep);

#endif
