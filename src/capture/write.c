/*
 * The capture writer: pcapng (draft-ietf-opsawg-pcapng 4) and pcap with nanoseconds
 * (draft-ietf-opsawg-pcap), little-endian. Records are put together in a buffer that is handed to
 * the system whenever it holds FLUSH octets. Invariant: the buffer ends with a whole record between
 * calls.
 */
#include "write_private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pcapng.h"

enum { FLUSH = 1 << 18, BUFFER_MAX = 1 << 26, COMMENT_MAX = 65535 };

static int fail(mr_block_writer *w, int code, mr_error *err) {
    int sys = errno;

    if (code == MR_ERR_SYSTEM)
        w->failed = mr_fail_peer(&w->failure, code, MR_FLOOR_CAPTURE, MR_PEER_ERRNO,
                                 (uint32_t)sys, "writing failed: %s", strerror(sys));
    else
        w->failed = mr_fail(&w->failure, code, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                            "a record is too large for the writer's memory");
    if (err)
        *err = w->failure;
    return w->failed;
}

static int hand_over(mr_block_writer *w, mr_error *err) {
    size_t done = 0;

    while (done < w->out.len) {
        ssize_t n = write(w->fd, w->out.data + done, w->out.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(w, MR_ERR_SYSTEM, err);
        done += (size_t)n;
    }
    mr_buf_reset(&w->out);
    return 0;
}

int mr_block_done(mr_block_writer *w, mr_error *err) {
    if (w->failed) {
        if (err)
            *err = w->failure;
        return w->failed;
    }
    if (mr_buf_error(&w->out))
        return fail(w, mr_buf_error(&w->out), err);
    return w->out.len >= FLUSH ? hand_over(w, err) : 0;
}

void mr_block_option(mr_block_writer *w, uint16_t code, mr_slice s) {
    if (s.len == 0)
        return;
    if (s.len > COMMENT_MAX) {
        for (s.len = COMMENT_MAX; (s.data[s.len] & 0xc0) == 0x80; s.len--)
            ; /* not within a character */
    }
    mr_buf_write_u16(&w->out, code);
    mr_buf_write_u16(&w->out, (uint16_t)s.len);
    mr_buf_write(&w->out, s);
    mr_buf_write_zero(&w->out, -s.len & 3);
}

void mr_block_comments(mr_block_writer *w, const char *const *comments, size_t count) {
    for (size_t i = 0; i < count; i++)
        mr_block_option(w, MR_OPT_COMMENT, mr_slice_str(comments[i]));
}

void mr_block_end_options(mr_block_writer *w, size_t options) {
    if (w->out.len > options)
        mr_buf_write_u32(&w->out, MR_OPT_END);
}

void mr_block_end_block(mr_block_writer *w, size_t start) {
    uint32_t total = (uint32_t)(w->out.len + 4 - start);

    mr_buf_set_u32(&w->out, start + 4, total);
    mr_buf_write_u32(&w->out, total);
}

static void write_section(mr_block_writer *w, const mr_capture_about *about,
                          const char *const *comments, size_t comment_count) {
    size_t start = w->out.len;

    mr_buf_write_u32(&w->out, MR_BLOCK_SECTION);
    mr_buf_write_u32(&w->out, 0);
    mr_buf_write_u32(&w->out, 0x1a2b3c4d);
    mr_buf_write_u16(&w->out, 1);
    mr_buf_write_u16(&w->out, 0);
    mr_buf_write_u64(&w->out, UINT64_MAX); /* the section's length is not said */
    size_t options = w->out.len;
    if (about) {
        mr_block_option(w, MR_OPT_SHB_HARDWARE, mr_slice_str(about->hardware));
        mr_block_option(w, MR_OPT_SHB_OS, mr_slice_str(about->os));
        mr_block_option(w, MR_OPT_SHB_APP, mr_slice_str(about->app));
        mr_block_option(w, MR_OPT_COMMENT, mr_slice_str(about->comment));
    }
    mr_block_comments(w, comments, comment_count);
    mr_block_end_options(w, options);
    mr_block_end_block(w, start);
}

int mr_capture_writer_init(mr_capture_writer *writer, int fd, enum mr_capture_format format,
                           const mr_capture_about *about, const char *const *comments,
                           size_t comment_count, mr_error *err) {
    if (format == MR_CAPTURE_NETMON)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "only pcapng and pcap can be written");
    mr_block_writer *w = calloc(1, sizeof *w);
    if (!w)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    w->fd = fd;
    w->format = format;
    mr_buf_init(&w->out, NULL, 0, BUFFER_MAX);
    if (format == MR_CAPTURE_PCAPNG)
        write_section(w, about, comments, comment_count);
    mr_capture_writer made = {w};
    int r = mr_block_done(w, err);
    if (r != 0) {
        mr_capture_writer_deinit(&made);
        return r;
    }
    *writer = made;
    return 0;
}

void mr_capture_writer_deinit(mr_capture_writer *writer) {
    if (writer->state)
        mr_buf_deinit(&writer->state->out);
    free(writer->state);
    writer->state = NULL;
}

static int add_pcap_iface(mr_block_writer *w, const mr_capture_iface *iface, mr_error *err) {
    if (w->ifaces > 0)
        return iface->link == w->link
                   ? 0
                   : mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                             "a pcap file holds one link type, here %s and %s: write pcapng",
                             mr_link_name(w->link), mr_link_name(iface->link));
    w->link = iface->link;
    mr_buf_write_u32(&w->out, 0xa1b23c4d);
    mr_buf_write_u16(&w->out, 2);
    mr_buf_write_u16(&w->out, 4);
    mr_buf_write_u64(&w->out, 0);
    mr_buf_write_u32(&w->out, iface->snaplen ? iface->snaplen : MR_CAPTURE_PACKET_MAX);
    mr_buf_write_u32(&w->out, iface->link | (iface->fcs ? 0x04000000u : 0) |
                                  (uint32_t)(iface->fcs / 2 & 0xf) << 28);
    return 0;
}

static void add_pcapng_iface(mr_block_writer *w, const mr_capture_iface *iface) {
    size_t start = w->out.len;
    uint8_t resolution = 9;

    mr_buf_write_u32(&w->out, MR_BLOCK_IFACE);
    mr_buf_write_u32(&w->out, 0);
    mr_buf_write_u16(&w->out, iface->link);
    mr_buf_write_u16(&w->out, 0);
    mr_buf_write_u32(&w->out, iface->snaplen);
    size_t options = w->out.len;
    mr_block_option(w, MR_OPT_IF_NAME, mr_slice_str(iface->name));
    mr_block_option(w, MR_OPT_IF_DESCRIPTION, mr_slice_str(iface->description));
    mr_block_option(w, MR_OPT_IF_TSRESOL, mr_slice_of(&resolution, 1));
    if (iface->fcs)
        mr_block_option(w, MR_OPT_IF_FCSLEN, mr_slice_of(&iface->fcs, 1));
    mr_block_end_options(w, options);
    mr_block_end_block(w, start);
}

int mr_capture_writer_add_iface(mr_capture_writer *writer, const mr_capture_iface *iface,
                                uint16_t *indexp, mr_error *err) {
    mr_block_writer *w = writer->state;
    int r = 0;

    if (w->ifaces == MR_CAPTURE_IFACES_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "more than %d interfaces", MR_CAPTURE_IFACES_MAX);
    if (w->format == MR_CAPTURE_PCAP)
        r = add_pcap_iface(w, iface, err);
    else
        add_pcapng_iface(w, iface);
    if (r == 0)
        r = mr_block_done(w, err);
    if (r == 0)
        *indexp = w->ifaces++;
    return r;
}

static void write_pcap(mr_block_writer *w, const mr_packet *packet) {
    mr_nsec time = packet->timed ? packet->time : 0;

    mr_buf_write_u32(&w->out, (uint32_t)(time / MR_SEC));
    mr_buf_write_u32(&w->out, (uint32_t)(time % MR_SEC));
    mr_buf_write_u32(&w->out, (uint32_t)packet->bytes.len);
    mr_buf_write_u32(&w->out, packet->len);
    mr_buf_write(&w->out, packet->bytes);
}

static void write_pcapng(mr_block_writer *w, const mr_packet *packet, uint16_t iface,
                         const char *const *comments, size_t comment_count) {
    size_t start = w->out.len;
    mr_nsec time = packet->timed ? packet->time : 0;

    mr_buf_write_u32(&w->out, MR_BLOCK_ENHANCED);
    mr_buf_write_u32(&w->out, 0);
    mr_buf_write_u32(&w->out, iface);
    mr_buf_write_u32(&w->out, (uint32_t)(time >> 32));
    mr_buf_write_u32(&w->out, (uint32_t)time);
    mr_buf_write_u32(&w->out, (uint32_t)packet->bytes.len);
    mr_buf_write_u32(&w->out, packet->len);
    mr_buf_write(&w->out, packet->bytes);
    mr_buf_write_zero(&w->out, -packet->bytes.len & 3);
    size_t options = w->out.len;
    mr_block_option(w, MR_OPT_COMMENT, packet->comment);
    mr_block_comments(w, comments, comment_count);
    mr_block_end_options(w, options);
    mr_block_end_block(w, start);
}

int mr_capture_writer_write(mr_capture_writer *writer, const mr_packet *packet, uint16_t iface,
                            const char *const *comments, size_t comment_count, mr_error *err) {
    mr_block_writer *w = writer->state;

    if (iface >= w->ifaces)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "the capture being written has no interface %u", iface);
    if (w->format == MR_CAPTURE_PCAP)
        write_pcap(w, packet);
    else
        write_pcapng(w, packet, iface, comments, comment_count);
    return mr_block_done(w, err);
}

int mr_capture_writer_flush(mr_capture_writer *writer, mr_error *err) {
    mr_block_writer *w = writer->state;
    int r = mr_block_done(w, err);
    return r == 0 && w->out.len > 0 ? hand_over(w, err) : r;
}
