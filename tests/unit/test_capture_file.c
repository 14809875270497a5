/*
 * Capture files of every flavour, made octet by octet: what they hold, where they end, how they
 * lie; packed ones, pipes, files that grow, and several as one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <zlib.h>
#include <zstd.h>

#include "capture_world.h"

#define T0 1700000000u

static void test_pcap(void **state) {
    static const struct { uint32_t magic; bool big; unsigned unit; } kinds[] = {
        {0xa1b2c3d4, false, 1000}, {0xa1b2c3d4, true, 1000},
        {0xa1b23c4d, false, 1}, {0xa1b23c4d, true, 1},
    };
    (void)state;
    for (size_t i = 0; i < MR_COUNT(kinds); i++) {
        made m = made_new(kinds[i].big);
        mr_capture_file file;
        mr_packet p;
        put_pcap(&m, kinds[i].magic, 4, 1);
        put_pcap_packet(&m, T0, 999999, 5, 1500, "first");
        put_pcap_packet(&m, T0 + 1, 7, 0, 0, "");
        put_pcap_packet(&m, T0 + 2, 0, 6, 3, "longer");
        open_made(&m, &file);
        assert_int_equal(mr_capture_file_get_format(&file), MR_CAPTURE_PCAP);
        expect_packet(&file, "first", T0 * MR_SEC + 999999ull * kinds[i].unit, &p);
        assert_int_equal(p.number, 1);
        assert_int_equal(p.len, 1500);
        assert_int_equal(p.link, MR_LINK_ETHERNET);
        assert_true(p.timed && p.comment.len == 0 && p.fcs == 0);
        expect_packet(&file, "", (T0 + 1) * MR_SEC + 7 * kinds[i].unit, &p);
        expect_packet(&file, "longer", (T0 + 2) * MR_SEC, &p);
        assert_int_equal(p.len, 6); /* said to be 3 */
        assert_int_equal(mr_capture_file_get_stats(&file)->short_len, 1);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
        assert_int_equal(mr_capture_file_get_iface(&file, 0)->snaplen, 65535);
        assert_null(mr_capture_file_get_iface(&file, 1));
        mr_capture_file_deinit(&file);
        made_free(&m);
    }
}

/* Records with a longer header, frame check sequences, lengths that old writers swapped, BSD's
 * number for raw IP. */
static void test_pcap_variants(void **state) {
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    put_pcap(&m, 0xa1b2cd34, 4, 14);
    put_pcap_packet(&m, T0, 1, 3, 3, "\1\1\1\1\1\1\1\1abc");
    open_made(&m, &file);
    expect_packet(&file, "abc", T0 * MR_SEC + 1000, &p);
    assert_int_equal(p.link, MR_LINK_RAW);
    mr_capture_file_deinit(&file);

    mr_buf_reset(&m.buf);
    put_pcap(&m, 0xa1b2c3d4, 4, 0x24000001);
    put_pcap_packet(&m, T0, 1, 3, 3, "abc");
    open_made(&m, &file);
    expect_packet(&file, "abc", T0 * MR_SEC + 1000, &p);
    assert_int_equal(p.link, MR_LINK_ETHERNET);
    assert_int_equal(p.fcs, 4);
    mr_capture_file_deinit(&file);

    for (uint16_t minor = 2; minor <= 3; minor++) {
        mr_buf_reset(&m.buf);
        put_pcap(&m, 0xa1b2c3d4, minor, 1);
        put_pcap_packet(&m, T0, 1, 60, 3, "abc");
        open_made(&m, &file);
        expect_packet(&file, "abc", T0 * MR_SEC + 1000, &p);
        assert_int_equal(p.len, 60);
        mr_capture_file_deinit(&file);
    }
    made_free(&m);
}

/* Cut at every octet: the packets that are whole come, then END at a border and CUT elsewhere. */
static void check_cuts(made *m, size_t header, const size_t *borders, size_t count) {
    for (size_t cut = header; cut <= m->buf.len; cut++) {
        made part = made_new(false);
        mr_capture_file file;
        mr_packet p;
        size_t whole = 0, got = 0, border = header;
        int r;
        for (size_t i = 0; i < count && borders[i] <= cut; i++, whole++)
            border = borders[i];
        mr_buf_write(&part.buf, mr_slice_of(m->buf.data, cut));
        open_made(&part, &file);
        while ((r = mr_capture_file_read(&file, &p, NULL)) == 0)
            got++;
        assert_int_equal(got, whole);
        assert_int_equal(r, cut == border ? MR_CAPTURE_END : MR_CAPTURE_CUT);
        if (r == MR_CAPTURE_CUT)
            assert_int_equal(mr_capture_file_get_stats(&file)->cut_at, border);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
        mr_capture_file_deinit(&file);
        made_free(&part);
    }
}

static void test_cut(void **state) {
    size_t borders[3];
    made m = made_new(false);

    (void)state;
    put_pcap(&m, 0xa1b2c3d4, 4, 1);
    for (size_t i = 0; i < 3; i++) {
        put_pcap_packet(&m, T0, 1, 3, 3, "abc");
        borders[i] = m.buf.len;
    }
    check_cuts(&m, 24, borders, 3);
    mr_buf_reset(&m.buf);
    put_section(&m, NULL);
    put_iface(&m, 1, 0, NULL, -1, 0);
    size_t header = m.buf.len;
    for (size_t i = 0; i < 3; i++) {
        put_enhanced(&m, 0, 1, "abcde", i == 1 ? "a comment" : NULL);
        borders[i] = m.buf.len;
    }
    check_cuts(&m, header, borders, 3);
    made_free(&m);
}

static int open_error(made *m, mr_error *err) {
    mr_capture_file file = {0};
    int r = mr_capture_file_init_fd(&file, made_fd(m), "made", NULL, err);
    assert_null(file.reader);
    return r;
}

static void test_no_capture(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_capture_file file = {0};
    made m = made_new(false);

    (void)state;
    assert_int_equal(open_error(&m, &err), MR_ERR_TRUNCATED);
    assert_string_equal(err.text, "it is empty");
    mr_buf_write_str(&m.buf, "\xd4\xc3");
    assert_int_equal(open_error(&m, &err), MR_ERR_TRUNCATED);
    mr_buf_write_str(&m.buf, "\xb2\xa1");
    assert_int_equal(open_error(&m, &err), MR_ERR_TRUNCATED);
    mr_buf_reset(&m.buf);
    mr_buf_write_str(&m.buf, "From: somebody");
    assert_int_equal(open_error(&m, &err), MR_ERR_UNSUPPORTED);
    mr_buf_reset(&m.buf);
    put_pcap(&m, 0xa1b2c3d4, 4, 1);
    m.buf.data[4] = 3;
    assert_int_equal(open_error(&m, &err), MR_ERR_UNSUPPORTED);
    mr_buf_reset(&m.buf);
    put_section(&m, NULL);
    m.buf.data[8] = 0;
    assert_int_equal(open_error(&m, &err), MR_ERR_MALFORMED);
    made_free(&m);
    assert_int_equal(mr_capture_file_init(&file, "/nonexistent/file", NULL, &err), MR_ERR_SYSTEM);
    assert_int_equal(err.peer, ENOENT);
    assert_int_equal(mr_capture_file_init(&file, "/", NULL, &err), MR_ERR_SYSTEM);
    assert_int_equal(err.peer, EISDIR);
}

/* Every lie that leaves no safe place to go on from is an error at its record. */
static void test_lies(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    put_pcap(&m, 0xa1b2c3d4, 4, 1);
    put_pcap_packet(&m, T0, 1, 3, 3, "abc");
    size_t at = m.buf.len;
    put_pcap_packet(&m, T0, 1, 262145, 262145, "abc");
    open_made(&m, &file);
    assert_int_equal(mr_capture_file_read(&file, &p, &err), 0);
    assert_int_equal(mr_capture_file_read(&file, &p, &err), MR_ERR_MALFORMED);
    assert_int_equal(err.offset, at);
    assert_int_equal(mr_capture_file_read(&file, &p, &err), MR_CAPTURE_END);
    mr_capture_file_deinit(&file);

    static const uint32_t totals[] = {0, 8, 11, 30, 33, 0x01000004, 0xfffffffc};
    for (size_t i = 0; i < MR_COUNT(totals) + 1; i++) {
        mr_buf_reset(&m.buf);
        put_section(&m, NULL);
        put_iface(&m, 1, 0, NULL, -1, 0);
        at = m.buf.len;
        put_enhanced(&m, 0, 1, "abcd", NULL);
        if (i < MR_COUNT(totals))
            mr_buf_set_u32(&m.buf, at + 4, totals[i]);
        else /* the length at the end is another */
            mr_buf_set_u32(&m.buf, m.buf.len - 4, 40);
        open_made(&m, &file);
        assert_int_equal(mr_capture_file_read(&file, &p, &err), MR_ERR_MALFORMED);
        assert_int_equal(err.offset, at);
        mr_capture_file_deinit(&file);
    }
    made_free(&m);
}

/* Packets that lie within a block that is whole are left out and counted. */
static void test_lying_packets(void **state) {
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    put_section(&m, NULL);
    put_simple(&m, 4, "abcd"); /* before any interface */
    put_iface(&m, 1, 0, NULL, -1, 0);
    size_t at = m.buf.len;
    put_enhanced(&m, 1, 1, "abcd", NULL); /* of no interface */
    put_enhanced_as(&m, 0, 1, 5, 5, "abcd", NULL);
    put_enhanced_as(&m, 0, 1, 0xffffffff, 0xffffffff, "abcd", NULL);
    put_simple(&m, 9, "abcdefgh");
    put_enhanced(&m, 0, 5, "good", NULL);
    open_made(&m, &file);
    expect_packet(&file, "good", 5000, &p);
    assert_int_equal(p.number, 6);
    assert_int_equal(mr_capture_file_get_stats(&file)->skipped, 5);
    assert_true(mr_capture_file_get_stats(&file)->skipped_at < at);
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
    mr_capture_file_deinit(&file);
    made_free(&m);
}

/* Two sections of different byte order, their interfaces, all three packet blocks, and blocks to
 * pass by. */
static void test_pcapng(void **state) {
    mr_capture_file file;
    mr_packet p;
    made m = made_new(true);

    (void)state;
    put_section(&m, "dumpcap");
    put_iface(&m, 1, 0, "eth0", 9, 0);
    put_iface(&m, 113, 0, NULL, -1, 3600);
    size_t at = put_block(&m, 4); /* names */
    mr_buf_write_u32(&m.buf, 0);
    put_block_end(&m, at);
    put_enhanced(&m, 0, T0 * MR_SEC + 1, "nano", "seen here");
    put_enhanced(&m, 1, T0 * 1000000ull, "micro", NULL);
    at = put_block(&m, 0x80001234);
    mr_buf_write_str(&m.buf, "anything");
    put_block_end(&m, at);
    m.buf.big = false;
    put_section(&m, NULL);
    put_iface(&m, 101, 4, "tun0", 0x94, 0); /* 2^-20 s */
    put_simple(&m, 40, "abcd");
    at = put_block(&m, 2);
    mr_buf_write_u16(&m.buf, 0);
    mr_buf_write_u16(&m.buf, 3); /* lost before it */
    mr_buf_write_u32(&m.buf, 0);
    mr_buf_write_u32(&m.buf, 3 << 19);
    mr_buf_write_u32(&m.buf, 3);
    mr_buf_write_u32(&m.buf, 3);
    mr_buf_write_str(&m.buf, "old");
    put_block_end(&m, at);
    open_made(&m, &file);
    assert_int_equal(mr_capture_file_get_format(&file), MR_CAPTURE_PCAPNG);
    expect_packet(&file, "nano", T0 * MR_SEC + 1, &p);
    assert_true(mr_slice_eq(p.comment, MR_SLICE_LIT("seen here")));
    assert_string_equal(mr_capture_file_get_about(&file)->app, "dumpcap");
    assert_string_equal(mr_capture_file_get_iface(&file, 0)->name, "eth0");
    expect_packet(&file, "micro", (T0 + 3600) * MR_SEC, &p);
    assert_int_equal(p.link, MR_LINK_SLL);
    assert_int_equal(p.iface, 1);
    expect_packet(&file, "abcd", 0, &p);
    assert_false(p.timed);
    assert_int_equal(p.len, 40);
    assert_int_equal(p.iface, 2);
    assert_string_equal(mr_capture_file_get_iface(&file, 2)->name, "tun0");
    expect_packet(&file, "old", 1500 * MR_MSEC, &p);
    assert_int_equal(p.number, 4);
    assert_int_equal(mr_capture_file_get_stats(&file)->dropped, 3);
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
    mr_capture_file_deinit(&file);
    made_free(&m);
}

/* Records that are no packets but take a number, as Wireshark counts; others take none. */
static void test_pcapng_numbers(void **state) {
    static const uint32_t types[] = {4, 5, 9, 0xbad, 0x40000bad, 0x1234};
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    put_section(&m, NULL);
    put_iface(&m, 1, 0, NULL, 9, 0);
    put_enhanced(&m, 0, 1, "first", NULL);
    for (size_t i = 0; i < MR_COUNT(types); i++) {
        size_t at = put_block(&m, types[i]);
        mr_buf_write_str(&m.buf, "any text.");
        put_block_end(&m, at);
    }
    put_enhanced(&m, 0, 1, "last", NULL);
    open_made(&m, &file);
    expect_packet(&file, "first", 1, &p);
    expect_packet(&file, "last", 1, &p);
    assert_int_equal(p.number, 5);
    assert_int_equal(mr_capture_file_get_stats(&file)->packets, 2);
    assert_int_equal(mr_capture_file_get_stats(&file)->others, 3);
    mr_capture_file_deinit(&file);
    made_free(&m);
}

static void test_pcapng_times(void **state) {
    static const struct { int resolution; int64_t offset; uint64_t stamp; mr_nsec time; } rows[] = {
        {0, 0, 7, 7 * MR_SEC}, {3, 0, 1500, 1500 * MR_MSEC}, {9, -1, 1000000005, 5},
        {12, 0, 5999, 5}, {9, -2, 5, 0}, {18, 0, UINT64_MAX, 18446744073},
        {127, 0, UINT64_MAX, 0}, {0, 0, UINT64_MAX, MR_NSEC_NEVER - 1},
        {0x80, 0, 3, 3 * MR_SEC}, {0xa0, 0, 5ull << 31, 2500 * MR_MSEC},
        {0xbf, 0, 1ull << 63, MR_SEC}, {0xff, 0, UINT64_MAX, 0},
        {6, INT64_MAX, 1, MR_NSEC_NEVER - 1}, {6, INT64_MIN, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_capture_file file;
        mr_packet p;
        made m = made_new(false);
        put_section(&m, NULL);
        put_iface(&m, 1, 0, NULL, rows[i].resolution, rows[i].offset);
        put_enhanced(&m, 0, rows[i].stamp, "x", NULL);
        open_made(&m, &file);
        expect_packet(&file, "x", rows[i].time, &p);
        mr_capture_file_deinit(&file);
        made_free(&m);
    }
}

/* A packet larger than the window, and drops as statistics tell them. */
static void test_pcapng_large(void **state) {
    enum { LARGE = 1 << 20 };
    char *octets = malloc(LARGE + 1);
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    assert_non_null(octets);
    memset(octets, 'x', LARGE);
    octets[LARGE] = '\0';
    put_section(&m, NULL);
    put_iface(&m, 1, 0, NULL, 9, 0);
    put_enhanced(&m, 0, 1, octets, "large");
    put_enhanced(&m, 0, 2, "small", NULL);
    size_t at = put_block(&m, 5);
    mr_buf_write_zero(&m.buf, 12);
    put_option(&m, 5, "\5\0\0\0\0\0\0\0", 8);
    put_option(&m, 7, "\2\0\0\0\0\0\0\0", 8);
    put_block_end(&m, at);
    open_made(&m, &file);
    expect_packet(&file, octets, 1, &p);
    assert_true(mr_slice_eq(p.comment, MR_SLICE_LIT("large")));
    expect_packet(&file, "small", 2, &p);
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
    assert_int_equal(mr_capture_file_get_iface(&file, 0)->dropped, 7);
    assert_int_equal(mr_capture_file_get_stats(&file)->dropped, 7);
    mr_capture_file_deinit(&file);
    made_free(&m);
    free(octets);
}

/* Network Monitor 1.1, 2.0 to 2.3: the table gives the order, the trailers link and time. */
static void test_netmon(void **state) {
    static const struct { char magic[5]; uint8_t minor, major; size_t trailer; } kinds[] = {
        {"RTSS", 1, 1, 0}, {"GMBU", 0, 2, 0}, {"GMBU", 1, 2, 2}, {"GMBU", 2, 2, 6},
        {"GMBU", 3, 2, 15},
    };
    /* 2025-09-03 13:57:09.066 */
    static const uint8_t start[] = {0xe9, 7, 9, 0, 3, 0, 3, 0, 13, 0, 57, 0, 9, 0, 66, 0};
    const mr_nsec base = 1756907829066 * MR_MSEC;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(kinds); i++) {
        mr_capture_file file;
        mr_packet p;
        uint32_t frames[2];
        made m = made_new(false);
        mr_buf_write_str(&m.buf, kinds[i].magic);
        mr_buf_write_u8(&m.buf, kinds[i].minor);
        mr_buf_write_u8(&m.buf, kinds[i].major);
        mr_buf_write_u16(&m.buf, 1);
        mr_buf_write(&m.buf, mr_slice_of(start, sizeof start));
        mr_buf_write_zero(&m.buf, 128 - 24);
        for (size_t frame = 0; frame < 2; frame++) {
            frames[frame] = (uint32_t)m.buf.len;
            if (kinds[i].major == 1) {
                mr_buf_write_u32(&m.buf, 1);
                mr_buf_write_u16(&m.buf, 60);
                mr_buf_write_u16(&m.buf, 4);
            } else {
                mr_buf_write_u64(&m.buf, 1000);
                mr_buf_write_u32(&m.buf, 60);
                mr_buf_write_u32(&m.buf, 4);
            }
            mr_buf_write_str(&m.buf, frame ? "abcd" : "efgh");
            if (kinds[i].trailer >= 2)
                mr_buf_write_u16(&m.buf, 9); /* raw IP */
            if (kinds[i].trailer >= 6)
                mr_buf_write_u32(&m.buf, 0);
            if (kinds[i].trailer == 15) {
                mr_buf_write_u64(&m.buf, mr_time_filetime(T0, 100));
                mr_buf_write_u8(&m.buf, 0);
            }
        }
        mr_buf_set_u32(&m.buf, 24, (uint32_t)m.buf.len);
        mr_buf_set_u32(&m.buf, 28, 8);
        mr_buf_write_u32(&m.buf, frames[1]);
        mr_buf_write_u32(&m.buf, frames[0]);
        open_made(&m, &file);
        mr_nsec when = kinds[i].trailer == 15 ? T0 * MR_SEC + 100 : base + MR_MSEC;
        expect_packet(&file, "abcd", when, &p);
        assert_int_equal(p.link, kinds[i].trailer ? MR_LINK_RAW : MR_LINK_ETHERNET);
        assert_int_equal(p.len, 60);
        expect_packet(&file, "efgh", when, &p);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
        mr_capture_file_deinit(&file);
        mr_buf_set_u32(&m.buf, 28, 80); /* a table that is not there */
        open_made(&m, &file);
        expect_packet(&file, "abcd", when, &p);
        expect_packet(&file, "efgh", when, &p);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_CUT);
        mr_capture_file_deinit(&file);
        made_free(&m);
    }
}

static void pack_gzip(mr_slice in, mr_buf *out) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t most = deflateBound(&z, in.len);
    uint8_t *room = malloc(most);
    assert_non_null(room);
    z.next_in = (Bytef *)(uintptr_t)in.data;
    z.avail_in = (uInt)in.len;
    z.next_out = room;
    z.avail_out = (uInt)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    mr_buf_write(out, mr_slice_of(room, z.total_out));
    deflateEnd(&z);
    free(room);
}

static void pack_zstd(mr_slice in, mr_buf *out) {
    size_t most = ZSTD_compressBound(in.len);
    uint8_t *room = malloc(most);
    assert_non_null(room);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    assert_non_null(z);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1)));
    size_t n = ZSTD_compress2(z, room, most, in.data, in.len);
    assert_false(ZSTD_isError(n));
    ZSTD_freeCCtx(z);
    mr_buf_write(out, mr_slice_of(room, n));
    free(room);
}

enum { MANY = 3000 };

static void put_many(made *m) {
    put_pcap(m, 0xa1b2c3d4, 4, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        uint8_t octets[100];
        for (size_t k = 0; k < sizeof octets; k++)
            octets[k] = (uint8_t)(1 + (i * 2654435761u >> (k % 24)) % 255);
        put_pcap_packet(m, T0 + i, 0, sizeof octets, sizeof octets, "");
        mr_buf_write(&m->buf, mr_slice_of(octets, sizeof octets));
    }
}

static int count_all(mr_capture_file *file, size_t *countp, mr_error *err) {
    mr_packet p;
    int r;
    for (*countp = 0; (r = mr_capture_file_read(file, &p, err)) == 0; ++*countp)
        assert_int_equal(p.time, (T0 + *countp) * MR_SEC);
    return r;
}

/* How it is packed: g gzip, z zstd, in two members each; | as a pipe. */
static void test_packed(void **state) {
    static const char *const ways[] = {"g", "z", "gz", "zg", "gg", "|", "g|", "zg|", "ggg"};
    made plain = made_new(false);

    (void)state;
    put_many(&plain);
    for (size_t i = 0; i < MR_COUNT(ways); i++) {
        made m = made_new(false);
        mr_capture_file file;
        size_t count;
        mr_buf_write(&m.buf, mr_buf_slice(&plain.buf));
        for (const char *way = ways[i]; *way && *way != '|'; way++) {
            made packed = made_new(false);
            mr_slice whole = mr_buf_slice(&m.buf);
            void (*pack)(mr_slice in, mr_buf *out) = *way == 'g' ? pack_gzip : pack_zstd;
            pack(mr_slice_sub(whole, 0, whole.len / 2), &packed.buf);
            pack(mr_slice_sub(whole, whole.len / 2, whole.len), &packed.buf);
            made_free(&m);
            m = packed;
        }
        int fds[2] = {made_fd(&m), -1};
        bool piped = strchr(ways[i], '|') != NULL;
        pid_t child = 0;
        if (piped) {
            assert_int_equal(pipe(fds), 0);
            child = fork();
            if (child == 0) { /* feeds the pipe */
                close(fds[0]);
                _exit(write(fds[1], m.buf.data, m.buf.len) == (ssize_t)m.buf.len ? 0 : 1);
            }
            close(fds[1]);
        }
        assert_int_equal(mr_capture_file_init_fd(&file, fds[0], "packed", NULL, NULL), 0);
        assert_false(mr_capture_file_is_shared(&file));
        assert_int_equal(count_all(&file, &count, NULL), MR_CAPTURE_END);
        assert_int_equal(count, MANY);
        mr_capture_file_deinit(&file);
        if (piped) {
            int status = -1;
            close(fds[0]);
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_int_equal(status, 0);
        }
        made_free(&m);
    }
    made_free(&plain);
}

/* Cut within what is packed: what can be unpacked counts. Damaged: an error. Followed by padding:
 * as gzip does, nothing. */
static void test_packed_badly(void **state) {
    made plain = made_new(false);

    (void)state;
    put_many(&plain);
    for (int kind = 0; kind < 2; kind++) {
        made m = made_new(false);
        mr_capture_file file;
        mr_error err = MR_ERROR_INIT;
        size_t count, whole;
        (kind ? pack_zstd : pack_gzip)(mr_buf_slice(&plain.buf), &m.buf);
        whole = m.buf.len;
        m.buf.len = whole * 3 / 4;
        open_made(&m, &file);
        assert_int_equal(count_all(&file, &count, NULL), MR_CAPTURE_CUT);
        assert_in_range(count, 1, MANY - 1);
        mr_capture_file_deinit(&file);
        m.buf.len = whole;
        mr_buf_write_zero(&m.buf, 100);
        open_made(&m, &file);
        assert_int_equal(count_all(&file, &count, NULL), MR_CAPTURE_END);
        assert_int_equal(count, MANY);
        mr_capture_file_deinit(&file);
        memset(m.buf.data + whole / 2, 0xff, 64);
        if (mr_capture_file_init_fd(&file, made_fd(&m), "bad", NULL, &err) == 0) {
            mr_packet p;
            while (mr_capture_file_read(&file, &p, &err) == 0)
                ;
            mr_capture_file_deinit(&file);
        }
        assert_int_equal(err.code, MR_ERR_MALFORMED);
        made_free(&m);
    }
    made_free(&plain);
}

static void test_nested_too_deep(void **state) {
    mr_error err = MR_ERROR_INIT;
    made m = made_new(false);

    (void)state;
    put_many(&m);
    for (int i = 0; i < 4; i++) {
        made packed = made_new(false);
        pack_gzip(mr_buf_slice(&m.buf), &packed.buf);
        made_free(&m);
        m = packed;
    }
    assert_int_equal(open_error(&m, &err), MR_ERR_LIMIT);
    made_free(&m);
}

/* A file somebody still writes, and one that somebody cuts while it is read. */
static void test_growing(void **state) {
    mr_capture_options follow = {.follow = true};
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    put_pcap(&m, 0xa1b2c3d4, 4, 1);
    put_pcap_packet(&m, T0, 0, 3, 3, "abc");
    put_pcap_packet(&m, T0, 0, 3, 3, "d");
    int fd = made_fd(&m);
    assert_int_equal(mr_capture_file_init_fd(&file, fd, "grows", &follow, NULL), 0);
    expect_packet(&file, "abc", T0 * MR_SEC, &p);
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
    assert_int_equal(write(fd, "ef", 2), 2);
    expect_packet(&file, "def", T0 * MR_SEC, &p);
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
    mr_capture_file_deinit(&file);
    made_free(&m);

    m = made_new(false);
    put_many(&m);
    open_made(&m, &file);
    assert_true(mr_capture_file_is_shared(&file));
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), 0);
    assert_int_equal(ftruncate(m.fd, 1000), 0);
    int r;
    while ((r = mr_capture_file_read(&file, &p, NULL)) == 0)
        ;
    assert_true(r == MR_CAPTURE_CUT || r == MR_CAPTURE_END);
    mr_capture_file_deinit(&file);
    made_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap), cmocka_unit_test(test_pcap_variants),
        cmocka_unit_test(test_cut), cmocka_unit_test(test_no_capture),
        cmocka_unit_test(test_lies), cmocka_unit_test(test_lying_packets),
        cmocka_unit_test(test_pcapng), cmocka_unit_test(test_pcapng_numbers),
        cmocka_unit_test(test_pcapng_times),
        cmocka_unit_test(test_pcapng_large), cmocka_unit_test(test_netmon),
        cmocka_unit_test(test_packed), cmocka_unit_test(test_packed_badly),
        cmocka_unit_test(test_nested_too_deep), cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests_name("capture files", tests, NULL, NULL);
}
