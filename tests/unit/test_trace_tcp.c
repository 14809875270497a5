/*
 * What opened connections and ARP tell in a trace: each observation gives its finding, and one that
 * falls just short of it gives none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/trace.h>

#include <string.h>

typedef struct scene {
    mr_trace *trace;
    mr_flow_seen tcp;
    mr_seen seen;
} scene;

static mr_ip ip4(uint8_t last) {
    mr_ip ip = {.family = 4};
    memcpy(ip.host.octets, (uint8_t[]){10, 1, 0, last}, 4);
    return ip;
}

/* A connection to port 135 that opened: client 10.1.0.5, server 10.1.0.10. */
static void begin(scene *s) {
    *s = (scene){.tcp = {.id = 1, .first = MR_SEC, .last = 100 * MR_SEC, .last_packet = 40,
                         .opened = MR_SEC, .opened_packet = 3, .state = MR_FLOW_OPEN}};
    for (int i = 0; i < 2; i++) {
        s->tcp.side[i].packets = 5;
        s->tcp.side[i].first_packet = s->tcp.side[i].syn_packet = 1u + (unsigned)i;
        s->tcp.side[i].syns = 1;
        s->tcp.side[i].octets = 100;
        s->tcp.side[i].ttl_min = s->tcp.side[i].ttl_max = 128;
    }
    s->seen = (mr_seen){.kind = MR_SEEN_BEGIN, .via = MR_SEEN_TCP, .flow = 1, .packet = 1,
                        .time = MR_SEC, .client = ip4(5), .server = ip4(10),
                        .client_port = 50000, .server_port = 135};
    assert_int_equal(mr_trace_new(NULL, &s->trace), 0);
    assert_int_equal(mr_trace_add(s->trace, &s->seen), 0);
}

static void unanswered(scene *s, uint64_t packet) {
    mr_seen call = s->seen;
    call.kind = MR_SEEN_UNANSWERED;
    call.packet = packet;
    call.time = 80 * MR_SEC;
    call.u.call = (mr_seen_call){.opnum = 3, .bytes = 100, .request = packet};
    assert_int_equal(mr_trace_add(s->trace, &call), 0);
}

static void arp(scene *s, const mr_ip *sender, const mr_ip *target, bool reply, uint8_t mac) {
    mr_seen seen = {.kind = MR_SEEN_ARP, .packet = 5, .time = 2 * MR_SEC};
    seen.u.arp = (mr_seen_arp){.reply = reply, .sender = *sender, .target = *target,
                               .mac = {0, 0x50, 0x56, 0, 0, mac}};
    assert_int_equal(mr_trace_add(s->trace, &seen), 0);
}

/* Ends the capture; whether @id is among its findings. */
static bool gives(scene *s, const char *id) {
    bool found = false;
    s->seen.kind = MR_SEEN_END;
    s->seen.packet = 40;
    s->seen.time = 100 * MR_SEC;
    s->seen.u.end = (mr_seen_end){.tcp = &s->tcp, .service = MR_SEEN_RPC, .via = MR_SEEN_TCP};
    assert_int_equal(mr_trace_add(s->trace, &s->seen), 0);
    assert_int_equal(mr_trace_end(s->trace, MR_SEC, 120 * MR_SEC), 0);
    for (size_t i = 0; i < mr_trace_finding_count(s->trace); i++)
        found = found || !strcmp(mr_trace_get_finding(s->trace, i)->finding->id, id);
    mr_trace_free(s->trace);
    return found;
}

static void test_half_open(void **state) {
    (void)state;
    for (int heard = 0; heard < 3; heard++) { /* 2: a SYN-ACK that was doubled on the way */
        scene s;
        begin(&s);
        s.tcp.side[MR_FROM_SERVER].syns = heard == 2 ? 2 : 4;
        s.tcp.side[MR_FROM_SERVER].syn_delay[0] = heard == 2 ? 20 : 1000000;
        s.tcp.side[MR_FROM_SERVER].syn_last_packet = 30;
        s.tcp.side[MR_FROM_SERVER].octets = heard == 1 ? 60 : 0;
        s.tcp.side[MR_FROM_CLIENT].unacked = 100;
        assert_int_equal(gives(&s, "TCP.HALF_OPEN"), !heard);
    }
}

static void test_port_reused(void **state) {
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        scene s;
        begin(&s);
        s.tcp.side[MR_FROM_SERVER].challenge_acks = 1;
        s.tcp.side[MR_FROM_CLIENT].reset.packet = reset ? 3 : 0;
        assert_int_equal(gives(&s, "TCP.PORT_REUSED"), reset);
    }
}

static void test_zero_window(void **state) {
    (void)state;
    for (int seconds = 9; seconds < 12; seconds += 2) {
        scene s;
        begin(&s);
        s.tcp.side[MR_FROM_SERVER].zero_longest = seconds * MR_SEC;
        s.tcp.side[MR_FROM_SERVER].zero_packet = 9;
        assert_int_equal(gives(&s, "TCP.ZERO_WINDOW"), seconds > 10);
    }
}

static void test_stuck(void **state) {
    (void)state;
    for (uint32_t len = 200; len <= 1460; len += 1260) {
        for (uint32_t form = 0; form < 4; form++) {
            scene s;
            uint32_t times = form & 1 ? 3 : 2, lasts = form & 2 ? 1000 : 999;
            begin(&s);
            s.tcp.side[MR_FROM_CLIENT].stuck_time = 70 * MR_SEC;
            s.tcp.side[MR_FROM_CLIENT].retransmit_last_time = 70 * MR_SEC + lasts * MR_MSEC;
            s.tcp.side[MR_FROM_CLIENT].stuck = true;
            s.tcp.side[MR_FROM_CLIENT].stuck_len = len;
            s.tcp.side[MR_FROM_CLIENT].stuck_times = times;
            s.tcp.side[MR_FROM_CLIENT].through = 100;
            s.tcp.side[MR_FROM_CLIENT].retransmit_last_packet = 22;
            assert_int_equal(gives(&s, len > 1000 ? "TCP.MTU_HOLE" : "TCP.DATA_SWALLOWED"),
                             times == 3 && lasts == 1000);
        }
    }
}

static void test_idle(void **state) {
    (void)state;
    for (uint64_t after = 30; after <= 31; after++) {
        scene s;
        begin(&s);
        s.tcp.idle_longest = 70 * MR_SEC;
        s.tcp.idle_packet = 30;
        s.tcp.side[MR_FROM_SERVER].reset = (mr_flow_reset){
            .count = 1, .packet = 32, .time = 81 * MR_SEC, .ttl = 128, .usual_ttl = 128};
        unanswered(&s, after);
        assert_int_equal(gives(&s, "TCP.IDLE_TIMEOUT"), after == 30);
    }
}

static void test_two_owners(void **state) {
    (void)state;
    for (int turns = 1; turns <= 2; turns++) {
        scene s;
        mr_ip host = ip4(10), client = ip4(5);
        begin(&s);
        arp(&s, &host, &client, true, 1);
        arp(&s, &host, &client, true, 2);
        if (turns == 2)
            arp(&s, &host, &client, true, 1);
        assert_int_equal(gives(&s, "TCP.DUPLICATE_ADDRESS"), turns == 2);
    }
}

/* The router asks for the host while the client's SYNs are not answered. */
static void test_nobody_there(void **state) {
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        scene s;
        mr_ip host = ip4(10), router = ip4(1);
        begin(&s);
        s.tcp.opened = 0;
        s.tcp.side[MR_FROM_SERVER] = (mr_flow_side_seen){0};
        s.tcp.side[MR_FROM_CLIENT].octets = 0;
        s.tcp.side[MR_FROM_CLIENT].syns = 4;
        s.tcp.side[MR_FROM_CLIENT].syn_time = MR_SEC;
        s.tcp.side[MR_FROM_CLIENT].syn_delay[2] = 7000000;
        s.tcp.one_way = true;
        arp(&s, &router, &host, false, 9);
        arp(&s, &router, &host, false, 9);
        if (answered)
            arp(&s, &host, &router, true, 1);
        assert_int_equal(gives(&s, "TCP.ARP_SILENT"), !answered);
    }
}

/* Of the host only what one side sent was captured: silence proves nothing. */
static void test_one_way(void **state) {
    enum { CLIENT_ONLY, SERVER_ONLY, BOTH, NO_DATA, UNSEEN_ACKED, CASES };
    (void)state;
    for (int i = 0; i < CASES; i++) {
        scene s;
        begin(&s);
        if (i != BOTH)
            s.tcp.side[i == SERVER_ONLY ? MR_FROM_CLIENT : MR_FROM_SERVER] =
                (mr_flow_side_seen){0};
        if (i == NO_DATA || i == UNSEEN_ACKED) { /* begun before the capture, never answered */
            s.tcp.side[MR_FROM_CLIENT].syn_packet = 0;
            s.tcp.side[MR_FROM_CLIENT].acked_unseen = i == UNSEEN_ACKED;
        }
        s.tcp.one_way = i != BOTH;
        assert_int_equal(gives(&s, "TCP.ONE_WAY_CAPTURE"), i != BOTH && i != NO_DATA);
    }
}

static void test_resets(void **state) {
    static const struct {
        bool other_mac, exact;
        uint32_t went_on, count;
        const char *id;
        bool found;
    } cases[] = {
        {true, true, 0, 1, "TCP.FORGED_RESET", true},
        {false, true, 0, 1, "TCP.FORGED_RESET", false},
        {false, true, 0, 3, "TCP.SUSPECT_RESET", false},
        {false, false, 0, 1, "TCP.SUSPECT_RESET", false},
        {false, false, 0, 3, "TCP.SUSPECT_RESET", true},
        {false, true, 1, 1, "TCP.SUSPECT_RESET", true},
        {true, true, 1, 1, "TCP.SUSPECT_RESET", false},
    };
    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        scene s;
        begin(&s);
        s.tcp.side[MR_FROM_SERVER].octets = cases[i].went_on ? 60 : 0;
        s.tcp.side[MR_FROM_SERVER].went_on = cases[i].went_on;
        s.tcp.side[MR_FROM_SERVER].reset = (mr_flow_reset){
            .count = cases[i].count, .packet = 9, .time = 2 * MR_SEC, .ttl = 128, .usual_ttl = 128,
            .other_mac = cases[i].other_mac, .known_seq = true, .exact = cases[i].exact};
        unanswered(&s, 8);
        assert_int_equal(gives(&s, cases[i].id), cases[i].found);
    }
}

/* The endpoint that the mapper named: its connection is closed at once. */
static void endpoint(scene *s, uint8_t ttl, bool sack) {
    mr_seen_endpoint given = {.protseq = MR_PROTSEQ_NCACN_IP_TCP, .port = 49670,
                              .interface = {.time_low = 0x12345778}};
    mr_flow_seen tcp = s->tcp;
    mr_seen seen = s->seen;

    seen.kind = MR_SEEN_MAP;
    seen.packet = 10;
    seen.u.map = (mr_seen_map){.request_known = true, .asked = given.interface,
                               .endpoints = &given, .count = 1};
    assert_int_equal(mr_trace_add(s->trace, &seen), 0);
    seen.kind = MR_SEEN_BEGIN;
    seen.flow = tcp.id = seen.packet = 12;
    seen.server_port = 49670;
    assert_int_equal(mr_trace_add(s->trace, &seen), 0);
    tcp.side[MR_FROM_CLIENT].sack_ok = true;
    tcp.side[MR_FROM_SERVER].sack_ok = sack;
    tcp.side[MR_FROM_SERVER].ttl_min = tcp.side[MR_FROM_SERVER].ttl_max = ttl;
    tcp.side[MR_FROM_CLIENT].octets = tcp.side[MR_FROM_SERVER].octets = 0;
    tcp.side[MR_FROM_SERVER].fin_packet = 14;
    seen.kind = MR_SEEN_END;
    seen.packet = 15;
    seen.u.end = (mr_seen_end){.tcp = &tcp, .service = MR_SEEN_UNKNOWN, .via = MR_SEEN_TCP};
    assert_int_equal(mr_trace_add(s->trace, &seen), 0);
}

static void test_other_host(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        scene s;
        begin(&s);
        s.tcp.side[MR_FROM_CLIENT].sack_ok = s.tcp.side[MR_FROM_SERVER].sack_ok = true;
        endpoint(&s, i & 1 ? 64 : 128, !(i & 2));
        assert_int_equal(gives(&s, "TCP.NO_AFFINITY"), i == 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_open),   cmocka_unit_test(test_port_reused),
        cmocka_unit_test(test_zero_window), cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_idle),        cmocka_unit_test(test_two_owners),
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_resets),      cmocka_unit_test(test_other_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
