/*
 * Writing captures: pcapng with interfaces and comments, or plain pcap, and copying a capture with
 * comments added or packets left out. Time stamps are in nanoseconds. Everything goes through one
 * buffer; what the system says when it is written (a full disk too) comes back as MR_ERR_SYSTEM
 * with the errno in err->peer, and sticks: later writes give it again.
 */
#ifndef MSRPC_CAPTURE_WRITE_H
#define MSRPC_CAPTURE_WRITE_H

#include <msrpc/capture/file.h>

typedef struct mr_capture_writer {
    struct mr_capture_writer_state *state; /* private */
} mr_capture_writer;

/* Begins a capture on @fd, *borrowed*. @format is MR_CAPTURE_PCAPNG or MR_CAPTURE_PCAP. @about
 * (NULL: nothing) becomes the options of the pcapng section, "" and NULL texts left out; @comments
 * are more comments on the whole. pcap keeps none of them. Nothing is written before the first
 * flush or full buffer. MR_ERR_MEMORY, MR_ERR_ARGUMENT. */
int mr_capture_writer_init(mr_capture_writer *writer, int fd, enum mr_capture_format format,
                           const mr_capture_about *about, const char *const *comments,
                           size_t comment_count, mr_error *err);
/* Frees; flushes nothing and does not close. A zeroed one is fine. */
void mr_capture_writer_deinit(mr_capture_writer *writer);

/* Another interface; its index goes to *indexp. Of @iface count link, fcs, snaplen, name and
 * description. In pcap the first one is the file's, another link type is MR_ERR_UNSUPPORTED. */
int mr_capture_writer_add_iface(mr_capture_writer *writer, const mr_capture_iface *iface,
                                uint16_t *indexp, mr_error *err);
/* A packet of the interface @iface of this writer: its own comment first, then @comments, each
 * UTF-8 and at most 65535 octets (the rest of a longer one is left out). A packet without time is
 * written as of 1970. MR_ERR_ARGUMENT for an interface that was not added. */
int mr_capture_writer_write(mr_capture_writer *writer, const mr_packet *packet, uint16_t iface,
                            const char *const *comments, size_t comment_count, mr_error *err);
/* Hands everything to the system. */
int mr_capture_writer_flush(mr_capture_writer *writer, mr_error *err);

/* What becomes of a packet in a copy. */
typedef struct mr_capture_edit {
    bool drop;
    const char *const *comments; /* *borrowed* until the next call */
    size_t comment_count;
} mr_capture_edit;

/* Copies a capture just opened (nothing read yet) to @fd as pcapng. Of pcapng everything is kept as
 * it stands: byte order, sections, interfaces, options, names, secrets, blocks nobody knows; only
 * comments come in, and the packets to drop are left out. (A simple packet that gets a comment
 * becomes an enhanced one, of 1970, for only those have comments.) @edit is asked for each packet
 * and may be NULL; @comments are added to the first section. 0, MR_CAPTURE_CUT when the input is
 * cut (what came before is copied), or an error of reading or writing. */
int mr_capture_copy(mr_capture_file *file, int fd, const char *const *comments,
                    size_t comment_count,
                    void (*edit)(void *user, const mr_packet *packet, mr_capture_edit *editp),
                    void *user, mr_error *err);

#endif
