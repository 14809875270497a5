/*
 * The octets of a capture file, unpacked, as one bounded window that slides forward. Files are read
 * with pread into the window, not mapped: a file that somebody truncates meanwhile is then a short
 * read and no signal, several readers may share a file, and walking is as fast.
 * gzip (RFC 1952) and zstd (RFC 8878) are told by their magic and may be nested.
 */
#ifndef MSRPC_CAPTURE_STREAM_H
#define MSRPC_CAPTURE_STREAM_H

#include <stdbool.h>

#include <msrpc/base.h>

typedef struct mr_octets {
    int fd;
    bool own;        /* close fd at the end */
    bool seekable;   /* a regular file */
    bool ended;      /* the last fill found no more */
    bool torn;       /* what is packed ends before its own end */
    uint8_t *window;
    size_t size;     /* of the window; grows up to MR_OCTETS_MAX for a record that asks for it */
    size_t start, end;
    uint64_t at;     /* of window[start], in unpacked octets */
    uint64_t file_at;   /* next octet of the file itself */
    uint64_t file_size; /* 0: unknown */
    struct mr_unpacker *top; /* NULL: as the file has them */
} mr_octets;

enum { MR_OCTETS_MAX = 1 << 24, MR_OCTETS_LEAST = 1 << 16 };

/* Starts reading @fd, *borrowed* unless @own, from its beginning when it is a regular file; looks
 * at the first octets and unpacks what is packed. @size octets of window, 0 for the default. After
 * a failure @fd is the caller's still. */
int mr_octets_init(mr_octets *octets, int fd, bool own, size_t size, mr_error *err);
/* Closes and frees; a zeroed one is fine. */
void mr_octets_deinit(mr_octets *octets);

int mr_octets_fill(mr_octets *octets, size_t n, mr_error *err);

static inline size_t mr_octets_have(const mr_octets *octets) {
    return octets->end - octets->start;
}
/* Tries to have @n octets (at most MR_OCTETS_MAX) in the window; fewer remain at the end only. All
 * pointers into the window die. */
static inline int mr_octets_need(mr_octets *octets, size_t n, mr_error *err) {
    return mr_octets_have(octets) >= n ? 0 : mr_octets_fill(octets, n, err);
}
static inline const uint8_t *mr_octets_data(const mr_octets *octets) {
    return octets->window + octets->start;
}
/* Steps over @n octets of the window. */
static inline void mr_octets_skip(mr_octets *octets, size_t n) {
    octets->start += n;
    octets->at += n;
}
/* The same for a file that is read out of order: to any place. MR_ERR_UNSUPPORTED when it is a pipe
 * or packed. */
int mr_octets_seek(mr_octets *octets, uint64_t at, mr_error *err);

#endif
