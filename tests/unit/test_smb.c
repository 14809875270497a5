/* The SMB tap on what rpcclient, smbclient and Samba's smbd said to each other, in any segments and
 * with octets missing; and on messages made by hand for what those did not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/engine/smb.h>

#include "sample.h"

static const char *const kinds[] = {
    "nbss_request", "nbss_positive", "nbss_negative", "negotiate", "negotiated", "session",
    "logoff", "tree", "open", "data", "closed", "error", "encrypted", "compressed", "damaged",
    "resync",
};

typedef struct world {
    mr_smb smb;
    char text[8192];      /* a line per event */
    size_t len;
    size_t octets[2];     /* of pipes */
    unsigned count[16];
    unsigned damaged;     /* DATA */
    mr_smb_event last;
} world;

static void note(world *w, const mr_smb_event *e) {
    w->count[e->kind]++;
    w->last = *e;
    if (e->kind == MR_SMB_EVENT_DATA) {
        w->octets[e->dir] += e->u.data.bytes.len;
        w->damaged += e->u.data.damaged;
        return;
    }
    int n = snprintf(w->text + w->len, sizeof w->text - w->len, "%s %s %x %u%s\n",
                     kinds[e->kind], e->name, e->status, e->pipe, e->late ? " late" : "");
    assert_true(n > 0 && (size_t)n < sizeof w->text - w->len);
    w->len += (size_t)n;
}

static void drain(world *w) {
    mr_smb_event e;

    while (mr_smb_pull_event(&w->smb, &e))
        note(w, &e);
}

static void feed(world *w, enum mr_dir dir, mr_slice bytes, mr_nsec now) {
    mr_slice copy = sample_cut(bytes, bytes.len);
    size_t at = 0, used;
    int rc;

    do {
        rc = mr_smb_feed(&w->smb, dir, mr_slice_sub(copy, at, SIZE_MAX), now, &used, NULL);
        assert_true(rc >= 0);
        at += used;
        drain(w);
    } while (rc == MR_SMB_DRAIN);
    assert_int_equal(at, copy.len);
    sample_free(copy);
}

static void begin(world *w, bool midstream) {
    *w = (world){0};
    assert_int_equal(mr_smb_init(&w->smb, &(mr_smb_config){.midstream = midstream}, NULL), 0);
}

/* Plays a recording in segments of at most @chunk octets; segment @lost never comes. */
static void play(world *w, const char *name, size_t chunk, int lost) {
    mr_slice sample = sample_get(name);
    mr_cursor c = mr_cursor_of(sample);
    mr_nsec now = 0;

    c.big = true;
    begin(w, mr_cursor_read_u8(&c) & 1);
    for (int i = 0; mr_cursor_left(&c); i++) {
        uint16_t word = mr_cursor_read_u16(&c);
        mr_slice seg = mr_cursor_read(&c, word & 0x3fff);
        enum mr_dir dir = word & 0x8000 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER;
        assert_true(mr_cursor_ok(&c));
        now += 1000;
        if (i == lost) {
            assert_int_equal(mr_smb_feed_gap(&w->smb, dir, seg.len, NULL), 0);
            drain(w);
            continue;
        }
        for (size_t at = 0; at < seg.len; at += chunk)
            feed(w, dir, mr_slice_sub(seg, at, chunk), now);
    }
    sample_free(sample);
}

static void test_chunks(void **state) {
    static const char *const names[] = {"smb/pipe", "smb/refused", "smb/netbios", "smb/nopipe",
                                        "smb/smb1_pipe"};
    static const size_t chunks[] = {1, 2, 3, 7, 61, 64, 113};
    static world whole, parts;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        play(&whole, names[i], SIZE_MAX / 2, -1);
        assert_int_equal(whole.count[MR_SMB_EVENT_DAMAGED], 0);
        for (size_t k = 0; k < MR_COUNT(chunks); k++) {
            play(&parts, names[i], chunks[k], -1);
            assert_string_equal(parts.text, whole.text);
            assert_int_equal(parts.octets[0], whole.octets[0]);
            assert_int_equal(parts.octets[1], whole.octets[1]);
            mr_smb_deinit(&parts.smb);
        }
        mr_smb_deinit(&whole.smb);
    }
}

static void expect(const char *name, const char *text, size_t up, size_t down) {
    static world w;
    mr_smb_info info;

    play(&w, name, SIZE_MAX / 2, -1);
    assert_string_equal(w.text, text);
    assert_int_equal(w.octets[MR_DIR_TO_SERVER], up);
    assert_int_equal(w.octets[MR_DIR_TO_CLIENT], down);
    mr_smb_get_info(&w.smb, &info);
    assert_int_equal(info.pending, 0);
    assert_int_equal(info.oldest, MR_NSEC_NEVER);
    mr_smb_deinit(&w.smb);
}

static void test_transcripts(void **state) {
    (void)state;
    expect("smb/pipe",
           "negotiate  0 0\nnegotiated  0 0\nnegotiate  0 0\nnegotiated  0 0\n"
           "session  0 0\nsession  c0000016 0\nsession  0 0\nsession  0 0\n"
           "tree \\\\127.0.0.1\\IPC$ 0 0\nopen srvsvc 0 1\nclosed srvsvc 0 1\n", 140, 204);
    expect("smb/smb1_pipe",
           "negotiate  0 0\nnegotiated  0 0\n"
           "session  0 0\nsession  c0000016 0\nsession  0 0\nsession  0 0\n"
           "tree \\\\127.0.0.1\\IPC$ 0 0\nopen srvsvc 0 1\nclosed srvsvc 0 1\n", 140, 204);
    expect("smb/refused",
           "negotiate  0 0\nnegotiated  0 0\nnegotiate  0 0\nnegotiated  0 0\n"
           "session  0 0\nsession  c0000016 0\nsession  0 0\nsession  c000006d 0\n", 0, 0);
    expect("smb/nopipe",
           "negotiate  0 0\nnegotiated  0 0\nnegotiate  0 0\nnegotiated  0 0\n"
           "session  0 0\nsession  c0000016 0\nsession  0 0\nsession  0 0\n"
           "tree \\\\127.0.0.1\\IPC$ 0 0\nopen nopipe c0000034 0\n", 0, 0);
    expect("smb/netbios",
           "nbss_request 127.0.0.1 0 0\nnbss_positive  0 0\nnegotiate  0 0\nnegotiated  0 0\n"
           "session  0 0\nsession  c0000016 0\nsession  0 0\nsession  0 0\n"
           "tree \\\\127.0.0.1\\IPC$ 0 0\nerror  c0000225 0\n"
           "tree \\\\127.0.0.1\\NOSUCH c00000cc 0\n", 0, 0);
}

/* Whichever segment is lost, what follows is found again and pipes carry on. */
static void test_gaps(void **state) {
    static world w;
    unsigned late = 0;

    (void)state;
    for (int lost = 0; lost < 20; lost++) {
        play(&w, "smb/pipe", SIZE_MAX / 2, lost);
        assert_true(w.count[MR_SMB_EVENT_DAMAGED] == 0);
        assert_true(w.octets[0] + w.octets[1] >= 140);
        late += strstr(w.text, " late\n") != NULL;
        mr_smb_deinit(&w.smb);
    }
    assert_true(late > 0); /* the CREATE or its answer was among them */
}

/* ---- by hand ---- */

static size_t head(uint8_t *m, uint16_t command, uint32_t flags, uint64_t id, size_t len) {
    memset(m, 0, 4 + len);
    m[1] = (uint8_t)(len >> 16);
    m[2] = (uint8_t)(len >> 8);
    m[3] = (uint8_t)len;
    memcpy(m + 4, "\xfeSMB\x40", 5);
    m[4 + 12] = (uint8_t)command;
    m[4 + 16] = (uint8_t)flags;
    m[4 + 24] = (uint8_t)id;
    return 4 + len;
}

static void status(uint8_t *m, uint32_t value) {
    for (int i = 0; i < 4; i++)
        m[4 + 8 + i] = (uint8_t)(value >> 8 * i);
}

/* A READ of file 7 that was never seen opened, and its answer of @len octets. */
static void ask_read(world *w, uint64_t id) {
    uint8_t m[256];
    size_t n = head(m, MR_SMB2_READ, 0, id, 64 + 49);

    m[4 + 64] = 49;
    m[4 + 64 + 16] = 7;
    feed(w, MR_DIR_TO_SERVER, mr_slice_of(m, n), 1000);
}

static void tell_read(world *w, uint64_t id, uint32_t code, uint8_t first, size_t len,
                      mr_nsec now) {
    uint8_t *m = malloc(4 + 80 + len);

    assert_non_null(m);
    size_t n = head(m, MR_SMB2_READ, MR_SMB2_RESPONSE, id, 80 + len);
    status(m, code);
    m[4 + 64] = 17;
    m[4 + 66] = 80;
    for (int i = 0; i < 4; i++)
        m[4 + 68 + i] = (uint8_t)(len >> 8 * i);
    memcpy(m + 4 + 80, "\x05\x00\x02\x03", 4);
    m[4 + 80] = first;
    for (size_t at = 0; at < n; at += 1460)
        feed(w, MR_DIR_TO_CLIENT, mr_slice_sub(mr_slice_of(m, n), at, 1460), now);
    free(m);
}

static void test_read(void **state) {
    static world w;
    mr_smb_info info;
    uint8_t m[128];

    (void)state;
    begin(&w, true);
    ask_read(&w, 3);
    size_t n = head(m, MR_SMB2_READ, MR_SMB2_RESPONSE | MR_SMB2_ASYNC, 3, 64 + 9);
    status(m, 0x103);
    m[4 + 64] = 9;
    feed(&w, MR_DIR_TO_CLIENT, mr_slice_of(m, n), 1500);
    mr_smb_get_info(&w.smb, &info);
    assert_int_equal(info.pending, 1);
    assert_int_equal(info.oldest, 1000);
    assert_int_equal(info.oldest_command, MR_SMB2_READ);
    /* part of a message in the pipe, then its end */
    tell_read(&w, 3, 0x80000005, 5, 100000, 5000);
    assert_int_equal(w.octets[MR_DIR_TO_CLIENT], 100000);
    assert_true(w.last.answers);
    assert_int_equal(w.last.latency, 4000);
    ask_read(&w, 4);
    tell_read(&w, 4, 0, 'x', 9, 6000); /* no PDU begins here, but the pipe is known by now */
    assert_int_equal(w.octets[MR_DIR_TO_CLIENT], 100009);
    assert_string_equal(w.text, "open  0 1 late\n");
    /* it breaks */
    ask_read(&w, 5);
    n = head(m, MR_SMB2_READ, MR_SMB2_RESPONSE, 5, 64 + 9);
    status(m, 0xc000014b);
    feed(&w, MR_DIR_TO_CLIENT, mr_slice_of(m, n), 7000);
    assert_string_equal(w.text, "open  0 1 late\nerror  c000014b 1\n");
    mr_smb_deinit(&w.smb);
}

static void test_file_is_skipped(void **state) {
    static world w;
    mr_smb_info info;

    (void)state;
    begin(&w, true);
    for (uint64_t id = 1; id < 4; id++) {
        ask_read(&w, id);
        tell_read(&w, id, 0, 'M', 200000, 1);
    }
    assert_int_equal(w.octets[MR_DIR_TO_CLIENT], 0);
    assert_string_equal(w.text, "");
    mr_smb_get_info(&w.smb, &info);
    assert_int_equal(info.pending, 0);
    assert_int_equal(info.pipes, 0);
    mr_smb_deinit(&w.smb);
}

static void test_sealed_and_foreign(void **state) {
    static world w;
    uint8_t m[128];

    (void)state;
    begin(&w, false);
    for (int i = 0; i < 2; i++) {
        size_t n = head(m, 0, 0, 0, 100);
        m[4] = 0xfd;
        m[4 + 44] = 9;
        feed(&w, MR_DIR_TO_CLIENT, mr_slice_of(m, n), 1);
    }
    assert_string_equal(w.text, "encrypted  0 0\n"); /* once */
    mr_smb_deinit(&w.smb);
    begin(&w, false);
    feed(&w, MR_DIR_TO_SERVER, MR_SLICE_LIT("GET / HTTP/1.1\r\nHost: SSSSSSSS\r\n\r\n"), 1);
    assert_string_equal(w.text, "damaged  0 0\n");
    ask_read(&w, 1);
    assert_string_equal(w.text, "damaged  0 0\nresync  0 0\n");
    assert_int_equal(w.last.u.skipped, 34);
    mr_smb_deinit(&w.smb);
}

/* A chain that points at itself, or backwards, ends. */
static void test_andx_loop(void **state) {
    static world w;

    (void)state;
    for (uint8_t to = 0; to <= 33; to++) {
        uint8_t m[64] = {0, 0, 0, 60, 0xff, 'S', 'M', 'B', MR_SMB1_LOGOFF_ANDX};
        m[4 + 32] = 2; /* words: the next command, where it stands */
        m[4 + 33] = MR_SMB1_LOGOFF_ANDX;
        m[4 + 35] = to;
        begin(&w, false);
        feed(&w, MR_DIR_TO_SERVER, mr_slice_of(m, sizeof m), 1);
        if (to <= 32)
            assert_string_equal(w.text, "damaged  0 0\n");
        mr_smb_deinit(&w.smb);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_transcripts),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_file_is_skipped),
        cmocka_unit_test(test_sealed_and_foreign),
        cmocka_unit_test(test_andx_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
