/*
 * Capture files, read forward one packet at a time: pcap (both byte orders, micro- and nanoseconds,
 * and the form with longer record headers), pcapng (draft-ietf-opsawg-pcapng; several sections and
 * interfaces) and Microsoft Network Monitor 1.x and 2.x, each plain or packed by gzip or zstd, from
 * a file, a pipe or standard input. The format is told by magic, never by name.
 *
 * No length is trusted. A record that the file's end cuts off is an outcome, what came before
 * counts. A pcapng packet whose own lengths lie inside a block that is whole is skipped and
 * counted; anything that leaves no safe place to go on from is an error with the octet offset (in
 * the unpacked octets).
 */
#ifndef MSRPC_CAPTURE_FILE_H
#define MSRPC_CAPTURE_FILE_H

#include <msrpc/base.h>
#include <msrpc/capture/packet.h>

enum mr_capture_format {
    MR_CAPTURE_PCAP,
    MR_CAPTURE_PCAPNG,
    MR_CAPTURE_NETMON,
};

/* What reading a packet gives besides 0 and errors. */
enum {
    MR_CAPTURE_END = 1,  /* the end, in order */
    MR_CAPTURE_CUT = 2,  /* the end, in the midst of a record: mr_capture_stats.cut_at says where */
    MR_CAPTURE_WAIT = 3, /* live only: nothing came in the meantime */
};

enum {
    MR_CAPTURE_PACKET_MAX = 262144,  /* most octets of a pcap packet, as other readers have it */
    MR_CAPTURE_IFACES_MAX = 65535,
};

/* An interface as the file describes it; texts are "" when it does not say. */
typedef struct mr_capture_iface {
    uint16_t link;
    uint8_t fcs;       /* octets of frame check sequence, 0 when none or unknown */
    uint32_t snaplen;  /* most octets captured of a packet, 0: no limit */
    uint8_t tsresol;   /* as if_tsresol: 10^-n s, or 2^-n s with the highest bit set */
    int64_t tsoffset;  /* seconds to add to its time stamps; done already in mr_packet.time */
    uint64_t dropped;  /* packets the capture lost here, as far as it was said up to now */
    const char *name, *description;
} mr_capture_iface;

/* What stands at the head of a pcapng section; texts are "" when it does not say. */
typedef struct mr_capture_about {
    const char *hardware, *os, *app;
    const char *comment; /* the first one */
} mr_capture_about;

typedef struct mr_capture_stats {
    uint64_t packets;    /* so far, those skipped included */
    uint64_t skipped;    /* pcapng packets that were not handed out because their lengths lie */
    uint64_t skipped_at; /* offset of the first of them */
    uint64_t others;     /* pcapng records that have a number as packets have, but are none: custom
                          * blocks, journal entries */
    uint64_t short_len;  /* packets said to be shorter on the wire than what was captured of them */
    uint64_t dropped;    /* lost by the capture, as far as it says so */
    uint64_t cut_at;     /* after MR_CAPTURE_CUT: offset where the last, incomplete record begins */
} mr_capture_stats;

typedef struct mr_capture_options {
    size_t window;  /* octets read at a time, 0: the default (256 KiB); grows for larger records */
    bool follow;    /* the file is still being written: an incomplete record at its end gives
                     * MR_CAPTURE_END and reading may go on later */
} mr_capture_options;

typedef struct mr_capture_file {
    struct mr_capture_reader *reader; /* private */
} mr_capture_file;

/* Opens the file @path, "-" for standard input, and looks what it is. @path is *borrowed* for
 * mr_capture_file_get_name; @options NULL for the defaults. MR_ERR_SYSTEM (errno in err->peer),
 * MR_ERR_UNSUPPORTED (none of the formats, or a library is missing), MR_ERR_MALFORMED,
 * MR_ERR_TRUNCATED (an empty file, or one that ends within its header), MR_ERR_MEMORY. */
int mr_capture_file_init(mr_capture_file *file, const char *path,
                         const mr_capture_options *options, mr_error *err);
/* The same from an open descriptor, *borrowed*. A regular file is read from its beginning and
 * without moving the descriptor's place, so that several readers may share one. */
int mr_capture_file_init_fd(mr_capture_file *file, int fd, const char *name,
                            const mr_capture_options *options, mr_error *err);
/* A zeroed file may be deinitialised. */
void mr_capture_file_deinit(mr_capture_file *file);

/* The next packet: 0, MR_CAPTURE_END, MR_CAPTURE_CUT, or an error with the offset. @packetp is
 * untouched unless 0 and borrows from the file until the next read. After an outcome other than 0
 * every further read gives MR_CAPTURE_END (but see mr_capture_options.follow). */
int mr_capture_file_read(mr_capture_file *file, mr_packet *packetp, mr_error *err);

const char *mr_capture_file_get_name(const mr_capture_file *file);
enum mr_capture_format mr_capture_file_get_format(const mr_capture_file *file);
/* Interfaces seen so far; pcapng may add some between packets. The pointer holds until the next
 * read; NULL past the end. */
size_t mr_capture_file_iface_count(const mr_capture_file *file);
const mr_capture_iface *mr_capture_file_get_iface(const mr_capture_file *file, size_t index);
/* Of the first section; complete once the first packet was read. */
const mr_capture_about *mr_capture_file_get_about(const mr_capture_file *file);
const mr_capture_stats *mr_capture_file_get_stats(const mr_capture_file *file);
/* How far it is read, for progress: octets of the file as it lies on the disk, and its size (0:
 * unknown). */
void mr_capture_file_get_place(const mr_capture_file *file, uint64_t *donep, uint64_t *sizep);
/* Whether several readers can walk the file at once: a regular file, not packed. */
bool mr_capture_file_is_shared(const mr_capture_file *file);

/* A link type in words; never NULL. */
const char *mr_link_name(uint16_t link);

/*
 * Several files as one: in the order given, or by time. mr_packet.file tells whose packet it is,
 * mr_packet.number stays that of its file.
 */
enum mr_merge_order { MR_MERGE_SEQUENCE, MR_MERGE_TIME };

typedef struct mr_capture_merge {
    struct mr_capture_merge_state *state; /* private */
} mr_capture_merge;

/* @paths are *borrowed* until deinit; at most 65535. In MR_MERGE_TIME all are opened and the first
 * packet of each is read, in MR_MERGE_SEQUENCE one at a time. A file that cannot be opened fails
 * here (by time) or at its turn, with the sentence that names it. */
int mr_capture_merge_init(mr_capture_merge *merge, const char *const *paths, size_t count,
                          enum mr_merge_order order, mr_error *err);
void mr_capture_merge_deinit(mr_capture_merge *merge);
/* The next packet of all: 0; MR_CAPTURE_END; MR_CAPTURE_CUT once for each file that is cut, or an
 * error, after either of which reading goes on with the other files. *filep (may be NULL) is the
 * index of the file that the outcome is about. */
int mr_capture_merge_read(mr_capture_merge *merge, mr_packet *packetp, size_t *filep,
                          mr_error *err);
/* A file of the merge, for its interfaces and counts; NULL while it is not open. */
const mr_capture_file *mr_capture_merge_get_file(const mr_capture_merge *merge, size_t index);

#endif
