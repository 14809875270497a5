/*
 * Copying a capture with comments added or packets left out. pcapng is copied block by block as it
 * stands, so that nothing is lost that this floor does not understand; only three things are ever
 * rewritten, in the byte order of their section: a packet's options, the options of the first
 * section header, and a section's length, which a copy with other contents cannot keep. The other
 * formats are written anew.
 */
#include "write_private.h"

#include "pcapng.h"
#include "reader.h"

typedef struct copying {
    mr_block_writer *w;
    const char *const *comments;
    size_t comment_count;
    bool begun; /* the first section header was copied */
} copying;

/* Copies a block whose options begin at @options (the block's end: none) and adds comments. */
static void copy_with_comments(mr_block_writer *w, bool big, mr_slice block, size_t options,
                               const char *const *comments, size_t count) {
    const uint8_t *end = block.data + block.len - 4;
    mr_option_walk walk = mr_option_walk_of(big, block.data + options, end);
    size_t start = w->out.len;

    while (mr_option_next(&walk))
        ;
    mr_buf_write(&w->out, mr_slice_of(block.data, (size_t)(walk.at - block.data)));
    size_t added = w->out.len;
    mr_block_comments(w, comments, count);
    if (w->out.len > added || walk.at < end)
        mr_block_end_options(w, start);
    mr_block_end_block(w, start);
}

static int copy_aside(void *user, uint32_t type, bool big, mr_slice block, mr_error *err) {
    copying *c = user;
    mr_buf *out = &c->w->out;

    out->big = big;
    if (type != MR_BLOCK_SECTION) {
        mr_buf_write(out, block);
    } else {
        size_t start = out->len;
        copy_with_comments(c->w, big, block, 24, c->comments, c->begun ? 0 : c->comment_count);
        mr_buf_set_u32(out, start + 16, UINT32_MAX);
        mr_buf_set_u32(out, start + 20, UINT32_MAX);
        c->begun = true;
    }
    return mr_block_done(c->w, err);
}

/* A simple packet cannot carry a comment: as an enhanced one of the section's first interface. */
static void copy_simple(mr_block_writer *w, const mr_packet *packet, const mr_capture_edit *edit) {
    size_t start = w->out.len;

    mr_buf_write_u32(&w->out, MR_BLOCK_ENHANCED);
    mr_buf_write_zero(&w->out, 16);
    mr_buf_write_u32(&w->out, (uint32_t)packet->bytes.len);
    mr_buf_write_u32(&w->out, packet->len);
    mr_buf_write(&w->out, packet->bytes);
    mr_buf_write_zero(&w->out, -packet->bytes.len & 3);
    mr_block_comments(w, edit->comments, edit->comment_count);
    mr_block_end_options(w, start);
    mr_block_end_block(w, start);
}

static int copy_packet(copying *c, const mr_capture_reader *r, const mr_packet *packet,
                       const mr_capture_edit *edit, mr_error *err) {
    mr_slice block = mr_slice_of(mr_octets_data(&r->octets), r->pending);

    c->w->out.big = r->big;
    if (edit->drop)
        return 0;
    if (edit->comment_count == 0)
        mr_buf_write(&c->w->out, block);
    else if (!packet->timed)
        copy_simple(c->w, packet, edit);
    else
        copy_with_comments(c->w, r->big, block, 28 + ((packet->bytes.len + 3) & ~(size_t)3),
                           edit->comments, edit->comment_count);
    return mr_block_done(c->w, err);
}

/* Of pcap and Network Monitor: an interface for each link type that comes along. */
static int write_anew(mr_capture_writer *writer, const mr_capture_file *file,
                      const mr_packet *packet, const mr_capture_edit *edit, uint16_t links[16],
                      mr_error *err) {
    uint16_t n = writer->state->ifaces, i = 0;

    if (edit->drop)
        return 0;
    while (i < n && links[i] != packet->link)
        i++;
    if (i == n) {
        mr_capture_iface iface = *mr_capture_file_get_iface(file, 0);
        if (n == 16)
            return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                           "more than 16 link types in one capture");
        iface.link = packet->link;
        links[n] = packet->link;
        int r = mr_capture_writer_add_iface(writer, &iface, &i, err);
        if (r != 0)
            return r;
    }
    return mr_capture_writer_write(writer, packet, i, edit->comments, edit->comment_count, err);
}

int mr_capture_copy(mr_capture_file *file, int fd, const char *const *comments,
                    size_t comment_count,
                    void (*edit)(void *user, const mr_packet *packet, mr_capture_edit *editp),
                    void *user, mr_error *err) {
    mr_capture_reader *reader = file->reader;
    bool raw = reader->format == MR_CAPTURE_PCAPNG;
    mr_capture_writer writer;
    uint16_t links[16];
    mr_packet packet;
    int end = 0, r = mr_capture_writer_init(&writer, fd, MR_CAPTURE_PCAPNG, NULL, comments,
                                        comment_count, err);
    if (r != 0)
        return r;
    copying c = {writer.state, comments, comment_count, false};
    if (raw) { /* the section headers are the input's */
        mr_buf_reset(&writer.state->out);
        reader->u.ng.aside = copy_aside;
        reader->u.ng.user = &c;
    }
    while (r == 0 && (end = r = mr_capture_file_read(file, &packet, err)) == 0) {
        mr_capture_edit todo = {0};
        if (edit)
            edit(user, &packet, &todo);
        r = raw ? copy_packet(&c, reader, &packet, &todo, err)
                : write_anew(&writer, file, &packet, &todo, links, err);
    }
    if (raw)
        reader->u.ng.aside = NULL;
    if (r > 0) {
        int flushed = mr_capture_writer_flush(&writer, err);
        r = flushed != 0 ? flushed : end == MR_CAPTURE_CUT ? MR_CAPTURE_CUT : 0;
    }
    mr_capture_writer_deinit(&writer);
    return r;
}
