/*
 * Captures written, copied, merged and filtered: read back by ourselves and, where they are
 * installed, by Wireshark's tools. With MSRPC_PCAPS=DIR every capture below that folder is walked,
 * copied and counted against capinfos.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>

#include "capture_world.h"

#define T0 1700000000u
/* Ethernet, IPv4, UDP from 53 to 4000, "hello" */
static const uint8_t frame[] =
    "\0\1\2\3\4\5\6\7\x8\x9\xa\xb\x8\0\x45\0\0\x21\0\1\0\0\x40\x11\0\0\xa\0\0\1\xa\0\0\2"
    "\0\x35\xf\xa0\0\xd\0\0hello";

/* What a command prints, its output read through a pipe: the exit status, or -1 when the program
 * is not there. */
static int run(const char *const argv[], char *out, size_t size) {
    int fds[2], status = 0;
    size_t len = 0;
    ssize_t n;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(fds[1], 1);
        dup2(null, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(fds[1]);
    while (len + 1 < size && (n = read(fds[0], out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

static void path_of(int fd, char path[64]) {
    snprintf(path, 64, "/proc/%d/fd/%d", (int)getpid(), fd);
}

static int new_file(void) {
    int fd = memfd_create("written", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static mr_packet packet_at(mr_nsec time) {
    return (mr_packet){.time = time, .timed = true, .bytes = {frame, sizeof frame - 1},
                       .len = 1000, .link = MR_LINK_ETHERNET};
}

/* Two interfaces, nanoseconds, comments on the whole and on packets. */
static int write_sample(enum mr_capture_format format) {
    static const char *const on_all[] = {"about all of it", "and more"};
    static const char *const on_one[] = {"a finding", "another \xc3\xa9"};
    mr_capture_about about = {.hardware = "a machine", .app = "msrpc", .comment = ""};
    mr_capture_iface eth = {.link = MR_LINK_ETHERNET, .snaplen = 65535, .name = "eth0",
                            .description = "to the servers", .fcs = 4};
    mr_capture_iface other = {.link = MR_LINK_ETHERNET, .name = "eth1"};
    mr_capture_writer w;
    uint16_t a = 9, b = 9;
    int fd = new_file();

    assert_int_equal(mr_capture_writer_init(&w, fd, format, &about, on_all, 2, NULL), 0);
    assert_int_equal(mr_capture_writer_add_iface(&w, &eth, &a, NULL), 0);
    assert_int_equal(mr_capture_writer_add_iface(&w, &other, &b, NULL), 0);
    assert_int_equal(a, 0);
    assert_int_equal(b, 1);
    mr_packet p = packet_at(T0 * MR_SEC + 123456789);
    p.comment = MR_SLICE_LIT("was here before");
    assert_int_equal(mr_capture_writer_write(&w, &p, a, on_one, 2, NULL), 0);
    p = packet_at(T0 * MR_SEC + 123456790);
    assert_int_equal(mr_capture_writer_write(&w, &p, b, NULL, 0, NULL), 0);
    assert_int_equal(mr_capture_writer_write(&w, &p, 2, NULL, 0, NULL), MR_ERR_ARGUMENT);
    assert_int_equal(mr_capture_writer_flush(&w, NULL), 0);
    mr_capture_writer_deinit(&w);
    return fd;
}

static void test_written(void **state) {
    static const enum mr_capture_format formats[] = {MR_CAPTURE_PCAPNG, MR_CAPTURE_PCAP};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bool ng = formats[i] == MR_CAPTURE_PCAPNG;
        int fd = write_sample(formats[i]);
        mr_capture_file file;
        mr_packet p;
        assert_int_equal(mr_capture_file_init_fd(&file, fd, "w", NULL, NULL), 0);
        assert_int_equal(mr_capture_file_get_format(&file), formats[i]);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), 0);
        assert_true(p.time == T0 * MR_SEC + 123456789);
        assert_true(mr_slice_eq(p.bytes, mr_slice_of(frame, sizeof frame - 1)));
        assert_int_equal(p.len, 1000);
        assert_int_equal(p.fcs, 4);
        if (ng) {
            assert_true(mr_slice_eq(p.comment, MR_SLICE_LIT("was here before")));
            assert_string_equal(mr_capture_file_get_about(&file)->app, "msrpc");
            assert_string_equal(mr_capture_file_get_about(&file)->comment, "about all of it");
            assert_string_equal(mr_capture_file_get_iface(&file, 0)->description, "to the servers");
            assert_string_equal(mr_capture_file_get_iface(&file, 1)->name, "eth1");
        }
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), 0);
        assert_int_equal(p.iface, ng ? 1 : 0);
        assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
        mr_capture_file_deinit(&file);
        close(fd);
    }
}

static void test_wireshark_reads(void **state) {
    int fd = write_sample(MR_CAPTURE_PCAPNG);
    char path[64], out[4096];
    const char *const fields[] = {"tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.comment",
                                  "-e", "frame.time_epoch", "-e", "frame.interface_name", "-e",
                                  "udp.srcport", NULL};
    const char *const info[] = {"capinfos", path, NULL};

    (void)state;
    path_of(fd, path);
    int r = run(fields, out, sizeof out);
    if (r == -1) {
        close(fd);
        print_message("# skipped: tshark is not installed\n");
        return;
    }
    assert_int_equal(r, 0);
    assert_non_null(strstr(out, "was here before"));
    assert_non_null(strstr(out, "a finding"));
    assert_non_null(strstr(out, "another \xc3\xa9"));
    assert_non_null(strstr(out, "1700000000.123456789\teth0\t53\n"));
    assert_non_null(strstr(out, "\t1700000000.123456790\teth1\t53\n"));
    if (run(info, out, sizeof out) != -1) {
        assert_non_null(strstr(out, "about all of it"));
        assert_non_null(strstr(out, "and more"));
        assert_non_null(strstr(out, "to the servers"));
    }
    close(fd);
}

static void test_writing_fails(void **state) {
    mr_capture_iface raw = {.link = MR_LINK_RAW}, eth = {.link = MR_LINK_ETHERNET};
    mr_error err = MR_ERROR_INIT;
    mr_capture_writer w;
    uint16_t i;

    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(mr_capture_writer_init(&w, fd, MR_CAPTURE_PCAP, NULL, NULL, 0, NULL), 0);
    assert_int_equal(mr_capture_writer_add_iface(&w, &eth, &i, NULL), 0);
    assert_int_equal(mr_capture_writer_add_iface(&w, &raw, &i, &err), MR_ERR_UNSUPPORTED);
    mr_packet p = packet_at(1);
    int r = 0;
    for (int n = 0; n < 10000 && r == 0; n++)
        r = mr_capture_writer_write(&w, &p, 0, NULL, 0, &err);
    assert_int_equal(r, MR_ERR_SYSTEM);
    assert_int_equal(err.peer, ENOSPC);
    err = MR_ERROR_INIT;
    assert_int_equal(mr_capture_writer_flush(&w, &err), MR_ERR_SYSTEM); /* it sticks */
    assert_int_equal(err.peer, ENOSPC);
    mr_capture_writer_deinit(&w);
    close(fd);
    assert_int_equal(mr_capture_writer_init(&w, 1, MR_CAPTURE_NETMON, NULL, NULL, 0, &err),
                     MR_ERR_ARGUMENT);
}

static void edit_second(void *user, const mr_packet *packet, mr_capture_edit *editp) {
    static const char *const comments[] = {"added", "twice"};
    (void)user;
    if (packet->number % 2 == 0) {
        editp->comments = comments;
        editp->comment_count = 2;
    }
    editp->drop = packet->number == 1;
}

/* Everything stays as it was, in both byte orders, but for what was asked. */
static void test_copied(void **state) {
    static const char *const about[] = {"about all of it"};

    (void)state;
    for (int big = 0; big < 2; big++) {
        mr_capture_file file, copy;
        mr_packet p;
        made m = made_new(big);
        put_section(&m, "dumpcap");
        put_iface(&m, 1, 0, "eth0", 9, 0);
        put_enhanced(&m, 0, 1, "drop", NULL);
        put_enhanced(&m, 0, 2, "mark", "old");
        size_t at = put_block(&m, 0x80001234);
        mr_buf_write_str(&m.buf, "nobody knows");
        put_block_end(&m, at);
        size_t block = m.buf.len - at;
        put_enhanced(&m, 0, 3, "keep", "as it is");
        put_simple(&m, 6, "simple");
        open_made(&m, &file);
        int fd = new_file();
        assert_int_equal(mr_capture_copy(&file, fd, about, 1, edit_second, NULL, NULL), 0);
        mr_capture_file_deinit(&file);
        uint8_t room[1000];
        ssize_t len = pread(fd, room, sizeof room, 0);
        assert_non_null(memmem(room, (size_t)len, m.buf.data + at, block));
        assert_int_equal(mr_capture_file_init_fd(&copy, fd, "copy", NULL, NULL), 0);
        expect_packet(&copy, "mark", 2, &p);
        assert_true(mr_slice_eq(p.comment, MR_SLICE_LIT("old")));
        assert_string_equal(mr_capture_file_get_about(&copy)->app, "dumpcap");
        assert_string_equal(mr_capture_file_get_about(&copy)->comment, "about all of it");
        expect_packet(&copy, "keep", 3, &p);
        expect_packet(&copy, "simple", 0, &p);
        assert_true(p.timed);
        assert_true(mr_slice_eq(p.comment, MR_SLICE_LIT("added")));
        assert_int_equal(mr_capture_file_read(&copy, &p, NULL), MR_CAPTURE_END);
        mr_capture_file_deinit(&copy);
        char path[64], out[4096];
        path_of(fd, path);
        const char *const fields[] = {"tshark", "-n", "-r", path, "-T", "fields", "-E",
                                      "aggregator=;", "-e", "frame.comment", NULL};
        int r = run(fields, out, sizeof out);
        if (r == 0)
            assert_string_equal(out, "old;added;twice\nas it is\nadded;twice\n");
        else
            assert_int_equal(r, -1); /* tshark is not installed */
        close(fd);
        made_free(&m);
    }
}

static void test_copied_pcap_and_cut(void **state) {
    mr_capture_file file;
    mr_packet p;
    made m = made_new(false);

    (void)state;
    put_pcap(&m, 0xa1b2c3d4, 4, 113);
    put_pcap_packet(&m, T0, 1, 3, 3, "abc");
    put_pcap_packet(&m, T0, 2, 3, 3, "def");
    put_pcap_packet(&m, T0, 3, 3, 3, "gh");
    open_made(&m, &file);
    int fd = new_file();
    assert_int_equal(mr_capture_copy(&file, fd, NULL, 0, edit_second, NULL, NULL), MR_CAPTURE_CUT);
    mr_capture_file_deinit(&file);
    assert_int_equal(mr_capture_file_init_fd(&file, fd, "copy", NULL, NULL), 0);
    expect_packet(&file, "def", T0 * MR_SEC + 2000, &p);
    assert_int_equal(p.link, MR_LINK_SLL);
    assert_true(mr_slice_eq(p.comment, MR_SLICE_LIT("added")));
    assert_int_equal(mr_capture_file_read(&file, &p, NULL), MR_CAPTURE_END);
    mr_capture_file_deinit(&file);
    close(fd);
    fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    mr_error err = MR_ERROR_INIT;
    open_made(&m, &file);
    assert_int_equal(mr_capture_copy(&file, fd, NULL, 0, NULL, NULL, &err), MR_ERR_SYSTEM);
    assert_int_equal(err.peer, ENOSPC);
    mr_capture_file_deinit(&file);
    close(fd);
    made_free(&m);
}

/* Three files, one of them cut, one with packets out of time: by time and in sequence. */
static void test_merged(void **state) {
    static const uint32_t seconds[3][3] = {{1, 4, 6}, {2, 3, 3}, {4, 3, 9}};
    /* by time: 1 2 3 3 4 4 3 6 cut 9 */
    static const char *const expected[] = {"000!111222", "01110220!2"};
    made files[3];
    char names[3][64];
    const char *paths[3];
    mr_error err = MR_ERROR_INIT;
    mr_capture_merge merge = {0};
    mr_packet p;
    size_t which;
    int r;

    (void)state;
    for (int i = 0; i < 3; i++) {
        files[i] = made_new(i == 1);
        put_pcap(&files[i], 0xa1b2c3d4, 4, 1);
        for (int k = 0; k < 3; k++)
            put_pcap_packet(&files[i], seconds[i][k], 0, 1, 1, "x");
        if (i == 0)
            mr_buf_write_str(&files[i].buf, "cut");
        path_of(made_fd(&files[i]), names[i]);
        paths[i] = names[i];
    }
    for (int order = 0; order < 2; order++) {
        char seen[20] = "";
        size_t n = 0;
        assert_int_equal(mr_capture_merge_init(&merge, paths, 3,
                                               order ? MR_MERGE_TIME : MR_MERGE_SEQUENCE, NULL), 0);
        while ((r = mr_capture_merge_read(&merge, &p, &which, &err)) != MR_CAPTURE_END) {
            assert_true(r == 0 || (r == MR_CAPTURE_CUT && which == 0));
            seen[n++] = r == 0 ? (char)('0' + p.file) : '!';
            assert_in_range(n, 1, sizeof seen - 2);
        }
        assert_string_equal(seen, expected[order]);
        assert_int_equal(mr_capture_file_get_stats(mr_capture_merge_get_file(&merge, 2))->packets,
                         3);
        mr_capture_merge_deinit(&merge);
    }
    paths[1] = "/nonexistent/file";
    assert_int_equal(mr_capture_merge_init(&merge, paths, 3, MR_MERGE_TIME, &err), MR_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "/nonexistent/file"));
    assert_int_equal(mr_capture_merge_init(&merge, paths, 3, MR_MERGE_SEQUENCE, &err), 0);
    size_t got = 0, failed = 0;
    while ((r = mr_capture_merge_read(&merge, &p, &which, &err)) != MR_CAPTURE_END) {
        got += r == 0;
        failed += r < 0 && which == 1;
    }
    assert_int_equal(got, 6);
    assert_int_equal(failed, 1);
    mr_capture_merge_deinit(&merge);
    for (int i = 0; i < 3; i++)
        made_free(&files[i]);
}

static void test_filter(void **state) {
    mr_packet p = packet_at(1), raw = p;
    mr_error err = MR_ERROR_INIT;
    mr_capture_filter filter = {0};
    bool pass = false;
    int r = mr_capture_filter_init(&filter, "udp port 53 and host 10.0.0.2", &err);

    (void)state;
    if (r == MR_ERR_UNSUPPORTED) {
        print_message("# skipped: %s\n", err.text);
        return;
    }
    assert_int_equal(r, 0);
    assert_int_equal(mr_capture_filter_match(&filter, &p, &pass, NULL), 0);
    assert_true(pass);
    raw.link = MR_LINK_RAW;
    raw.bytes = mr_slice_sub(p.bytes, 14, p.bytes.len);
    pass = false;
    assert_int_equal(mr_capture_filter_match(&filter, &raw, &pass, NULL), 0);
    assert_true(pass);
    raw.bytes.len = 19; /* cut before the addresses end */
    assert_int_equal(mr_capture_filter_match(&filter, &raw, &pass, NULL), 0);
    assert_false(pass);
    mr_capture_filter_deinit(&filter);
    assert_int_equal(mr_capture_filter_init(&filter, "no such word", &err), MR_ERR_SYNTAX);
    assert_non_null(strstr(err.text, "Ethernet"));
}

static void test_live_refused(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_capture_live live = {0};
    int r = mr_capture_live_init(&live, "nosuchif0", NULL, &err);

    (void)state;
    assert_true(r == MR_ERR_NOT_FOUND || r == MR_ERR_AUTH || r == MR_ERR_UNSUPPORTED);
    assert_null(live.state);
}

static size_t walked, differing;

static int walk_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    const char *end = strrchr(path, '.');
    const char *const info[] = {"capinfos", "-M", "-T", "-c", "-r", path, NULL};
    mr_capture_file file;
    mr_packet p;
    char out[2048];
    uint64_t theirs = 0, ours, again = 0;

    (void)st;
    (void)ftw;
    if (type != FTW_F || !end || (strcmp(end, ".pcap") != 0 && strcmp(end, ".pcapng") != 0 &&
                                  strcmp(end, ".cap") != 0))
        return 0;
    int fd = new_file();
    assert_int_equal(mr_capture_file_init(&file, path, NULL, NULL), 0);
    assert_true(mr_capture_copy(&file, fd, NULL, 0, NULL, NULL, NULL) >= 0);
    ours = mr_capture_file_get_stats(&file)->packets;
    mr_capture_file_deinit(&file);
    if (ours > 0) {
        assert_int_equal(mr_capture_file_init_fd(&file, fd, "copy", NULL, NULL), 0);
        while (mr_capture_file_read(&file, &p, NULL) == 0)
            again++;
        mr_capture_file_deinit(&file);
    }
    assert_int_equal(again, ours);
    close(fd);
    run(info, out, sizeof out);
    char *tab = strrchr(out, '\t');
    assert_non_null(tab);
    assert_int_equal(mr_slice_get_number(mr_slice_of(tab + 1, strcspn(tab + 1, "\r\n")),
                                         UINT64_MAX, &theirs), 0);
    if (ours != theirs)
        print_message("# %s: %llu, capinfos %llu\n", path, (unsigned long long)ours,
                      (unsigned long long)theirs);
    walked++;
    differing += ours != theirs;
    return 0;
}

static void test_as_capinfos(void **state) {
    const char *folder = getenv("MSRPC_PCAPS");
    const char *const version[] = {"capinfos", "-v", NULL};
    char out[2048];

    (void)state;
    if (!folder || run(version, out, sizeof out) != 0) {
        print_message("# skipped: MSRPC_PCAPS names no folder, or capinfos is not installed\n");
        return;
    }
    assert_int_equal(nftw(folder, walk_one, 16, FTW_PHYS), 0);
    assert_true(walked > 0);
    assert_int_equal(differing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written), cmocka_unit_test(test_wireshark_reads),
        cmocka_unit_test(test_writing_fails), cmocka_unit_test(test_copied),
        cmocka_unit_test(test_copied_pcap_and_cut), cmocka_unit_test(test_merged),
        cmocka_unit_test(test_filter), cmocka_unit_test(test_live_refused),
        cmocka_unit_test(test_as_capinfos),
    };
    return cmocka_run_group_tests_name("captures written", tests, NULL, NULL);
}
