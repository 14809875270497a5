/* Two captures compared: every recorded scene at several pairs of places must give the place where
 * it died and nothing else; clocks that differ and drift are found within the bounds that are
 * stated; where a capture proves nothing, nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture_world.h"

enum { FILES = 2, PATH = 512 };

static const char *source(void) {
    const char *folder = getenv("MSRPC_SOURCE");

    return folder != NULL ? folder : ".";
}

static void scene_path(char out[PATH], const char *scene, const char *place) {
    snprintf(out, PATH, "%s/tests/captures/%s.%s.pcap.gz", source(), scene, place);
}

/* What was found, a word each: the kind, "<" on the way back, "=" both ends, "?" not certain, "@"
 * the far place is at the host, and the port, "dyn" for a dynamic one. */
static void words(const mr_pair *pair, char *out, size_t size) {
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < pair->count; i++) {
        const mr_pair_seen *s = &pair->seen[i];
        uint16_t port = s->at[s->at[0].family ? 0 : 1].server_port;
        char number[16];
        snprintf(number, sizeof number, port >= 49152 ? "dyn" : "%u", port);
        at += (size_t)snprintf(out + at, size - at, "%s%s%s%s%s%s:%s", i ? " " : "",
                               mr_pair_kind_name(s->kind), s->back ? "<" : "", s->both ? "=" : "",
                               s->certain ? "" : "?", s->at_host ? "@" : "", number);
        assert_true(at < size);
    }
}

static mr_pair run(const char *a, const char *b, const mr_pair_config *config) {
    const char *const paths[2] = {a, b};
    mr_error err = MR_ERROR_INIT;
    mr_pair pair;

    if (mr_pair_run(config, paths, &pair, &err) != 0)
        fail_msg("%s", err.text);
    return pair;
}

static void expect(const char *scene, const char *near, const char *far, const char *expected) {
    char a[PATH], b[PATH], text[2048];

    scene_path(a, scene, near);
    scene_path(b, scene, far);
    mr_pair pair = run(a, b, NULL);
    words(&pair, text, sizeof text);
    if (strcmp(text, expected) != 0)
        fail_msg("%s, %s and %s: %s, expected %s", scene, near, far, text, expected);
    for (size_t i = 0; i < pair.count; i++)
        assert_true(pair.seen[i].packet[0] != 0 || pair.seen[i].packet[1] != 0);
    mr_pair_deinit(&pair);
}

/* Scenes, and what the client's side with the server's, and both sides of the router, must say.
 * Where the far capture ends before what it lacks was sent, it cannot prove to have run: "?". */
static const struct {
    const char *scene, *expected;
} scenes[] = {
    {"epm-hung", "unanswered@:135"},
    {"epm-hung-srv", "unanswered@:135"},
    {"epm-swallowed", "data-lost?@:135"},
    {"epm-request-swallowed", "data-lost@:135"},
    {"epm-reset-bind", "reset-forged<?@:135"},
    {"epm-reset-request", "reset-forged<?@:135"},
    {"epm-not-registered", ""},
    {"krb-udp-blocked", "query-lost?:88 query-lost:88"},
    {"pair-ack-lost", "ack-lost@:135"},
    {"pair-answer-lost", "data-lost<@:135 data-lost<@:135"},
    {"pair-mss-clamped", "changed@:135 changed<@:135"},
    {"pair-nat", ""},
    {"pair-nat-both", ""},
    {"pair-nat-stall", "data-lost@:135"},
    {"pair-query-back-lost", "answer-lost<:53"},
    {"pair-query-lost", "query-lost:53"},
    {"pair-query-unanswered", "query-unanswered@:53"},
    {"pair-stripped", "changed@:135"},
    {"pair-syn-ack-lost", "syn-ack-lost<@:135"},
    {"pair-syn-lost", "syn-lost@:135"},
    {"pair-syn-unanswered", "syn-unanswered@:135"},
    {"rpc-hung", "unanswered@:dyn"},
    {"rpc-request-swallowed", "data-lost@:dyn"},
    {"rpc-reset-bind", "reset-forged<@:dyn"},
    {"rpc-reset-request", "reset-forged<@:dyn"},
    {"rpc-swallowed", "data-lost@:dyn"},
    {"tcp-135-admin", "syn-lost?@:135"},
    {"tcp-135-filtered", "syn-lost?@:135"},
    {"tcp-135-forged", "reset-forged<@:135"},
    {"tcp-135-icmp-port", "syn-lost?@:135"},
    {"tcp-445-filtered", "syn-lost@:445 syn-lost@:139"},
    {"tcp-dyn-filtered", "syn-lost@:dyn"},
    {"tcp-dyn-forged", "reset-forged<@:dyn"},
    {"tcp-dyn-refused", ""},
    {"tcp-host-down", ""},
    {"tcp-ipv6-broken", ""},
    {"tcp-loss", "loss@:135 loss<@:135 loss<@:135"},
    {"tcp-pmtu-hole", "data-lost<@:135"},
    {"tcp-refused", ""},
    {"tcp-unused", ""},
    {"healthy-impacket", ""}, {"healthy-ipv6", ""}, {"healthy-kerberos", ""},
    {"healthy-kerberos-tcp", ""}, {"healthy-locator", ""}, {"healthy-lookup-dc", ""},
    {"healthy-lookup-srv", ""}, {"healthy-lsa-pipe", ""}, {"healthy-map-dc", ""},
    {"healthy-pipe-null", ""}, {"healthy-pipe-smb1", ""}, {"healthy-samr-ntlm", ""},
    {"healthy-samr-sealed", ""}, {"healthy-samr-tcp", ""}, {"healthy-srvsvc-pipe", ""},
    {"hostile-big-endian", ""}, {"hostile-close-after-bind", ""},
    {"hostile-close-after-bind-ack", ""}, {"hostile-close-mid-reply", ""},
    {"hostile-close-on-accept", ""}, {"hostile-garbage", ""}, {"hostile-one-byte", ""},
    {"krb-disabled", ""}, {"krb-etype", ""}, {"krb-expired", ""}, {"krb-skew", ""},
    {"krb-skew-ap", ""}, {"krb-no-kdc", ""}, {"krb-wrong-password", ""}, {"name-ghost", ""},
    {"name-lame", ""}, {"name-missing", ""}, {"name-nodata", ""}, {"name-nxdomain", ""},
    {"name-refused", ""}, {"name-servfail", ""}, {"name-srv-missing", ""}, {"name-timeout", ""},
    {"name-wrong", ""}, {"name-wrong-other", ""}, {"pipe-disabled", ""}, {"pipe-expired", ""},
    {"pipe-logon-failed", ""}, {"pipe-not-found", ""}, {"pipe-null-refused", ""},
    {"pipe-user-unknown", ""}, {"rpc-bad-stub", ""}, {"rpc-denied", ""},
    {"rpc-ntlm-refused", ""}, {"rpc-op-range", ""}, {"rpc-unknown-interface", ""},
    {"share-missing", ""},
};

static void test_scenes(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(scenes); i++)
        expect(scenes[i].scene, "client", "server", scenes[i].expected);
}

static void test_router(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(scenes); i++)
        expect(scenes[i].scene, "near", "far", scenes[i].expected);
}

/* Nothing dies on a wire without a fault: what both places of one link have in common is what lies
 * behind the second one. */
static void test_links(void **state) {
    static const char *const links[][2] = {{"client", "near"}, {"far", "server"}};
    size_t said = 0;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(scenes) * 2; i++) {
        char a[PATH], b[PATH], text[2048];
        const char *scene = scenes[i / 2].scene;
        scene_path(a, scene, links[i % 2][0]);
        scene_path(b, scene, links[i % 2][1]);
        mr_pair pair = run(a, b, NULL);
        words(&pair, text, sizeof text);
        for (size_t j = 0; j < pair.count; j++) {
            const mr_pair_seen *s = &pair.seen[j];
            bool passed = s->kind == MR_PAIR_SYN_UNANSWERED || s->kind == MR_PAIR_UNANSWERED ||
                          s->kind == MR_PAIR_QUERY_UNANSWERED;
            if (!passed || s->at_host != (i % 2 == 1))
                fail_msg("%s, %s and %s: %s", scene, links[i % 2][0], links[i % 2][1], text);
            said++;
        }
        mr_pair_deinit(&pair);
    }
    assert_true(said > 10);
}

/* A capture rewritten: times moved, packets left out or doubled, octets changed. */
typedef struct rewrite {
    int64_t shift;         /* nanoseconds */
    double drift;
    bool twice;
    uint64_t from, to;     /* packets to keep; 0: all */
    const uint8_t *only;   /* of IPv4 in Ethernet: the sender's address */
    uint64_t change;       /* the packet whose last octet is changed */
    uint64_t drop;
} rewrite;

static bool kept(const rewrite *how, const mr_packet *packet) {
    if ((how->from != 0 && packet->number < how->from) ||
        (how->to != 0 && packet->number > how->to) || packet->number == how->drop)
        return false;
    return how->only == NULL || packet->bytes.len < 34 || packet->bytes.data[12] != 8 ||
           packet->bytes.data[13] != 0 || memcmp(packet->bytes.data + 26, how->only, 4) == 0;
}

static int rewritten(char path[PATH], const char *scene, const char *place, const rewrite *how) {
    static uint8_t copy[MR_CAPTURE_PACKET_MAX];
    int fd = memfd_create("rewritten", MFD_CLOEXEC);
    mr_capture_file file;
    mr_capture_writer writer;
    mr_packet packet;
    uint16_t iface;
    mr_nsec begin = 0;
    char in[PATH];

    scene_path(in, scene, place);
    assert_int_equal(mr_capture_file_init(&file, in, NULL, NULL), 0);
    assert_int_equal(mr_capture_writer_init(&writer, fd, MR_CAPTURE_PCAPNG, NULL, NULL, 0, NULL),
                     0);
    assert_int_equal(
        mr_capture_writer_add_iface(&writer, mr_capture_file_get_iface(&file, 0), &iface, NULL), 0);
    while (mr_capture_file_read(&file, &packet, NULL) == 0) {
        if (begin == 0)
            begin = packet.time;
        if (!kept(how, &packet))
            continue;
        packet.time += (mr_nsec)(how->shift + (int64_t)((double)(packet.time - begin) *
                                                        how->drift));
        memcpy(copy, packet.bytes.data, packet.bytes.len);
        if (packet.number == how->change)
            copy[packet.bytes.len - 1] ^= 1;
        packet.bytes.data = copy;
        for (int i = 0; i <= how->twice; i++)
            assert_int_equal(mr_capture_writer_write(&writer, &packet, iface, NULL, 0, NULL), 0);
    }
    assert_int_equal(mr_capture_writer_flush(&writer, NULL), 0);
    mr_capture_writer_deinit(&writer);
    mr_capture_file_deinit(&file);
    snprintf(path, PATH, "/proc/self/fd/%d", fd);
    return fd;
}

/* Hours apart and 50 ppm too fast: within the bounds that are stated, and the same verdicts. */
static void test_clocks(void **state) {
    static const char *const list[] = {"tcp-loss", "pair-ack-lost", "healthy-kerberos",
                                       "rpc-swallowed", "pair-nat", "tcp-135-forged"};
    static const rewrite ways[] = {{.shift = 5 * 3600 * (int64_t)MR_SEC, .drift = 50e-6},
                                   {.shift = -7200 * (int64_t)MR_SEC, .drift = -50e-6},
                                   {.shift = 1234567}};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(list) * MR_COUNT(ways); i++) {
        const char *scene = list[i / MR_COUNT(ways)];
        const rewrite *how = &ways[i % MR_COUNT(ways)];
        char a[PATH], b[PATH], plain[PATH], text[2048], expected[2048];
        scene_path(a, scene, "client");
        scene_path(plain, scene, "server");
        int fd = rewritten(b, scene, "server", how);
        mr_pair pair = run(a, b, NULL), same = run(a, plain, NULL);
        const mr_pair_clock *clock = &pair.totals.clock;
        assert_true(clock->known && clock->both_ways && clock->steady);
        double gone = (double)(int64_t)(clock->at - pair.totals.place[0].first);
        int64_t truth = how->shift + (int64_t)(gone * how->drift);
        /* the first packet of B is not A's first: its delay counts as drift of the truth */
        int64_t off = llabs(clock->offset - truth), allowed = clock->err + 200000;
        if (off > allowed)
            fail_msg("%s: %lld off, %lld stated", scene, (long long)off, (long long)clock->err);
        assert_true(llabs(clock->drift - (int64_t)(how->drift * 1e9)) <= clock->drift_err);
        words(&pair, text, sizeof text);
        words(&same, expected, sizeof expected);
        assert_string_equal(text, expected);
        mr_pair_deinit(&pair);
        mr_pair_deinit(&same);
        close(fd);
    }
}

static void check(const char *scene, const char *near, const rewrite *a_how, const char *far,
                  const rewrite *b_how, const mr_pair_config *config, const char *expected,
                  mr_pair *pairp) {
    char a[PATH], b[PATH], text[2048];
    int a_fd = rewritten(a, scene, near, a_how), b_fd = rewritten(b, scene, far, b_how);
    mr_pair pair = run(a, b, config);

    words(&pair, text, sizeof text);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: %s, expected %s", scene, text, expected);
    if (pairp != NULL)
        *pairp = pair;
    mr_pair_deinit(&pair);
    close(a_fd);
    close(b_fd);
}

static const rewrite whole = {0};

/* A capture that holds every packet twice, at either end or both. */
static void test_twice(void **state) {
    const rewrite twice = {.twice = true};
    mr_pair pair;

    (void)state;
    check("healthy-samr-tcp", "client", &twice, "server", &whole, NULL, "", &pair);
    assert_true(pair.totals.place[0].duplicates > 10);
    check("healthy-lookup-dc", "client", &whole, "server", &twice, NULL, "", NULL);
    check("healthy-ipv6", "client", &whole, "server", &twice, NULL, "", NULL);
    check("rpc-swallowed", "client", &twice, "server", &twice, NULL, "data-lost@:dyn", NULL);
}

/* One direction only at the far place: what it lacks is no evidence. */
static void test_one_way(void **state) {
    static const uint8_t client[4] = {10, 88, 1, 20}, server[4] = {10, 88, 2, 10};
    const rewrite from_client = {.only = client}, from_server = {.only = server};
    static const char *const list[] = {"healthy-samr-tcp", "tcp-refused", "healthy-locator",
                                       "tcp-dyn-refused", "healthy-lsa-pipe"};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(list); i++) {
        check(list[i], "client", &whole, "server", &from_client, NULL, "", NULL);
        check(list[i], "client", &whole, "server", &from_server, NULL, "", NULL);
        check(list[i], "client", &from_client, "server", &whole, NULL, "", NULL);
        check(list[i], "client", &from_server, "server", &whole, NULL, "", NULL);
    }
}

/* Nothing that is said of these is certain. */
static void is_uncertain(const char *scene, const rewrite *a_how, const rewrite *b_how) {
    char a[PATH], b[PATH], text[2048];
    int a_fd = rewritten(a, scene, "client", a_how), b_fd = rewritten(b, scene, "server", b_how);
    mr_pair pair = run(a, b, NULL);

    words(&pair, text, sizeof text);
    for (size_t i = 0; i < pair.count; i++)
        if (pair.seen[i].certain)
            fail_msg("%s: A %u to %u without %u, B %u to %u without %u: %s", scene,
                     (unsigned)a_how->from, (unsigned)a_how->to, (unsigned)a_how->drop,
                     (unsigned)b_how->from, (unsigned)b_how->to, (unsigned)b_how->drop, text);
    mr_pair_deinit(&pair);
    close(a_fd);
    close(b_fd);
}

/* A capture that begins late or ends early, or lost a packet whose octets the peer acknowledged. */
static void test_partial(void **state) {
    static const char *const list[] = {"healthy-samr-tcp", "healthy-lookup-dc", "tcp-refused"};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(list); i++) {
        for (uint64_t cut = 2; cut < 40; cut++) {
            is_uncertain(list[i], &whole, &(rewrite){.from = cut});
            is_uncertain(list[i], &(rewrite){.from = cut}, &whole);
            is_uncertain(list[i], &(rewrite){.to = cut}, &whole);
            is_uncertain(list[i], &whole, &(rewrite){.to = cut});
        }
    }
    for (uint64_t gone = 8; gone < 60; gone++) {
        is_uncertain("healthy-lookup-dc", &whole, &(rewrite){.drop = gone});
        is_uncertain("healthy-lookup-dc", &(rewrite){.drop = gone}, &whole);
    }
}

/* An octet changed on the way, in a stream that both have whole. */
static void test_payload(void **state) {
    mr_pair pair;

    (void)state;
    check("healthy-impacket", "client", &whole, "server", &(rewrite){.change = 4}, NULL,
          "changed@:135", &pair);
    check("pair-nat-both", "client", &whole, "server", &(rewrite){.change = 4}, NULL,
          "changed@:10135", NULL);
}

/* What changed, by how much, and what got through the narrow link. */
static void test_details(void **state) {
    char a[PATH], b[PATH];

    (void)state;
    scene_path(a, "pair-mss-clamped", "client");
    scene_path(b, "pair-mss-clamped", "server");
    mr_pair pair = run(a, b, NULL);
    assert_int_equal(pair.count, 2);
    assert_int_equal(pair.seen[0].changed, MR_PAIR_MSS);
    assert_int_equal(pair.seen[0].mss[0], 1460);
    assert_int_equal(pair.seen[0].mss[1], 900);
    assert_int_equal(pair.seen[0].hops, 1);
    mr_pair_deinit(&pair);

    scene_path(a, "pair-stripped", "client");
    scene_path(b, "pair-stripped", "server");
    pair = run(a, b, NULL);
    assert_int_equal(pair.seen[0].changed, MR_PAIR_WSCALE | MR_PAIR_SACK | MR_PAIR_STAMPS);
    mr_pair_deinit(&pair);

    scene_path(a, "tcp-pmtu-hole", "client");
    scene_path(b, "tcp-pmtu-hole", "server");
    pair = run(a, b, NULL);
    assert_true(pair.seen[0].largest > 1240 && pair.seen[0].through <= 1240);
    assert_true(pair.seen[0].count[1] > 2);
    mr_pair_deinit(&pair);

    scene_path(a, "pair-nat", "client");
    scene_path(b, "pair-nat", "server");
    pair = run(a, b, NULL);
    assert_int_equal(pair.totals.matched, 2);
    assert_int_equal(pair.totals.translated, 2);
    mr_pair_deinit(&pair);
}

/* Caps: what is past them is counted and never said to be lost. */
static void test_caps(void **state) {
    mr_pair pair;

    (void)state;
    check("tcp-dyn-filtered", "client", &whole, "server", &whole,
          &(mr_pair_config){.flows = 1, .datagrams = 1}, "", &pair);
    assert_true(pair.totals.place[0].beyond != 0);
    check("pair-mss-clamped", "client", &whole, "server", &whole,
          &(mr_pair_config){.records = 1}, "changed@:135", &pair);
    assert_int_equal(pair.totals.unsaid, 1);
}

static void test_errors(void **state) {
    const char *const none[2] = {"/nonexistent/a", "/nonexistent/b"};
    mr_error err = MR_ERROR_INIT;
    mr_pair pair = {.seen = NULL};

    (void)state;
    assert_int_equal(mr_pair_run(NULL, none, &pair, &err), MR_ERR_SYSTEM);
    assert_true(err.text[0] != '\0');
    mr_pair_deinit(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),  cmocka_unit_test(test_router),
        cmocka_unit_test(test_links),   cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_twice),   cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_partial), cmocka_unit_test(test_payload),
        cmocka_unit_test(test_details), cmocka_unit_test(test_caps),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("two captures", tests, NULL, NULL);
}
