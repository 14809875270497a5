/*
 * Sticky read cursors. A cursor reads integers in its byte order from a window of borrowed bytes.
 * Once a read runs past the window the cursor is poisoned: every later read yields zero, moves
 * nothing, and one check of mr_cursor_ok at the end tells; @bad_at keeps the first octet offset
 * that was missing. Offsets are counted from @base, the start of the whole message, so that a
 * narrower window reports the place in the message and NDR alignment stays right.
 */
#ifndef MSRPC_BASE_CURSOR_H
#define MSRPC_BASE_CURSOR_H

#include <msrpc/base/slice.h>

typedef struct mr_cursor {
    const uint8_t *base; /* offset 0 */
    size_t pos;          /* offset of the next octet */
    size_t end;          /* offset of the end of the window */
    size_t bad_at;       /* where the first failed read began; valid when @bad */
    bool big;            /* integers are big-endian */
    bool bad;
} mr_cursor;

static inline mr_cursor mr_cursor_of(mr_slice s) {
    return (mr_cursor){.base = s.data, .end = s.len};
}
static inline bool mr_cursor_ok(const mr_cursor *c) {
    return !c->bad;
}
static inline size_t mr_cursor_left(const mr_cursor *c) {
    return c->bad ? 0 : c->end - c->pos;
}
static inline void mr_cursor_poison(mr_cursor *c) {
    if (!c->bad) {
        c->bad = true;
        c->bad_at = c->pos;
    }
}
/* The address of the next @n octets, which are consumed; NULL (and poisoned) when they are not
 * there. With @n 0 the address may be NULL for an empty message: do not dereference. */
static inline const uint8_t *mr_cursor_take(mr_cursor *c, size_t n) {
    if (c->bad || n > c->end - c->pos) {
        mr_cursor_poison(c);
        return NULL;
    }
    const uint8_t *p = c->base ? c->base + c->pos : NULL;
    c->pos += n;
    return p;
}

static inline uint8_t mr_cursor_read_u8(mr_cursor *c) {
    const uint8_t *p = mr_cursor_take(c, 1);
    return p ? p[0] : 0;
}
static inline uint16_t mr_cursor_read_u16(mr_cursor *c) {
    const uint8_t *p = mr_cursor_take(c, 2);
    uint16_t v;
    if (!p)
        return 0;
    memcpy(&v, p, 2);
    return c->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap16(v);
}
static inline uint32_t mr_cursor_read_u32(mr_cursor *c) {
    const uint8_t *p = mr_cursor_take(c, 4);
    uint32_t v;
    if (!p)
        return 0;
    memcpy(&v, p, 4);
    return c->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap32(v);
}
static inline uint64_t mr_cursor_read_u64(mr_cursor *c) {
    const uint8_t *p = mr_cursor_take(c, 8);
    uint64_t v;
    if (!p)
        return 0;
    memcpy(&v, p, 8);
    return c->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap64(v);
}
/* The next @n octets, borrowed from the message; the empty slice when they are not there. */
static inline mr_slice mr_cursor_read(mr_cursor *c, size_t n) {
    const uint8_t *p = mr_cursor_take(c, n);
    return p ? mr_slice_of(p, n) : MR_SLICE_NULL;
}
static inline void mr_cursor_skip(mr_cursor *c, size_t n) {
    (void)mr_cursor_take(c, n);
}
/* Moves to the next multiple of @align (a power of two) counted from offset @from. */
static inline void mr_cursor_align(mr_cursor *c, size_t from, size_t align) {
    mr_cursor_skip(c, (align - ((c->pos - from) & (align - 1))) & (align - 1));
}
/* A narrower cursor over the next @n octets, which @c skips; same base, same byte order. When the
 * octets are not there both are poisoned. */
static inline mr_cursor mr_cursor_window(mr_cursor *c, size_t n) {
    mr_cursor w = *c;
    mr_cursor_skip(c, n);
    if (c->bad)
        mr_cursor_poison(&w);
    else
        w.end = c->pos;
    return w;
}

#endif
