/*
 * Captures made octet by octet, in either byte order, and read back from memory.
 */
#ifndef CAPTURE_WORLD_H
#define CAPTURE_WORLD_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <msrpc/capture.h>

typedef struct made {
    mr_buf buf;
    int fd;
} made;

static inline made made_new(bool big) {
    made m = {.fd = -1};
    mr_buf_init(&m.buf, NULL, 0, 1 << 26);
    m.buf.big = big;
    return m;
}

static inline void made_free(made *m) {
    mr_buf_deinit(&m->buf);
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

/* The octets so far as a file. */
static inline int made_fd(made *m) {
    if (m->fd >= 0)
        close(m->fd);
    m->fd = memfd_create("capture", MFD_CLOEXEC);
    assert_true(m->fd >= 0);
    assert_int_equal(mr_buf_error(&m->buf), 0);
    assert_int_equal(write(m->fd, m->buf.data, m->buf.len), (ssize_t)m->buf.len);
    return m->fd;
}

static inline void put_pcap(made *m, uint32_t magic, uint16_t minor, uint32_t link) {
    mr_buf_write_u32(&m->buf, magic);
    mr_buf_write_u16(&m->buf, 2);
    mr_buf_write_u16(&m->buf, minor);
    mr_buf_write_u64(&m->buf, 0);
    mr_buf_write_u32(&m->buf, 65535);
    mr_buf_write_u32(&m->buf, link);
}

static inline void put_pcap_packet(made *m, uint32_t sec, uint32_t fraction, uint32_t captured,
                                   uint32_t len, const char *octets) {
    mr_buf_write_u32(&m->buf, sec);
    mr_buf_write_u32(&m->buf, fraction);
    mr_buf_write_u32(&m->buf, captured);
    mr_buf_write_u32(&m->buf, len);
    mr_buf_write_str(&m->buf, octets);
}

static inline size_t put_block(made *m, uint32_t type) {
    mr_buf_write_u32(&m->buf, type);
    mr_buf_write_u32(&m->buf, 0);
    return m->buf.len - 8;
}

static inline void put_block_end(made *m, size_t start) {
    mr_buf_write_align(&m->buf, start, 4);
    mr_buf_set_u32(&m->buf, start + 4, (uint32_t)(m->buf.len + 4 - start));
    mr_buf_write_u32(&m->buf, (uint32_t)(m->buf.len + 4 - start));
}

static inline void put_option(made *m, uint16_t code, const void *data, size_t len) {
    mr_buf_write_u16(&m->buf, code);
    mr_buf_write_u16(&m->buf, (uint16_t)len);
    mr_buf_write(&m->buf, mr_slice_of(data, len));
    mr_buf_write_zero(&m->buf, -len & 3);
}

static inline void put_section(made *m, const char *app) {
    size_t at = put_block(m, 0x0a0d0d0a);
    mr_buf_write_u32(&m->buf, 0x1a2b3c4d);
    mr_buf_write_u16(&m->buf, 1);
    mr_buf_write_u16(&m->buf, 0);
    mr_buf_write_u64(&m->buf, 4711);
    if (app) {
        put_option(m, 4, app, strlen(app));
        put_option(m, 0, NULL, 0);
    }
    put_block_end(m, at);
}

static inline void put_iface(made *m, uint16_t link, uint32_t snaplen, const char *name,
                             int resolution, int64_t offset) {
    size_t at = put_block(m, 1);
    mr_buf_write_u16(&m->buf, link);
    mr_buf_write_u16(&m->buf, 0);
    mr_buf_write_u32(&m->buf, snaplen);
    if (name)
        put_option(m, 2, name, strlen(name));
    if (resolution >= 0)
        put_option(m, 9, &(uint8_t){(uint8_t)resolution}, 1);
    if (offset) {
        mr_buf_write_u16(&m->buf, 14);
        mr_buf_write_u16(&m->buf, 8);
        mr_buf_write_u64(&m->buf, (uint64_t)offset);
    }
    put_block_end(m, at);
}

static inline void put_enhanced_as(made *m, uint32_t iface, uint64_t stamp, uint32_t captured,
                                   uint32_t len, const char *octets, const char *comment) {
    size_t at = put_block(m, 6);
    mr_buf_write_u32(&m->buf, iface);
    mr_buf_write_u32(&m->buf, (uint32_t)(stamp >> 32));
    mr_buf_write_u32(&m->buf, (uint32_t)stamp);
    mr_buf_write_u32(&m->buf, captured);
    mr_buf_write_u32(&m->buf, len);
    mr_buf_write_str(&m->buf, octets);
    mr_buf_write_align(&m->buf, at, 4);
    if (comment) {
        put_option(m, 1, comment, strlen(comment));
        put_option(m, 0, NULL, 0);
    }
    put_block_end(m, at);
}

static inline void put_enhanced(made *m, uint32_t iface, uint64_t stamp, const char *octets,
                                const char *comment) {
    uint32_t len = (uint32_t)strlen(octets);
    put_enhanced_as(m, iface, stamp, len, len, octets, comment);
}

static inline void put_simple(made *m, uint32_t len, const char *octets) {
    size_t at = put_block(m, 3);
    mr_buf_write_u32(&m->buf, len);
    mr_buf_write_str(&m->buf, octets);
    put_block_end(m, at);
}

static inline void open_made(made *m, mr_capture_file *file) {
    mr_error err = MR_ERROR_INIT;
    int r = mr_capture_file_init_fd(file, made_fd(m), "made", NULL, &err);
    if (r != 0)
        print_message("# %s\n", err.text);
    assert_int_equal(r, 0);
}

/* The next packet is this one. */
#define expect_packet(file, octets, when, packetp) do { \
        assert_int_equal(mr_capture_file_read((file), (packetp), NULL), 0); \
        assert_int_equal((packetp)->bytes.len, strlen(octets)); \
        assert_memory_equal((packetp)->bytes.data, (octets), strlen(octets)); \
        assert_true((packetp)->time == (mr_nsec)(when)); \
    } while (0)

#endif
