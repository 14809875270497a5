/* Flows in number and in disorder: any order of segments gives the same stream, a million flows fit
 * into their memory, nobody can make them collide, and shards share without loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.h"

static world w;
static uint64_t dice_state;

static uint32_t dice(uint32_t n) {
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (uint32_t)((dice_state >> 32) % n);
}

enum { STREAM = 3000, SEGMENTS = 64 };

/* A stream cut into segments that overlap, some twice, some lost, in any order. What the sink gets
 * is the stream, and a gap exactly where no segment had an octet. */
static void shuffled(uint64_t seed, bool lose) {
    static uint8_t stream[STREAM + 1];
    static bool sent[STREAM];
    struct cut { uint32_t at, len; } cuts[SEGMENTS], other;
    uint32_t count = 0, isn;

    dice_state = seed * 0x9e3779b97f4a7c15u + 1;
    isn = dice(2) ? dice(UINT32_MAX) : 0u - dice(STREAM);
    memset(sent, 0, sizeof sent);
    for (uint32_t i = 0; i < STREAM; i++)
        stream[i] = (uint8_t)('a' + dice(26));
    for (uint32_t at = 0; at < STREAM && count < SEGMENTS - 2; at += cuts[count++].len) {
        uint32_t len = 1 + dice(160);
        cuts[count] = (struct cut){at, len < STREAM - at ? len : STREAM - at};
    }
    for (uint32_t i = 0; i < count; i++) { /* each reaches back and ahead over others */
        uint32_t back = dice(3) ? 0 : dice(cuts[i].at + 1 < 300 ? cuts[i].at + 1 : 300);
        cuts[i].at -= back;
        cuts[i].len += back;
        if (!dice(3) && cuts[i].at + cuts[i].len + 200 < STREAM)
            cuts[i].len += dice(200);
    }
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = dice(i);
        other = cuts[j];
        cuts[j] = cuts[i - 1];
        cuts[i - 1] = other;
    }
    world_init(&w, NULL);
    world_shake(&w, isn, 500);
    uint32_t top = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (lose && !dice(5))
            continue;
        for (int twice = dice(4) == 0; twice >= 0; twice--)
            world_tcp_args(&w, 0, (pkt_tcp_args){.flags = MR_TCP_ACK, .ack = 501,
                                                 .seq = isn + 1 + cuts[i].at,
                                                 .data = stream + cuts[i].at,
                                                 .len = cuts[i].len});
        memset(sent + cuts[i].at, 1, cuts[i].len);
        top = cuts[i].at + cuts[i].len > top ? cuts[i].at + cuts[i].len : top;
    }
    assert_int_equal(world_finish(&w), 0);
    assert_int_equal(w.seen.side[0].octets, top);
    assert_int_equal(w.seen.side[0].conflicts, 0);
    uint64_t missing = 0;
    for (uint32_t i = 0; i < top; i++)
        missing += !sent[i];
    assert_int_equal(w.gaps[0], missing);
    assert_int_equal(w.seen.side[0].missing, missing);
    for (uint32_t i = 0, out = 0; i < top; out++) { /* a gap shows as at most 64 dots */
        uint32_t gap = 0;
        while (i < top && !sent[i])
            i++, gap++;
        for (uint32_t dots = gap < 64 ? gap : 64; dots > 0; dots--)
            assert_int_equal(w.text[0][out++], '.');
        if (i < top)
            assert_int_equal(w.text[0][out], stream[i++]);
    }
    world_deinit(&w);
}

static void test_permutations(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        shuffled(seed, false);
        shuffled(seed, true);
    }
}

/* Whatever waits stays under the caps, and what the caps push out are gaps. */
static void test_caps(void **state) {
    char text[1001];
    (void)state;
    memset(text, 'x', 1000);
    text[1000] = 0;
    world_init(&w, &(mr_flows_config){.lane_octets = 20000, .all_octets = 50000});
    for (uint16_t port = 1; port <= 10; port++)
        for (uint32_t i = 0; i < 100; i++) {
            pkt_tcp_args a = {.flags = MR_TCP_ACK, .seq = i * 2000, .ack = 1, .data = text,
                              .len = 1000, .sport = (uint16_t)(4000 + port), .dport = 135};
            world_tcp_args(&w, 0, a);
            assert_true(w.flows.waiting <= 50000);
        }
    assert_true(w.flows.waiting_peak > 20000);
    assert_int_equal(world_finish(&w), 0);
    assert_int_equal(w.ended, 10);
    assert_int_equal(w.seen.side[0].octets, 99 * 2000 + 1000);
    assert_int_equal(w.seen.side[0].missing, 99 * 1000);
    world_deinit(&w);
    world_init(&w, NULL); /* one octet each: their upkeep counts */
    world_shake(&w, 0, 0);
    for (uint32_t i = 1; i < 5000; i++)
        world_tcp_args(&w, 0, (pkt_tcp_args){.flags = MR_TCP_ACK, .seq = 1 + i * 2, .ack = 1,
                                             .data = "o", .len = 1});
    assert_true(w.flows.waiting < 200000);
    assert_int_equal(world_finish(&w), 0);
    assert_int_equal(w.seen.side[0].missing, 4999 + 1);
    world_deinit(&w);
}

static void syn_from(mr_flows *flows, uint32_t client, uint16_t port, uint64_t number) {
    mr_packet packet = {.number = number, .time = number, .timed = true};
    mr_segment seg = {.packet = &packet, .first = number, .kind = MR_SEGMENT_TCP, .family = 4,
                      .proto = MR_IP_TCP, .ttl = 64, .sport = port, .dport = 135};

    memcpy(seg.src.octets, &client, 4);
    seg.dst.octets[0] = 10;
    seg.tcp.flags = MR_TCP_SYN;
    seg.tcp.wscale = MR_TCP_NO_SCALE;
    seg.tcp.window = 64240;
    assert_int_equal(mr_flows_feed(flows, &seg), 0);
}

static void test_million(void **state) {
    enum { MILLION = 1000000 };
    (void)state;
    world_init(&w, NULL);
    for (uint32_t i = 0; i < MILLION; i++)
        syn_from(&w.flows, i, (uint16_t)(i * 7), i + 1);
    assert_int_equal(w.flows.count, MILLION);
    /* every one is found again: a second SYN opens nothing */
    for (uint32_t i = 0; i < MILLION; i += 1000)
        syn_from(&w.flows, i, (uint16_t)(i * 7), MILLION + i + 1);
    assert_int_equal(w.opened, MILLION);
    size_t octets = mr_flows_memory(&w.flows);
    assert_true(octets / MILLION <= 512);
    assert_int_equal(world_finish(&w), 0);
    assert_int_equal(w.ended, MILLION);
    world_deinit(&w);
    /* flat: as many again, a few at a time, take no more than those */
    world_init(&w, &(mr_flows_config){.idle_opening = 1000});
    for (uint32_t i = 0; i < 200000; i++)
        syn_from(&w.flows, i, 1, i + 1);
    assert_true(w.flows.peak < 4000);
    assert_true(mr_flows_memory(&w.flows) < 4000 * 512);
    assert_int_equal(world_finish(&w), 0);
    assert_int_equal(w.ended, 200000);
    world_deinit(&w);
}

/* Ports chosen against one key are nothing special under another: chains stay short. What an
 * attacker can choose is tried: addresses in one network, all ports, sums that are equal. */
static void test_hash(void **state) {
    static uint32_t buckets[1 << 12];
    uint64_t keys[2][2] = {{1, 2}, {0x123456789abcdefu, 42}};
    uint32_t same = 0, worst = 0;
    (void)state;
    for (uint32_t i = 0; i < 1 << 14; i++) {
        mr_host a = {{10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        mr_host b = {{10, 0, (uint8_t)(~i >> 8), (uint8_t)~i}}; /* a + b is constant */
        uint32_t x = mr_flow_shard(keys[0], 1 << 12, &a, (uint16_t)i, &b, (uint16_t)~i);
        uint32_t y = mr_flow_shard(keys[1], 1 << 12, &b, (uint16_t)~i, &a, (uint16_t)i);
        assert_int_equal(x, mr_flow_shard(keys[0], 1 << 12, &b, (uint16_t)~i, &a, (uint16_t)i));
        same += x == y;
        worst = ++buckets[x] > worst ? buckets[x] : worst;
    }
    assert_true(worst < 24); /* 4 on average */
    assert_true(same < 64);
}

/* Every packet goes to exactly one shard, with all that belongs to it. */
static void test_shards(void **state) {
    enum { SHARDS = 3 };
    static world shard[SHARDS];
    static pkt p;
    uint32_t used = 0;
    (void)state;
    for (uint32_t s = 0; s < SHARDS; s++)
        world_init(&shard[s], &(mr_flows_config){.shards = SHARDS, .shard = s, .key = {5, 6}});
    for (uint16_t port = 1; port <= 60; port++)
        for (uint32_t s = 0; s < SHARDS; s++) {
            bool six = port & 1;
            world *v = &shard[s];
            v->number = port * 10;
            for (int from = 0; from < 2; from++)
                world_tcp_args(v, from, (pkt_tcp_args){
                    .flags = MR_TCP_ACK | MR_TCP_PSH, .seq = 1, .ack = 1, .data = "x", .len = 1,
                    .sport = from ? 135 : port, .dport = from ? port : 135, .six = six});
            world_feed(v, pkt_udp(&p, six, 1, 2, port, 53, "q", 1, port, 0));
            world_feed(v, pkt_udp(&p, six, 2, 1, 53, port, "a", 1, port, 0));
        }
    int opened = 0, datagrams = 0;
    for (uint32_t s = 0; s < SHARDS; s++) {
        assert_int_equal(world_finish(&shard[s]), 0);
        opened += shard[s].opened;
        datagrams += shard[s].datagrams;
        assert_int_equal(shard[s].datagrams % 2, 0); /* question and answer together */
        if (shard[s].opened)
            assert_int_equal(shard[s].seen.side[0].octets + shard[s].seen.side[1].octets, 2);
        used += shard[s].opened > 5;
        world_deinit(&shard[s]);
    }
    assert_int_equal(opened, 60);
    assert_int_equal(datagrams, 120);
    assert_int_equal(used, SHARDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permutations), cmocka_unit_test(test_caps),
        cmocka_unit_test(test_million),      cmocka_unit_test(test_hash),
        cmocka_unit_test(test_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
