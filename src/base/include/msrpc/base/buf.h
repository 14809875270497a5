/*
 * Output buffers with a hard cap. A buffer writes into the array its caller gave first, then into
 * memory of its own (freed by deinit). It is sticky: the first write that does not fit poisons it,
 * later writes do nothing, and one check of mr_buf_error at the end tells. Lengths that are known
 * only afterwards are written by back-patching.
 */
#ifndef MSRPC_BASE_BUF_H
#define MSRPC_BASE_BUF_H

#include <msrpc/base/slice.h>

typedef struct mr_buf {
    uint8_t *data;
    size_t len;
    size_t size;    /* octets at @data */
    size_t cap;     /* most octets ever */
    bool big;       /* write integers big-endian */
    bool own;       /* @data came from malloc */
    int error;      /* 0, MR_ERR_LIMIT or MR_ERR_MEMORY */
} mr_buf;

/* Starts an empty buffer over @array (borrowed, may be NULL with @size 0) that may grow to @cap. */
void mr_buf_init(mr_buf *buf, void *array, size_t size, size_t cap);
void mr_buf_deinit(mr_buf *buf);
/* Empties it and forgets the error; keeps the memory. */
void mr_buf_reset(mr_buf *buf);
/* Empties it too; from now on it may grow to @cap, whatever memory it has. */
void mr_buf_set_cap(mr_buf *buf, size_t cap);

static inline int mr_buf_error(const mr_buf *buf) {
    return buf->error;
}
static inline mr_slice mr_buf_slice(const mr_buf *buf) {
    return mr_slice_of(buf->data, buf->len);
}

/* Room for @n octets at the end, counted as written but not initialised; NULL once poisoned.
 * The pointer holds until the next write. */
uint8_t *mr_buf_add(mr_buf *buf, size_t n);
/* Grows so that @n more octets fit without another allocation; 0 or the buffer's error. */
int mr_buf_reserve(mr_buf *buf, size_t n);

void mr_buf_write_u8(mr_buf *buf, uint8_t v);
void mr_buf_write_u16(mr_buf *buf, uint16_t v);
void mr_buf_write_u32(mr_buf *buf, uint32_t v);
void mr_buf_write_u64(mr_buf *buf, uint64_t v);
void mr_buf_write(mr_buf *buf, mr_slice s);
void mr_buf_write_str(mr_buf *buf, const char *s);
void mr_buf_write_zero(mr_buf *buf, size_t n);
void mr_buf_write_fmt(mr_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Zeroes up to the next multiple of @align octets (a power of two) counted from offset @from. */
void mr_buf_write_align(mr_buf *buf, size_t from, size_t align);

/* Back-patching: overwrite what was written before at @off; out of range poisons. */
void mr_buf_set_u16(mr_buf *buf, size_t off, uint16_t v);
void mr_buf_set_u32(mr_buf *buf, size_t off, uint32_t v);

#endif
