/*
 * The story of a capture from records made by hand: what lasts to the end counts, what was mended
 * is past, a conversation is told from its look-up on, and a single lost connection says nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/trace.h>

#include <string.h>

#define SAMR_PORT 49154

static const mr_uuid samr = {0x12345778, 0x1234, 0xabcd,
                             {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}};

typedef struct story {
    mr_trace *trace;
    mr_nsec now;
    uint64_t packet, flow;
    uint16_t file;
} story;

static mr_ip ip4(uint8_t last) {
    mr_ip ip = {.family = 4};
    memcpy(ip.host.octets, (uint8_t[]){10, 1, 0, last}, 4);
    return ip;
}

static void begin(story *s) {
    *s = (story){.now = 1000 * MR_SEC};
    assert_int_equal(mr_trace_new(NULL, &s->trace), 0);
}

static mr_seen at(story *s, enum mr_seen_kind kind, uint16_t port) {
    return (mr_seen){.kind = kind, .via = MR_SEEN_TCP, .flow = s->flow, .packet = ++s->packet,
                     .time = s->now, .file = s->file, .client = ip4(5), .server = ip4(10),
                     .client_port = 50000, .server_port = port};
}

static void add(story *s, const mr_seen *seen) {
    assert_int_equal(mr_trace_add(s->trace, seen), 0);
}

/* The client asks 10.1.0.1 for the host's name. */
static void look_up(story *s) {
    const mr_seen_record record = {.type = 1, .name = "dc1.lab.test", .address = ip4(10)};
    mr_seen seen = {.kind = MR_SEEN_QUESTION, .packet = ++s->packet, .time = s->now,
                    .client = ip4(5), .server = ip4(1), .file = s->file};
    seen.u.name = (mr_seen_name){.service = MR_SEEN_DNS, .type = 1, .name = "dc1.lab.test"};
    add(s, &seen);
    seen = (mr_seen){.kind = MR_SEEN_ANSWER, .packet = ++s->packet, .time = s->now + MR_MSEC,
                     .client = ip4(1), .server = ip4(5), .file = s->file};
    seen.u.name = (mr_seen_name){.service = MR_SEEN_DNS, .type = 1, .name = "dc1.lab.test",
                                 .recursion_available = true, .records = &record, .count = 1};
    add(s, &seen);
    s->now += MR_SEC;
}

/* A connection that works; with @names the mapper names SAMR's port on it. */
static void works(story *s, uint16_t port, bool names) {
    mr_flow_seen tcp = {.first = s->now, .opened = s->now, .state = MR_FLOW_CLOSED};
    s->flow++;
    mr_seen seen = at(s, MR_SEEN_BEGIN, port);
    add(s, &seen);
    for (int i = 0; i < 2; i++) {
        mr_flow_side_seen *side = &tcp.side[i];
        side->packets = 5;
        side->syns = 1;
        side->octets = 100;
        side->ttl_min = side->ttl_max = 128;
        side->first_packet = side->syn_packet = i ? ++s->packet : s->packet;
        side->syn_time = s->now;
    }
    if (names) {
        const mr_seen_endpoint endpoint = {.interface = samr, .version = 1, .port = SAMR_PORT,
                                           .protseq = MR_PROTSEQ_NCACN_IP_TCP};
        seen = at(s, MR_SEEN_MAP, port);
        seen.to_client = true;
        seen.u.map = (mr_seen_map){.request_known = true, .asked = samr, .endpoints = &endpoint,
                                   .count = 1};
        add(s, &seen);
    }
    s->now += MR_SEC;
    seen = at(s, MR_SEEN_END, port);
    tcp.last = s->now;
    seen.u.end = (mr_seen_end){.tcp = &tcp, .service = MR_SEEN_RPC, .calls = 1};
    if (!names)
        seen.u.end.interface = samr;
    add(s, &seen);
}

/* @syns SYNs without an answer, a second apart. */
static void silent(story *s, uint16_t port, uint16_t syns) {
    mr_flow_seen tcp = {.first = s->now, .state = MR_FLOW_SYN};
    s->flow++;
    mr_seen seen = at(s, MR_SEEN_BEGIN, port);
    add(s, &seen);
    mr_flow_side_seen *side = &tcp.side[MR_FROM_CLIENT];
    side->packets = side->syns = syns;
    side->first_packet = side->syn_packet = s->packet;
    side->syn_time = s->now;
    for (uint16_t i = 0; i + 1 < syns; i++)
        side->syn_delay[i] = (i + 1u) * 1000000u;
    s->now += syns * MR_SEC;
    tcp.last = s->now - MR_SEC;
    seen = at(s, MR_SEEN_END, port);
    seen.time = tcp.last;
    seen.u.end = (mr_seen_end){.tcp = &tcp};
    add(s, &seen);
}

static void refused(story *s, uint16_t port) {
    mr_flow_seen tcp = {.first = s->now, .last = s->now, .state = MR_FLOW_RESET};
    s->flow++;
    mr_seen seen = at(s, MR_SEEN_BEGIN, port);
    add(s, &seen);
    tcp.side[0] = (mr_flow_side_seen){.packets = 1, .syns = 1, .syn_packet = s->packet,
                                      .first_packet = s->packet, .syn_time = s->now};
    tcp.side[1] = (mr_flow_side_seen){.packets = 1, .first_packet = ++s->packet};
    tcp.side[1].reset = (mr_flow_reset){.count = 1, .packet = s->packet, .time = s->now,
                                        .ttl = 128, .answers_syn = true};
    seen = at(s, MR_SEEN_END, port);
    seen.u.end = (mr_seen_end){.tcp = &tcp};
    add(s, &seen);
    s->now += MR_SEC;
}

static void end(story *s) {
    s->now += 30 * MR_SEC;
    assert_int_equal(mr_trace_end(s->trace, 0, s->now), 0);
}

/* The finding that stands first for itself: its id, "" for none; @pastp: of the past. */
static const char *first(const story *s, bool *pastp) {
    const mr_trace_finding *f = mr_trace_get_finding(s->trace, 0);
    *pastp = f && f->past;
    return f && f->explained_by == SIZE_MAX ? f->finding->id : "";
}

static void expect(story *s, const char *id, bool past, int exit) {
    bool is_past;
    end(s);
    assert_string_equal(first(s, &is_past), id);
    assert_int_equal(is_past, past);
    assert_int_equal(mr_trace_get_verdict(s->trace)->exit, exit);
    mr_trace_free(s->trace);
}

static void test_worked_then_silent(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    works(&s, SAMR_PORT, false);
    works(&s, 135, true);
    s.now += 300 * MR_SEC;
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    uint64_t syn = s.packet - 1;
    end(&s);
    const mr_trace_finding *f = mr_trace_get_finding(s.trace, 0);
    assert_non_null(f);
    assert_string_equal(f->finding->id, "TCP.RANGE_FILTERED");
    assert_false(f->past);
    bool cited = false;
    for (size_t i = 0; i < f->packet_count; i++)
        cited = cited || f->packets[i] == syn;
    assert_true(cited);
    assert_int_equal(mr_trace_get_verdict(s.trace)->exit, 20);
    mr_trace_free(s.trace);
}

static void test_silent_then_works(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    s.now += 60 * MR_SEC;
    works(&s, 135, true);
    mr_nsec again = s.now;
    uint64_t packet = s.packet;
    works(&s, SAMR_PORT, false);
    end(&s);
    const mr_trace_finding *f = mr_trace_get_finding(s.trace, 0);
    assert_non_null(f);
    assert_string_equal(f->finding->id, "TCP.RANGE_FILTERED");
    assert_true(f->past);
    assert_int_equal(f->again, again);
    assert_true(f->again_packet > packet);
    assert_null(mr_trace_get_verdict(s.trace)->finding);
    assert_int_equal(mr_trace_get_verdict(s.trace)->exit, 1);
    assert_int_equal(mr_trace_get_phase(s.trace, MR_PHASE_TCP), MR_STATUS_WARN);
    assert_int_equal(mr_trace_find_talk(s.trace, 2)->outcome, MR_TRACE_FAILED);
    mr_trace_free(s.trace);
}

/* Silent, works, silent again: it has failed. */
static void test_silent_again(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    works(&s, SAMR_PORT, false);
    s.now += 100 * MR_SEC;
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    expect(&s, "TCP.RANGE_FILTERED", false, 20);
}

/* More failures than are kept: the last ones are among them. */
static void test_long_silence(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    for (int i = 0; i < 20; i++)
        silent(&s, SAMR_PORT, 4);
    works(&s, SAMR_PORT, false);
    for (int i = 0; i < 20; i++)
        silent(&s, SAMR_PORT, 4);
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    expect(&s, "TCP.RANGE_FILTERED", false, 20);
}

/* One connection of two SYNs among good ones: a loss. */
static void test_one_loss(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    works(&s, SAMR_PORT, false);
    s.now += 100 * MR_SEC;
    silent(&s, SAMR_PORT, 2);
    expect(&s, "", false, 0);
}

static void test_refused_after(void **state) {
    story s;
    (void)state;
    for (int times = 1; times <= 2; times++) {
        begin(&s);
        works(&s, 135, true);
        works(&s, SAMR_PORT, false);
        for (int i = 0; i < times; i++)
            refused(&s, SAMR_PORT);
        if (times == 1)
            expect(&s, "NAME.NOT_OBSERVED", false, 0); /* a remark: no accusation */
        else
            expect(&s, "TCP.DYNAMIC_REFUSED", false, 20);
    }
}

/* Nothing of the host since long before: it is not known to be up, so no firewall is blamed. */
static void test_host_gone(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    works(&s, SAMR_PORT, false);
    s.now += 600 * MR_SEC;
    silent(&s, 135, 4);
    silent(&s, SAMR_PORT, 4);
    expect(&s, "TCP.HOST_SILENT", false, 20);
}

/* In a merged capture times order what numbers do not. */
static void test_two_files(void **state) {
    story s;
    (void)state;
    begin(&s);
    works(&s, 135, true);
    works(&s, SAMR_PORT, false);
    s.now += 300 * MR_SEC;
    s.file = 1;
    s.packet = 0;
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    end(&s);
    const mr_trace_finding *f = mr_trace_get_finding(s.trace, 0);
    assert_non_null(f);
    assert_string_equal(f->finding->id, "TCP.RANGE_FILTERED");
    assert_int_equal(f->files[f->packet_count - 1], 1);
    mr_trace_free(s.trace);
}

static void test_ladder(void **state) {
    static const char *const texts[] = {
        "DNS, 10.1.0.1: dc1.lab.test?", "DNS, 10.1.0.1: it is 10.1.0.10",
        "mapper, port 135: conversation 1 begins", "mapper, port 135: samr is at port 49154",
        "connection to port 49154", "SYN, sent 4 times, no answer",
    };
    story s;
    (void)state;
    begin(&s);
    look_up(&s);
    works(&s, 135, true);
    silent(&s, SAMR_PORT, 4);
    end(&s);
    assert_int_equal(mr_trace_event_count(s.trace, 2), MR_COUNT(texts));
    mr_nsec before = 0;
    for (size_t i = 0; i < MR_COUNT(texts); i++) {
        const mr_trace_event *event = mr_trace_get_event(s.trace, 2, i);
        assert_non_null(event);
        assert_string_equal(event->text, texts[i]);
        assert_true(event->time >= before);
        assert_true(event->packet > 0);
        before = event->time;
    }
    assert_null(mr_trace_get_event(s.trace, 2, MR_COUNT(texts)));
    assert_string_equal(mr_trace_find_talk(s.trace, 2)->name, "dc1.lab.test");
    mr_trace_free(s.trace);
}

/* Past the cap on relations, connections are counted and judged by nothing. */
static void test_no_room(void **state) {
    const mr_trace_config config = {.relations = 1, .talks = 1, .sums = 1, .names = 1};
    story s;
    (void)state;
    begin(&s);
    mr_trace_free(s.trace);
    assert_int_equal(mr_trace_new(&config, &s.trace), 0);
    look_up(&s);
    works(&s, 135, true);
    for (uint16_t i = 0; i < 4; i++)
        works(&s, (uint16_t)(SAMR_PORT + i), false);
    silent(&s, SAMR_PORT, 4);
    end(&s);
    assert_int_equal(mr_trace_get_totals(s.trace)->talks, 6);
    assert_true(mr_trace_get_totals(s.trace)->left_out > 0);
    mr_trace_free(s.trace);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_then_silent), cmocka_unit_test(test_silent_then_works),
        cmocka_unit_test(test_silent_again),       cmocka_unit_test(test_long_silence),
        cmocka_unit_test(test_one_loss),           cmocka_unit_test(test_refused_after),
        cmocka_unit_test(test_host_gone),          cmocka_unit_test(test_two_files),
        cmocka_unit_test(test_ladder),             cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
