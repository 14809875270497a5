/*
 * What the readers of the formats share: the state behind mr_capture_file. A format's open function
 * checks its header and sets read; read gives the next packet, whose record stays in the window
 * (pending octets at its start) until the next read steps over it.
 */
#ifndef MSRPC_CAPTURE_READER_H
#define MSRPC_CAPTURE_READER_H

#include <msrpc/capture/file.h>

#include "stream.h"

typedef struct mr_capture_reader mr_capture_reader;

struct mr_capture_reader {
    mr_octets octets;
    const char *name;
    enum mr_capture_format format;
    int (*read)(mr_capture_reader *r, mr_packet *packetp, mr_error *err);
    bool big;         /* of the file or of the present section */
    bool follow, ended;
    size_t pending;   /* octets of the last record, still in the window */
    uint16_t link;
    uint8_t fcs;
    mr_capture_stats stats;
    mr_capture_about about;
    mr_arena texts;
    mr_capture_iface *ifaces;
    size_t iface_count, iface_size;
    union {
        struct {
            uint32_t unit;       /* nanoseconds */
            uint8_t header;      /* octets before a packet */
            uint8_t lengths;     /* 0 as defined, 1 swapped, 2 perhaps swapped */
        } pcap;
        struct {
            size_t first;        /* index of the section's first interface */
            bool begun;          /* a section header was seen */
            /* for copying: what is no packet, raw, in pieces that add up; NULL: nobody asks */
            int (*aside)(void *user, uint32_t type, bool big, mr_slice octets, mr_error *err);
            void *user;
        } ng;
        struct {
            uint8_t major, minor;
            uint64_t table;      /* offset of the frame table */
            uint32_t frames, next;
            mr_nsec start;
            uint32_t *offsets;
            size_t from, count;  /* the part of the table that @offsets holds */
        } netmon;
    } u;
};

static inline uint16_t mr_reader_u16(const mr_capture_reader *r, const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return r->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap16(v);
}
static inline uint32_t mr_reader_u32(const mr_capture_reader *r, const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return r->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap32(v);
}
static inline uint64_t mr_reader_u64(const mr_capture_reader *r, const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return r->big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? v : __builtin_bswap64(v);
}

int mr_pcap_open(mr_capture_reader *r, mr_error *err);
int mr_pcapng_open(mr_capture_reader *r, mr_error *err);
int mr_netmon_open(mr_capture_reader *r, mr_error *err);

/* Gives the memory and the file back; what was counted stays to be asked for. */
void mr_reader_close(mr_capture_reader *r);
/* Steps over the last record. */
static inline void mr_reader_pass(mr_capture_reader *r) {
    mr_octets_skip(&r->octets, r->pending);
    r->pending = 0;
}
/* The file ends here, @have octets into a record: the outcome. */
int mr_reader_end(mr_capture_reader *r, size_t have);
/* A malformed file at @at. */
int mr_reader_bad(uint64_t at, mr_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Another interface, zeroed but for empty texts. */
int mr_reader_add_iface(mr_capture_reader *r, mr_capture_iface **ifacep, mr_error *err);
/* A text of the file, kept until deinit; "" when there are too many of them. */
const char *mr_reader_text(mr_capture_reader *r, mr_slice s);
/* Link types that systems once wrote under numbers of their own. */
uint16_t mr_reader_link(uint32_t number);

#endif
