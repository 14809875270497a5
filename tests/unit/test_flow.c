/* TCP flows: octets in order, holes and gaps, and what is seen of the connections themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.h"

#define A MR_TCP_ACK
#define PA (MR_TCP_ACK | MR_TCP_PSH)
#define FA (MR_TCP_ACK | MR_TCP_FIN)
#define CLIENT w.seen.side[0]
#define SERVER w.seen.side[1]

static world w;

static void is_text(int from, const char *text) {
    assert_int_equal(w.len[from], strlen(text));
    assert_memory_equal(w.text[from], text, strlen(text));
}
static void begin(void) {
    world_init(&w, NULL);
    world_shake(&w, 100, 500);
}
static void finish(void) {
    assert_int_equal(world_finish(&w), 0);
    world_deinit(&w);
}

static void test_in_order(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 101, 501, "hello ");
    world_tcp(&w, 1, PA, 501, 107, "HELLO");
    world_tcp(&w, 0, PA, 107, 506, "world");
    world_tcp(&w, 0, FA, 112, 506, NULL);
    world_tcp(&w, 1, FA, 506, 113, NULL);
    world_tcp(&w, 0, A, 113, 507, NULL);
    finish();
    is_text(0, "hello world");
    is_text(1, "HELLO");
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.seen.id, 1);
    assert_int_equal(w.seen.end, MR_FLOW_END_CLOSED);
    assert_int_equal(w.seen.state, MR_FLOW_CLOSED);
    assert_int_equal(w.flow.port[1], 135);
    assert_false(w.flow.midstream);
    assert_int_equal(mr_flow_seen_rtt(&w.seen), 3 * MR_MSEC);
    assert_int_equal(CLIENT.octets, 11);
    assert_int_equal(CLIENT.packets, 6);
    assert_true(CLIENT.fin_acked && SERVER.fin_acked);
    assert_int_equal(CLIENT.retransmits + SERVER.retransmits + CLIENT.duplicates, 0);
    assert_int_equal(CLIENT.largest, 6);
    assert_int_equal(CLIENT.through, 6);
    assert_int_equal(CLIENT.unacked, 0);
}

static void test_holes(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 104, 501, "def");
    is_text(0, "");
    world_tcp(&w, 0, PA, 101, 501, "abc");
    is_text(0, "abcdef");
    world_tcp(&w, 0, PA, 110, 501, "jkl");
    world_tcp(&w, 0, PA, 103, 501, "cdefghijklmn"); /* old, missing, held and new octets in one */
    is_text(0, "abcdefghijklmn");
    world_tcp(&w, 0, PA, 119, 501, "stu"); /* never filled, never acknowledged */
    finish();
    is_text(0, "abcdefghijklmn....stu");
    assert_int_equal(CLIENT.gaps, 1);
    assert_int_equal(CLIENT.missing, 4);
    assert_int_equal(CLIENT.reordered, 1);
    assert_int_equal(CLIENT.conflicts, 0);
}

/* The receiver acknowledged what the capture does not have. */
static void test_acked_hole(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 104, 501, "def");
    world_tcp(&w, 1, A, 501, 107, NULL);
    is_text(0, "");
    w.now += 10 * MR_MSEC;
    world_tcp(&w, 1, PA, 501, 107, "OK"); /* an answer: what it answers comes first */
    is_text(0, "...def");
    world_tcp(&w, 1, PA, 511, 120, "BYE"); /* nothing of the next request was captured */
    is_text(1, "OK");
    w.now += 10 * MR_MSEC;
    world_tcp(&w, 0, A, 120, 514, NULL);
    is_text(0, "...def.............");
    w.now += 10 * MR_MSEC;
    world_tcp(&w, 0, A, 120, 514, NULL);
    is_text(1, "OK........BYE"); /* a little time after its ACK */
    world_tcp(&w, 0, PA, 101, 514, "abc"); /* too late */
    finish();
    is_text(0, "...def.............");
    assert_int_equal(SERVER.acked_unseen, 1);
}

static void test_conflicts(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 105, 501, "efgh");
    world_tcp(&w, 0, PA, 103, 501, "cdEFghij"); /* two octets differ: the first copy wins */
    world_tcp(&w, 0, PA, 101, 501, "abcDe");    /* and one more */
    finish();
    is_text(0, "abcdefghij");
    assert_int_equal(CLIENT.conflicts, 3);
    begin();
    world_tcp(&w, 0, PA, 103, 501, "cd");
    world_tcp(&w, 0, PA, 101, 501, "abXdef");
    finish();
    is_text(0, "abcdef");
    assert_int_equal(CLIENT.conflicts, 1);
}

static void test_truncated(void **state) {
    pkt_tcp_args args = {.flags = PA, .seq = 101, .ack = 501, .data = "abcdef", .len = 6};
    (void)state;
    begin();
    args.cut = 2;
    world_tcp_args(&w, 0, args);
    is_text(0, "abcd..");
    args.seq = 110; /* the same while it waits */
    world_tcp_args(&w, 0, args);
    world_tcp(&w, 0, PA, 107, 501, "ghi");
    is_text(0, "abcd..ghiabcd..");
    args.cut = 6;
    args.seq = 116;
    world_tcp_args(&w, 0, args);
    finish();
    is_text(0, "abcd..ghiabcd........");
    assert_true(w.seen.truncated);
    assert_int_equal(CLIENT.octets, 21);
}

static void test_wrap(void **state) {
    char text[1001];
    uint32_t seq = 0xfffffe00u;
    (void)state;
    memset(text, 'x', 1000);
    text[1000] = 0;
    world_init(&w, NULL);
    world_shake(&w, seq - 1, 0xffffffffu);
    world_tcp(&w, 1, PA, 0, seq, "SERVER");
    world_tcp(&w, 0, PA, seq + 1000, 6, text);
    world_tcp(&w, 0, PA, seq, 6, text);
    world_tcp(&w, 0, PA, seq + 2000, 6, "end");
    world_tcp(&w, 1, A, 6, seq + 2003, NULL);
    finish();
    assert_int_equal(w.len[0], 2003);
    assert_int_equal(w.gaps[0], 0);
    is_text(1, "SERVER");
    assert_int_equal(CLIENT.octets, 2003);
    assert_int_equal(CLIENT.unacked, 0);
}

static void test_retransmits(void **state) {
    char big[1461];
    (void)state;
    memset(big, 'b', 1460);
    big[1460] = 0;
    begin();
    world_tcp(&w, 0, PA, 101, 501, "small");
    world_tcp(&w, 1, A, 501, 106, NULL);
    world_tcp(&w, 0, PA, 101, 501, "small"); /* acknowledged already */
    world_tcp(&w, 0, PA, 106, 501, big);
    uint64_t first = w.number + 1;
    for (int i = 1; i <= 5; i++) {
        w.now += MR_SEC << i;
        world_tcp(&w, 0, PA, 106, 501, big);
    }
    finish();
    assert_int_equal(CLIENT.retransmits, 6);
    assert_int_equal(CLIENT.spurious, 1);
    assert_int_equal(CLIENT.retransmit_min, 5);
    assert_int_equal(CLIENT.retransmit_max, 1460);
    assert_int_equal(CLIENT.through, 5);
    assert_int_equal(CLIENT.largest, 1460);
    assert_true(CLIENT.stuck);
    assert_int_equal(CLIENT.stuck_times, 5);
    assert_int_equal(CLIENT.stuck_len, 1460);
    assert_int_equal(CLIENT.unacked, 1460);
    assert_int_equal(CLIENT.retransmit_last_packet, first + 4);
    assert_int_equal(w.seen.idle_longest, 32 * MR_SEC + 3 * MR_MSEC / 2);
    assert_int_equal(w.seen.end, MR_FLOW_END_CAPTURE);
    assert_int_equal(w.len[0], 5 + 1460);
}

/* The answer to the first copy comes sooner than one to the second could. */
static void test_haste(void **state) {
    (void)state;
    world_init(&w, NULL);
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    w.now += 200 * MR_MSEC;
    world_tcp(&w, 1, MR_TCP_SYN | MR_TCP_ACK, 500, 101, NULL);
    world_tcp(&w, 0, A, 101, 501, NULL);
    world_tcp(&w, 0, PA, 101, 501, "late");
    w.now += 220 * MR_MSEC;
    world_tcp(&w, 0, PA, 101, 501, "late");
    w.now += 40 * MR_MSEC;
    world_tcp(&w, 1, A, 501, 105, NULL);
    world_tcp(&w, 0, PA, 105, 501, "lost");
    w.now += 400 * MR_MSEC;
    world_tcp(&w, 0, PA, 105, 501, "lost");
    w.now += 200 * MR_MSEC;
    world_tcp(&w, 1, A, 501, 109, NULL);
    finish();
    assert_int_equal(CLIENT.retransmits, 2);
    assert_int_equal(CLIENT.spurious, 1);
}

static void test_captured_twice(void **state) {
    (void)state;
    begin();
    world_tcp_args(&w, 0, (pkt_tcp_args){.flags = PA, .seq = 101, .ack = 501, .data = "abc",
                                         .len = 3, .ip_id = 77});
    w.frame.packet.number = ++w.number;
    w.frame.packet.time += 1000;
    world_feed(&w, &w.frame.packet);
    /* the same octets much later under another id are sent again */
    w.now += 300 * MR_MSEC;
    world_tcp_args(&w, 0, (pkt_tcp_args){.flags = PA, .seq = 101, .ack = 501, .data = "abc",
                                         .len = 3, .ip_id = 78});
    finish();
    is_text(0, "abc");
    assert_int_equal(CLIENT.duplicates, 1);
    assert_int_equal(CLIENT.retransmits, 1);
}

static void test_probes(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 101, 501, "abc");
    world_tcp(&w, 1, A, 501, 104, NULL);
    world_tcp(&w, 0, A, 103, 501, NULL); /* keep-alives, with and without an octet */
    world_tcp(&w, 0, A, 103, 501, "c");
    assert_int_equal(mr_flows_get_seen(&w.flows, w.open)->side[0].keepalives, 2);
    world_tcp_args(&w, 1, (pkt_tcp_args){.flags = A, .seq = 501, .ack = 104, .zero_window = true});
    mr_nsec shut = w.now;
    w.now += 5 * MR_SEC;
    world_tcp(&w, 0, A, 103, 501, NULL);
    world_tcp(&w, 0, A, 104, 501, "d");
    world_tcp_args(&w, 1, (pkt_tcp_args){.flags = A, .seq = 501, .ack = 105});
    assert_int_equal(mr_flows_get_seen(&w.flows, w.open)->side[1].zero_longest, w.now - shut);
    world_tcp_args(&w, 1, (pkt_tcp_args){.flags = A, .seq = 501, .ack = 105, .zero_window = true});
    finish();
    is_text(0, "abcd");
    assert_int_equal(CLIENT.keepalives, 2);
    assert_int_equal(CLIENT.window_probes, 2);
    assert_int_equal(CLIENT.retransmits, 0);
    assert_int_equal(SERVER.zero_windows, 2);
    assert_true(SERVER.zero_open);
}

static void test_unanswered(void **state) {
    static const uint8_t mss[] = {2, 4, 5, 0xb4};
    pkt_tcp_args syn = {.flags = MR_TCP_SYN, .seq = 100, .options = mss, .options_len = 4};
    (void)state;
    world_init(&w, NULL);
    world_tcp_args(&w, 0, syn);
    w.now += 3 * MR_SEC - 3 * MR_MSEC / 2;
    world_tcp_args(&w, 0, syn);
    w.now += 6 * MR_SEC - 3 * MR_MSEC / 2;
    world_tcp_args(&w, 0, syn);
    finish();
    assert_int_equal(CLIENT.syns, 3);
    assert_int_equal(CLIENT.syn_delay[0], 3000000);
    assert_int_equal(CLIENT.syn_delay[1], 9000000);
    assert_int_equal(CLIENT.mss, 1460);
    assert_int_equal(CLIENT.wscale, MR_TCP_NO_SCALE);
    assert_int_equal(w.seen.state, MR_FLOW_SYN);
    assert_false(w.seen.one_way); /* nobody spoke to whom it could have listened */
    assert_int_equal(w.opened, 1);
}

static void test_refused(void **state) {
    (void)state;
    world_init(&w, NULL);
    for (int i = 0; i < 3; i++) { /* the same SYN again, as Windows does */
        world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
        world_tcp_args(&w, 1, (pkt_tcp_args){.flags = MR_TCP_RST | A, .ack = 101, .ttl = 128});
        w.now += 500 * MR_MSEC;
    }
    finish();
    assert_int_equal(w.opened, 1);
    assert_int_equal(CLIENT.syns, 3);
    assert_int_equal(SERVER.reset.count, 3);
    assert_true(SERVER.reset.answers_syn);
    assert_true(SERVER.reset.exact);
    assert_int_equal(SERVER.reset.state, MR_FLOW_SYN);
    assert_int_equal(SERVER.reset.ttl, 128);
    assert_int_equal(SERVER.reset.usual_ttl, 0);
    assert_int_equal(w.seen.state, MR_FLOW_RESET);
}

static void test_reset(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 101, 501, "abc");
    world_tcp(&w, 1, A, 501, 104, NULL);
    w.now += 600 * MR_SEC;
    world_tcp_args(&w, 1, (pkt_tcp_args){.flags = MR_TCP_RST, .seq = 501 + 700, .ttl = 33,
                                         .ip_id = 9999, .window = 1});
    world_tcp(&w, 1, PA, 501, 104, "still here");
    finish();
    assert_int_equal(SERVER.reset.count, 1);
    assert_int_equal(SERVER.reset.ttl, 33);
    assert_int_equal(SERVER.reset.usual_ttl, 64);
    assert_int_equal(SERVER.reset.ip_id, 9999);
    assert_int_equal(SERVER.reset.window, 1);
    assert_int_equal(SERVER.reset.usual_window, 8192);
    assert_true(SERVER.reset.known_seq);
    assert_false(SERVER.reset.exact);
    assert_true(SERVER.reset.in_window);
    assert_int_equal(SERVER.reset.seq_off, 700);
    assert_int_equal(SERVER.reset.idle, 600 * MR_SEC + 3 * MR_MSEC / 2);
    assert_int_equal(SERVER.reset.state, MR_FLOW_OPEN);
    assert_int_equal(w.seen.after_reset, 1);
    is_text(1, "still here");
}

static void test_handshakes(void **state) {
    (void)state;
    world_init(&w, NULL); /* half open: the SYN-ACK comes again and again */
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    for (int i = 0; i < 3; i++) {
        world_tcp(&w, 1, MR_TCP_SYN | A, 500, 101, NULL);
        w.now += MR_SEC;
    }
    finish();
    assert_true(w.seen.half_open);
    assert_int_equal(SERVER.syns, 3);
    world_init(&w, NULL); /* a challenge ACK: the server remembers another connection */
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    world_tcp(&w, 1, A, 9000, 7777, NULL);
    world_tcp(&w, 0, MR_TCP_RST, 7777, 0, NULL);
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    world_tcp(&w, 1, MR_TCP_SYN | A, 500, 101, NULL);
    world_tcp(&w, 0, A, 101, 501, NULL);
    world_tcp(&w, 1, PA, 501, 101, "welcome");
    finish();
    assert_int_equal(w.opened, 1);
    assert_int_equal(SERVER.challenge_acks, 1);
    assert_int_equal(CLIENT.reset.count, 1);
    assert_int_equal(w.seen.state, MR_FLOW_OPEN);
    is_text(1, "welcome");
    world_init(&w, NULL); /* both at once */
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    world_tcp(&w, 1, MR_TCP_SYN, 500, 0, NULL);
    world_tcp(&w, 0, MR_TCP_SYN | A, 100, 501, NULL);
    world_tcp(&w, 1, MR_TCP_SYN | A, 500, 101, NULL);
    world_tcp(&w, 0, PA, 101, 501, "c");
    world_tcp(&w, 1, PA, 501, 102, "s");
    finish();
    assert_true(w.seen.simultaneous);
    assert_int_equal(w.opened, 1);
    is_text(0, "c");
    is_text(1, "s");
}

static void test_port_reuse(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 101, 501, "one");
    world_tcp(&w, 1, MR_TCP_RST | A, 501, 104, NULL);
    world_shake(&w, 70000, 80000);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.seen.end, MR_FLOW_END_REUSED);
    world_tcp(&w, 0, PA, 70001, 80001, "two");
    finish();
    is_text(0, "two");
    assert_int_equal(w.opened, 2);
    assert_true(w.seen.reuse);
    assert_int_equal(w.seen.id, 6);
}

static void test_syn_behind_its_answer(void **state) {
    (void)state;
    world_init(&w, NULL);
    world_tcp(&w, 1, MR_TCP_SYN | A, 500, 101, NULL);
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    world_tcp(&w, 0, A, 101, 501, NULL);
    world_tcp(&w, 0, PA, 101, 501, "one");
    finish();
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.seen.side[0].syns, 1);
    assert_int_equal(w.seen.side[1].syns, 1);
    assert_true(w.seen.opened != 0);
    is_text(0, "one");
    world_init(&w, NULL); /* the answer of another connection is none */
    world_tcp(&w, 1, MR_TCP_SYN | A, 500, 101, NULL);
    world_tcp(&w, 0, MR_TCP_SYN, 7100, 0, NULL);
    finish();
    assert_int_equal(w.opened, 2);
}

static void test_midstream(void **state) {
    (void)state;
    world_init(&w, NULL); /* the server speaks first: its port tells */
    world_tcp(&w, 1, PA, 5000, 900, "answer");
    world_tcp(&w, 0, PA, 900, 5006, "request");
    finish();
    assert_true(w.flow.midstream);
    assert_int_equal(w.flow.port[1], 135);
    is_text(0, "request");
    is_text(1, "answer");
    assert_int_equal(w.seen.opened, 0);
    world_init(&w, NULL); /* only the answer to the SYN was captured */
    world_tcp(&w, 1, MR_TCP_SYN | A, 500, 101, NULL);
    world_tcp(&w, 1, PA, 501, 111, "greeting");
    finish();
    assert_true(w.flow.midstream && w.seen.one_way);
    assert_int_equal(w.flow.port[1], 135);
    is_text(0, ".........."); /* the request that it acknowledges */
    is_text(1, "greeting");
}

static void test_one_way(void **state) {
    (void)state;
    world_init(&w, NULL);
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    world_tcp(&w, 0, A, 101, 501, NULL);
    world_tcp(&w, 0, PA, 101, 501, "question");
    world_tcp(&w, 0, PA, 109, 521, "more");
    finish();
    is_text(0, "questionmore");
    is_text(1, "....................");
    assert_true(w.seen.one_way);
    assert_int_equal(w.seen.state, MR_FLOW_OPEN);
}

static void test_strays(void **state) {
    (void)state;
    begin();
    world_tcp(&w, 0, PA, 101 + (1u << 30), 501, "forged");
    world_tcp(&w, 0, PA, 101, 501, "abc");
    finish();
    is_text(0, "abc");
    assert_int_equal(CLIENT.strays, 1);
}

/* An answer, and an end, that the capture has before the octets they acknowledge: those come first
 * and nothing is missing; what never comes is a gap before the answer. */
static void test_answer_before_question(void **state) {
    (void)state;
    world_init(&w, NULL);
    world_shake(&w, 0, 500);
    world_tcp(&w, 1, PA, 501, 9, "answer");
    assert_int_equal(w.len[1], 0);
    world_tcp(&w, 0, PA, 1, 501, "question");
    assert_int_equal(w.len[1], 6);
    world_tcp(&w, 0, MR_TCP_FIN | MR_TCP_ACK, 9, 512, NULL);
    world_tcp(&w, 1, PA, 507, 9, "again");
    finish();
    is_text(0, "question");
    is_text(1, "answeragain");
    assert_int_equal(w.gaps[0] + w.gaps[1], 0);

    world_init(&w, NULL);
    world_shake(&w, 0, 500);
    world_tcp(&w, 1, PA, 501, 9, "answer");
    assert_int_equal(w.len[0] + w.len[1], 0);
    w.now += 10 * MR_MSEC;
    world_tcp(&w, 0, A, 9, 507, NULL);
    assert_int_equal(w.len[0], 8);
    finish();
    is_text(1, "answer");
    assert_int_equal(w.gaps[0], 8);
}

/* Half the numbers away from what comes next, while octets wait behind a hole: neither ahead nor
 * behind (RFC 9293 3.4). */
static void test_farthest(void **state) {
    (void)state;
    world_init(&w, NULL);
    world_shake(&w, 0, 0xffffffffu);
    world_tcp(&w, 0, PA, 1, 0, "begin");
    world_tcp(&w, 0, PA, 106, 0, "behind a hole");
    for (unsigned i = 0; i < 16; i++)
        world_tcp(&w, 0, PA, 6 + 0x80000000u, 0, "x");
    finish();
    assert_memory_equal(w.text[0], "begin", 5);
    assert_true(CLIENT.strays > 0);
}

static void test_interest(void **state) {
    (void)state;
    world_init(&w, NULL);
    w.ignore = MR_FLOW_IGNORE;
    world_shake(&w, 100, 500);
    world_tcp(&w, 0, PA, 101, 501, "abc");
    world_tcp(&w, 0, PA, 101, 501, "abc");
    finish();
    is_text(0, "");
    assert_int_equal(CLIENT.retransmits, 1);
    world_init(&w, NULL); /* enough after the first octets, while others wait */
    w.ignore_after = 1;
    world_shake(&w, 100, 500);
    world_tcp(&w, 0, PA, 104, 501, "def");
    world_tcp(&w, 0, PA, 110, 501, "jkl");
    world_tcp(&w, 0, PA, 101, 501, "abc");
    world_tcp(&w, 0, PA, 107, 501, "ghi");
    world_tcp(&w, 1, PA, 501, 113, "SERVER");
    assert_int_equal(w.flows.waiting, 0);
    finish();
    is_text(0, "abc");
    is_text(1, "SERVER");
    world_init(&w, NULL); /* a failure of the sink comes back */
    w.fail = -77;
    world_shake(&w, 100, 500);
    assert_int_equal(world_tcp(&w, 0, PA, 101, 501, "abc"), -77);
    world_deinit(&w);
}

static void test_ends(void **state) {
    (void)state;
    begin();
    w.now += 5 * 3600 * MR_SEC;
    assert_int_equal(mr_flows_expire(&w.flows, w.now), 0);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.seen.end, MR_FLOW_END_IDLE);
    /* closed, and then silent: the next packet is another flow's */
    world_shake(&w, 100, 500);
    world_tcp(&w, 0, FA, 101, 501, NULL);
    world_tcp(&w, 1, FA, 501, 102, NULL);
    w.now += 20 * MR_SEC;
    world_tcp(&w, 0, PA, 7000, 8000, "x");
    assert_int_equal(w.ended, 2);
    assert_int_equal(w.seen.end, MR_FLOW_END_CLOSED);
    assert_true(w.seen.side[0].fin_acked);
    finish();
    assert_int_equal(w.ended, 3);
    world_init(&w, &(mr_flows_config){.flows = 10});
    for (uint16_t i = 0; i < 30; i++)
        world_tcp_args(&w, 0, (pkt_tcp_args){.flags = MR_TCP_SYN, .seq = i,
                                             .sport = (uint16_t)(2000 + i), .dport = 135});
    assert_int_equal(w.flows.count, 10);
    assert_int_equal(w.seen.end, MR_FLOW_END_LIMIT);
    finish();
    assert_int_equal(w.ended, 30);
}

static void test_icmp(void **state) {
    (void)state;
    world_init(&w, NULL);
    world_tcp(&w, 0, MR_TCP_SYN, 100, 0, NULL);
    pkt_begin(&w.frame);
    pkt_ipv4(&w.frame, 9, 1, 1, 1, 0, 64, 8 + 28);
    pkt_u32(&w.frame, 0x030d0000); /* administratively prohibited */
    pkt_u32(&w.frame, 0);
    pkt_ipv4(&w.frame, 1, 2, 6, 55, 0x4000, 60, 20);
    pkt_u32(&w.frame, 40000u << 16 | 135);
    pkt_u32(&w.frame, 100);
    world_feed(&w, pkt_end(&w.frame, MR_LINK_RAW, 2, w.now));
    finish();
    assert_int_equal(w.datagrams, 1);
    assert_int_equal(w.seen.icmp, 1);
    assert_int_equal(w.seen.icmp_packet, 2);
    assert_int_equal(w.seen.icmp_code, 13);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),    cmocka_unit_test(test_holes),
        cmocka_unit_test(test_acked_hole),  cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_truncated),   cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_retransmits), cmocka_unit_test(test_haste),
        cmocka_unit_test(test_captured_twice),
        cmocka_unit_test(test_probes),      cmocka_unit_test(test_unanswered),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_reset),
        cmocka_unit_test(test_handshakes),  cmocka_unit_test(test_port_reuse),
        cmocka_unit_test(test_syn_behind_its_answer),
        cmocka_unit_test(test_midstream),   cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_strays),      cmocka_unit_test(test_interest),
        cmocka_unit_test(test_ends),        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_farthest),     cmocka_unit_test(test_answer_before_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
