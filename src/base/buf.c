/*
 * Capped output buffers: the caller's array first, then memory of their own that doubles up to the
 * cap. Sticky: the first failure stays in @error and nothing is written after it.
 */
#include <msrpc/base/buf.h>
#include <msrpc/base/result.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 256

static const uint8_t nothing; /* never written: it stands for zero octets */

void mr_buf_init(mr_buf *buf, void *array, size_t size, size_t cap) {
    *buf = (mr_buf){.data = array, .size = size < cap ? size : cap, .cap = cap};
}

void mr_buf_deinit(mr_buf *buf) {
    if (buf->own)
        free(buf->data);
    *buf = (mr_buf){.cap = buf->cap};
}

void mr_buf_reset(mr_buf *buf) {
    buf->len = 0;
    buf->error = 0;
}

void mr_buf_set_cap(mr_buf *buf, size_t cap) {
    mr_buf_reset(buf);
    buf->cap = cap;
    if (buf->size > cap) /* the memory stays as it is, and is not filled */
        buf->size = cap;
}

int mr_buf_reserve(mr_buf *buf, size_t n) {
    if (buf->error)
        return buf->error;
    if (n <= buf->size - buf->len)
        return 0;
    if (n > buf->cap - buf->len)
        return buf->error = MR_ERR_LIMIT;

    size_t need = buf->len + n;
    size_t size = buf->size < FIRST_SIZE ? FIRST_SIZE : buf->size;
    while (size < need)
        size = size > buf->cap / 2 ? buf->cap : size * 2;
    if (size > buf->cap)
        size = buf->cap;
    uint8_t *data = buf->own ? realloc(buf->data, size) : malloc(size);
    if (!data)
        return buf->error = MR_ERR_MEMORY;
    if (!buf->own && buf->len)
        memcpy(data, buf->data, buf->len);
    buf->data = data;
    buf->size = size;
    buf->own = true;
    return 0;
}

/* What PDUs are written with: mostly there is room. */
static inline uint8_t *add(mr_buf *buf, size_t n) {
    if ((buf->error || n > buf->size - buf->len) && mr_buf_reserve(buf, n) != 0)
        return NULL;
    if (!buf->data) /* nothing was asked for, and nothing is there to point into */
        return (uint8_t *)&nothing;
    uint8_t *p = buf->data + buf->len;
    buf->len += n;
    return p;
}

uint8_t *mr_buf_add(mr_buf *buf, size_t n) {
    return add(buf, n);
}

static uint16_t order16(const mr_buf *buf, uint16_t v) {
    return buf->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap16(v);
}
static uint32_t order32(const mr_buf *buf, uint32_t v) {
    return buf->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap32(v);
}
static uint64_t order64(const mr_buf *buf, uint64_t v) {
    return buf->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap64(v);
}

void mr_buf_write(mr_buf *buf, mr_slice s) {
    if (s.len == 0)
        return; /* nothing may have no address */
    uint8_t *p = add(buf, s.len);
    if (p)
        memcpy(p, s.data, s.len);
}
void mr_buf_write_u8(mr_buf *buf, uint8_t v) {
    uint8_t *p = add(buf, sizeof v);
    if (p)
        *p = v;
}
void mr_buf_write_u16(mr_buf *buf, uint16_t v) {
    uint8_t *p = add(buf, sizeof v);
    v = order16(buf, v);
    if (p)
        memcpy(p, &v, sizeof v);
}
void mr_buf_write_u32(mr_buf *buf, uint32_t v) {
    uint8_t *p = add(buf, sizeof v);
    v = order32(buf, v);
    if (p)
        memcpy(p, &v, sizeof v);
}
void mr_buf_write_u64(mr_buf *buf, uint64_t v) {
    uint8_t *p = add(buf, sizeof v);
    v = order64(buf, v);
    if (p)
        memcpy(p, &v, sizeof v);
}
void mr_buf_write_str(mr_buf *buf, const char *s) {
    mr_buf_write(buf, mr_slice_str(s));
}
void mr_buf_write_zero(mr_buf *buf, size_t n) {
    uint8_t *p = n ? mr_buf_add(buf, n) : NULL;
    if (p)
        memset(p, 0, n);
}
void mr_buf_write_align(mr_buf *buf, size_t from, size_t align) {
    mr_buf_write_zero(buf, (align - ((buf->len - from) & (align - 1))) & (align - 1));
}

void mr_buf_write_fmt(mr_buf *buf, const char *fmt, ...) {
    char small[256];
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof small) {
        mr_buf_write(buf, mr_slice_of(small, (size_t)n));
    } else if (n >= 0 && mr_buf_reserve(buf, (size_t)n + 1) == 0) {
        vsnprintf((char *)buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

static void patch(mr_buf *buf, size_t off, const void *v, size_t n) {
    if (buf->error)
        return;
    if (off > buf->len || n > buf->len - off)
        buf->error = MR_ERR_ARGUMENT;
    else
        memcpy(buf->data + off, v, n);
}
void mr_buf_set_u16(mr_buf *buf, size_t off, uint16_t v) {
    v = order16(buf, v);
    patch(buf, off, &v, sizeof v);
}
void mr_buf_set_u32(mr_buf *buf, size_t off, uint32_t v) {
    v = order32(buf, v);
    patch(buf, off, &v, sizeof v);
}
