/* The whole way from packets to observations, with the recorded scenes: what each shows, the same
 * with any number of workers, captures that begin anywhere, and callers that stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <unistd.h>

#include <msrpc/capture.h>

#define SEEN_MAX 4096

typedef struct log {
    mr_seen seen[SEEN_MAX]; /* without what they point to */
    size_t count;
    uint64_t digest;
    uint64_t order, flow;
    size_t stop_at;
} log;

static log got;

static void mix(const void *data, size_t len) {
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++)
        got.digest = (got.digest ^ p[i]) * 0x100000001b3;
}

static int on_seen(void *ctx, const mr_seen *s) {
    assert_ptr_equal(ctx, &got);
    assert_true(s->order >= got.order);
    assert_true(s->order > got.order || s->flow >= got.flow);
    got.order = s->order;
    got.flow = s->flow;
    if (got.count < SEEN_MAX)
        got.seen[got.count] = *s;
    got.count++;
    uint64_t parts[] = {s->kind, s->via, s->packet, s->time, s->order, s->flow, s->client_port,
                        s->server_port, s->to_client};
    mix(parts, sizeof parts);
    if (s->pipe)
        mix(s->pipe, strlen(s->pipe));
    if (s->kind == MR_SEEN_END || s->kind == MR_SEEN_CLOSED) {
        uint64_t end[] = {s->u.end.calls, s->u.end.faults, s->u.end.unanswered,
                          s->u.end.median_us, s->u.end.p99_us, s->u.end.max_us};
        mix(end, sizeof end);
    }
    if (s->kind == MR_SEEN_MAP)
        for (uint32_t i = 0; i < s->u.map.count; i++)
            mix(&s->u.map.endpoints[i].port, sizeof s->u.map.endpoints[i].port);
    return got.stop_at && got.count == got.stop_at ? 77 : 0;
}

static int run_paths(const char *const *paths, size_t count, unsigned workers, bool stubs,
                     mr_totals *totalsp) {
    mr_analysis_config config = {.paths = paths, .count = count, .workers = workers,
                                 .stubs = stubs, .seen = on_seen, .ctx = &got};
    size_t stop_at = got.stop_at;

    got = (log){.stop_at = stop_at};
    return mr_analysis_run(&config, totalsp, NULL);
}

static int run_path(const char *path, unsigned workers, mr_totals *totalsp) {
    return run_paths(&path, 1, workers, false, totalsp);
}

static const char *scene(const char *name) {
    static char path[1024];
    const char *root = getenv("MSRPC_SOURCE");

    snprintf(path, sizeof path, "%s/tests/captures/%s.client.pcap.gz", root ? root : ".", name);
    return path;
}

static const mr_seen *find(enum mr_seen_kind kind, size_t nth) {
    for (size_t i = 0; i < got.count && i < SEEN_MAX; i++)
        if (got.seen[i].kind == kind && nth-- == 0)
            return &got.seen[i];
    return NULL;
}

static mr_totals run_scene(const char *name) {
    mr_totals totals;

    got.stop_at = 0;
    assert_int_equal(run_path(scene(name), 1, &totals), 0);
    return totals;
}

/* ---- what scenes show ---- */

static void test_mapped(void **state) {
    (void)state;
    mr_totals t = run_scene("healthy-samr-tcp");
    const mr_seen *map = find(MR_SEEN_MAP, 0), *end = find(MR_SEEN_END, 1);
    assert_non_null(map);
    assert_int_equal(map->u.map.status, 0);
    assert_int_equal(map->u.map.count, 1);
    assert_true(map->u.map.request_known && !map->u.map.lookup && map->to_client);
    assert_int_equal(map->server_port, 135);
    assert_null(find(MR_SEEN_FAULT, 0));
    assert_null(find(MR_SEEN_UNANSWERED, 0));
    assert_null(find(MR_SEEN_DAMAGE, 0));
    assert_non_null(end);
    assert_int_equal(end->u.end.service, MR_SEEN_RPC);
    assert_int_equal(end->u.end.calls, 5);
    assert_true(end->u.end.max_us >= end->u.end.median_us && end->u.end.median_us > 0);
    assert_int_equal(t.pdus[MR_PTYPE_REQUEST], 6);
    assert_int_equal(t.answered, 6);
    mr_totals_deinit(&t);
}

static void test_not_registered(void **state) {
    (void)state;
    mr_totals t = run_scene("epm-not-registered");
    const mr_seen *map = find(MR_SEEN_MAP, 0);
    assert_non_null(map);
    assert_int_equal(map->u.map.status, 0x16c9a0d6);
    assert_int_equal(map->u.map.count, 0);
    assert_false(mr_uuid_is_nil(&map->u.map.asked));
    mr_totals_deinit(&t);
}

static void test_refused(void **state) {
    (void)state;
    mr_totals t = run_scene("hostile-bind-nak");
    assert_int_equal(find(MR_SEEN_NAK, 0)->u.nak.reason, 4);
    assert_int_equal(t.naks.rows[0].code, 4);
    mr_totals_deinit(&t);
    t = run_scene("hostile-fault");
    const mr_seen *fault = find(MR_SEEN_FAULT, 0);
    assert_int_equal(fault->u.call.status, 0x1c010003);
    assert_true(fault->u.call.known && fault->to_client && fault->u.call.request < fault->packet);
    assert_int_equal(t.faults.rows[0].count, 1);
    assert_int_equal(t.methods[0].faults, 1);
    mr_totals_deinit(&t);
}

static void test_unanswered(void **state) {
    (void)state;
    mr_totals t = run_scene("hostile-close-mid-reply");
    const mr_seen *call = find(MR_SEEN_UNANSWERED, 0);
    assert_non_null(call);
    assert_true(call->u.call.partial && call->u.call.acked);
    assert_int_equal(call->packet, call->u.call.request);
    assert_int_equal(find(MR_SEEN_END, 0)->u.end.unanswered, 1);
    mr_totals_deinit(&t);
    t = run_scene("hostile-garbage");
    assert_non_null(find(MR_SEEN_FOREIGN, 0));
    mr_totals_deinit(&t);
}

static void test_pipe(void **state) {
    static const char *const names[] = {"healthy-srvsvc-pipe", "healthy-pipe-smb1"};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        mr_totals t = run_scene(names[i]);
        const mr_seen *bound = find(MR_SEEN_BOUND, 0), *end = find(MR_SEEN_END, 0);
        assert_non_null(bound);
        assert_int_equal(bound->via, MR_SEEN_PIPE);
        assert_non_null(bound->pipe);
        assert_non_null(find(MR_SEEN_CLOSED, 0));
        assert_int_equal(end->via, MR_SEEN_PIPE);
        assert_int_equal(end->u.end.service, MR_SEEN_IS_SMB);
        assert_int_equal(end->u.end.calls, 1);
        assert_int_equal(t.ntlm[3], 1);
        assert_int_equal(t.smb2.count + t.smb1.count, 0);
        mr_totals_deinit(&t);
    }
}

static void test_stubs(void **state) {
    const char *path = scene("healthy-samr-tcp");
    mr_totals t;
    (void)state;
    got.stop_at = 0;
    assert_int_equal(run_paths(&path, 1, 1, true, &t), 0);
    size_t stubs = 0;
    while (find(MR_SEEN_STUB, stubs))
        stubs++;
    assert_int_equal(stubs, 12);
    assert_true(find(MR_SEEN_STUB, 0)->u.stub.known);
    assert_false(find(MR_SEEN_STUB, 0)->u.stub.cut);
    assert_true(find(MR_SEEN_STUB, 0)->u.stub.bytes.len > 0);
    mr_totals_deinit(&t);
}

/* ---- files made of scenes ---- */

static const char *const many[] = {
    "healthy-samr-tcp", "healthy-srvsvc-pipe", "healthy-pipe-smb1", "healthy-lookup-dc",
    "epm-hung", "rpc-hung", "hostile-fault", "tcp-loss", "krb-skew", "name-nxdomain",
    "healthy-samr-ntlm", "rpc-op-range", "tcp-refused", "hostile-one-byte", "tcp-pmtu-hole",
};

static char temporary[] = "/tmp/msrpc-tap-XXXXXX";

/* Copies packets @from to @to of @name into @writer, with another network for each @copy. */
static void copy_scene(mr_capture_writer *writer, const char *name, uint64_t from, uint64_t to,
                       uint8_t copy) {
    static uint8_t frame[65536];
    mr_capture_file file;
    mr_packet packet;

    assert_int_equal(mr_capture_file_init(&file, scene(name), NULL, NULL), 0);
    while (mr_capture_file_read(&file, &packet, NULL) == 0) {
        if (packet.number < from || packet.number > to)
            continue;
        memcpy(frame, packet.bytes.data, packet.bytes.len);
        if (frame[12] == 8 && frame[13] == 0) { /* IPv4: checksums are not verified */
            frame[26] = frame[30] = 11;
            frame[27] ^= copy;
            frame[31] ^= copy;
        }
        packet.bytes = mr_slice_of(frame, packet.bytes.len);
        assert_int_equal(mr_capture_writer_write(writer, &packet, 0, NULL, 0, NULL), 0);
    }
    mr_capture_file_deinit(&file);
}

static int begin_file(mr_capture_writer *writer) {
    mr_capture_iface iface = {.link = MR_LINK_ETHERNET, .name = "", .description = ""};
    uint16_t index;
    int fd;

    memcpy(temporary + sizeof temporary - 7, "XXXXXX", 6);
    fd = mkstemp(temporary);
    assert_true(fd >= 0);
    assert_int_equal(mr_capture_writer_init(writer, fd, MR_CAPTURE_PCAPNG, NULL, NULL, 0, NULL),
                     0);
    assert_int_equal(mr_capture_writer_add_iface(writer, &iface, &index, NULL), 0);
    return fd;
}

static void end_file(mr_capture_writer *writer, int fd) {
    assert_int_equal(mr_capture_writer_flush(writer, NULL), 0);
    mr_capture_writer_deinit(writer);
    close(fd);
}

static void make_many(void) {
    mr_capture_writer writer;
    int fd = begin_file(&writer);

    for (uint8_t copy = 0; copy < 12; copy++)
        for (size_t i = 0; i < MR_COUNT(many); i++)
            copy_scene(&writer, many[i], 0, UINT64_MAX, copy);
    end_file(&writer, fd);
}

static void test_workers(void **state) {
    mr_totals one, t;
    (void)state;
    make_many();
    got.stop_at = 0;
    assert_int_equal(run_path(temporary, 1, &one), 0);
    uint64_t digest = got.digest;
    size_t count = got.count;
    assert_true(count > 1000);
    for (unsigned workers = 2; workers <= 5; workers++) {
        assert_int_equal(run_path(temporary, workers, &t), 0);
        assert_int_equal(got.count, count);
        assert_true(got.digest == digest);
        assert_memory_equal(t.pdus, one.pdus, sizeof t.pdus);
        assert_memory_equal(&t.faults, &one.faults, sizeof t.faults);
        assert_memory_equal(&t.kerberos, &one.kerberos, sizeof t.kerberos);
        assert_int_equal(t.packets, one.packets);
        assert_int_equal(t.flows, one.flows);
        assert_int_equal(t.method_count, one.method_count);
        assert_memory_equal(t.methods, one.methods, t.method_count * sizeof *t.methods);
        mr_totals_deinit(&t);
    }
    mr_totals_deinit(&one);
    unlink(temporary);
}

static void test_stop(void **state) {
    mr_totals t;
    (void)state;
    make_many();
    for (unsigned workers = 1; workers <= 3; workers++) {
        got.stop_at = 10;
        assert_int_equal(run_path(temporary, workers, &t), 77);
        assert_int_equal(got.count, 10);
        mr_totals_deinit(&t);
    }
    got.stop_at = 0;
    unlink(temporary);
}

/* A capture that begins anywhere: the sides are told by what they say, and what comes whole is
 * counted. */
static void test_midstream(void **state) {
    mr_totals whole = run_scene("healthy-samr-tcp"), t;
    uint16_t dynamic = find(MR_SEEN_BOUND, 1)->server_port;
    (void)state;
    assert_int_not_equal(dynamic, 135);
    for (uint64_t from = 2; from < whole.packets; from++) {
        mr_capture_writer writer;
        int fd = begin_file(&writer);
        copy_scene(&writer, "healthy-samr-tcp", from, UINT64_MAX, 0);
        end_file(&writer, fd);
        assert_int_equal(run_path(temporary, 1, &t), 0);
        assert_true(t.pdus[MR_PTYPE_REQUEST] <= whole.pdus[MR_PTYPE_REQUEST]);
        if (from == 20) /* behind the second handshake: bind, bind_ack, five calls */
            assert_int_equal(t.pdus[MR_PTYPE_REQUEST], 5);
        for (size_t i = 0; i < got.count; i++)
            if (got.seen[i].kind == MR_SEEN_BOUND)
                assert_true(got.seen[i].to_client && (got.seen[i].server_port == 135 ||
                                                      got.seen[i].server_port == dynamic));
        mr_totals_deinit(&t);
        unlink(temporary);
    }
    mr_totals_deinit(&whole);
}

static void test_errors(void **state) {
    mr_error err = MR_ERROR_INIT;
    const char *const nowhere = "/nonexistent/capture.pcap";
    mr_analysis_config config = {.paths = &nowhere, .count = 1, .seen = on_seen, .ctx = &got};
    mr_totals t;
    (void)state;
    got = (log){.count = 0};
    assert_int_equal(mr_analysis_run(&config, &t, &err), MR_ERR_SYSTEM);
    assert_non_null(strstr(err.text, nowhere));
    assert_int_equal(t.packets, 0);
    mr_totals_deinit(&t);
}

static void test_times(void **state) {
    static mr_times times, more;
    (void)state;
    assert_int_equal(mr_times_get(&times, 500), 0);
    for (uint32_t i = 1; i <= 1000; i++)
        mr_times_add(i <= 500 ? &times : &more, i * 100);
    mr_times_merge(&times, &more);
    assert_int_equal(times.count, 1000);
    assert_int_equal(times.min_us, 100);
    assert_int_equal(times.max_us, 100000);
    assert_in_range(mr_times_get(&times, 500), 50000 * 8 / 9, 50000 * 9 / 8);
    assert_in_range(mr_times_get(&times, 990), 99000 * 8 / 9, 100000);
    mr_times_add(&times, UINT32_MAX);
    assert_int_equal(times.max_us, UINT32_MAX);
    assert_true(mr_times_get(&times, 1000) > 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapped),      cmocka_unit_test(test_not_registered),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_unanswered),
        cmocka_unit_test(test_pipe),        cmocka_unit_test(test_stubs),
        cmocka_unit_test(test_workers),     cmocka_unit_test(test_stop),
        cmocka_unit_test(test_midstream),   cmocka_unit_test(test_errors),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
