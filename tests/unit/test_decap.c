/* Packets taken apart: link layers, IPv4 and IPv6, fragments, TCP options, ICMP and ARP; lengths
 * that lie and packets that the capture cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pkt.h"

static pkt frame;
static mr_segment seg;

static int feed(mr_decap *decap, const mr_packet *packet) {
    seg = (mr_segment){0};
    return mr_decap_feed(decap, packet, &seg);
}
static int feed_once(const mr_packet *packet) {
    mr_decap decap;
    mr_decap_init(&decap, &(mr_decap_config){.checksums = true});
    int r = feed(&decap, packet);
    mr_decap_deinit(&decap);
    return r;
}

/* An IPv4 UDP datagram behind whatever link layer was begun. */
static void add_udp(size_t len) {
    pkt_ipv4(&frame, 1, 2, 17, 9, 0x4000, 64, len + 8);
    pkt_u16(&frame, 53);
    pkt_u16(&frame, 1053);
    pkt_u16(&frame, (unsigned)len + 8);
    pkt_u16(&frame, 0);
    pkt_zero(&frame, len);
}
static void is_udp(uint16_t link, uint16_t vlan) {
    assert_int_equal(feed_once(pkt_end(&frame, link, 7, 0)), 0);
    assert_int_equal(seg.kind, MR_SEGMENT_UDP);
    assert_int_equal(seg.sport, 53);
    assert_int_equal(seg.dport, 1053);
    assert_int_equal(seg.payload_len, 5);
    assert_int_equal(seg.payload.len, 5);
    assert_int_equal(seg.vlan, vlan);
    assert_int_equal(seg.first, 7);
    /* every shorter capture of it is short, and none reads behind its end */
    size_t whole = frame.len;
    for (size_t len = 0; len < whole; len++) {
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, frame.room, len);
        frame.packet.bytes = mr_slice_of(exact, len);
        int r = feed_once(&frame.packet);
        if (len < whole - 5)
            assert_in_range(r, MR_DECAP_FOREIGN, MR_DECAP_SHORT);
        else
            assert_int_equal(seg.payload.len, 5 - (whole - len));
        free(exact);
    }
}

static void test_links(void **state) {
    static const uint8_t sll[14] = {0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1};
    static const uint8_t sll2[18] = {0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1};
    (void)state;
    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x0800);
    add_udp(5);
    is_udp(MR_LINK_ETHERNET, 0);
    assert_true(seg.macs);
    assert_int_equal(seg.smac[5], 1);

    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x88a8);
    pkt_u32(&frame, 0x00058100); /* QinQ: the inner tag counts */
    pkt_u32(&frame, 0x60070800);
    add_udp(5);
    is_udp(MR_LINK_ETHERNET, 7);

    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x8847);
    pkt_u32(&frame, 0x00010040); /* two labels */
    pkt_u32(&frame, 0x00011140);
    add_udp(5);
    is_udp(MR_LINK_ETHERNET, 0);

    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x8864);
    pkt_u32(&frame, 0x11000001);
    pkt_u32(&frame, 0x00270021);
    add_udp(5);
    is_udp(MR_LINK_ETHERNET, 0);

    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 41);
    pkt_u32(&frame, 0xaaaa0300);
    pkt_u32(&frame, 0x00000800);
    add_udp(5);
    is_udp(MR_LINK_ETHERNET, 0);

    pkt_begin(&frame);
    pkt_add(&frame, sll, sizeof sll);
    pkt_u16(&frame, 0x0800);
    add_udp(5);
    is_udp(MR_LINK_SLL, 0);
    assert_int_equal(seg.smac[0], 2);

    pkt_begin(&frame);
    pkt_u16(&frame, 0x0800);
    pkt_add(&frame, sll2, sizeof sll2);
    add_udp(5);
    is_udp(MR_LINK_SLL2, 0);

    pkt_begin(&frame);
    pkt_u32(&frame, 0x02000000);
    add_udp(5);
    is_udp(MR_LINK_NULL, 0);
    is_udp(MR_LINK_LOOP, 0);

    pkt_begin(&frame);
    pkt_u32(&frame, 0xff030021);
    add_udp(5);
    is_udp(MR_LINK_PPP, 0);

    pkt_begin(&frame);
    add_udp(5);
    is_udp(MR_LINK_RAW, 0);
    is_udp(MR_LINK_IPV4, 0);
    is_udp(12, 0);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_WLAN, 1, 0)), MR_DECAP_FOREIGN);
}

static void test_foreign(void **state) {
    (void)state;
    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 38); /* spanning tree */
    pkt_u32(&frame, 0x42420300);
    pkt_zero(&frame, 40);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_ETHERNET, 1, 0)), MR_DECAP_FOREIGN);
    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x88cc);
    pkt_zero(&frame, 40);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_ETHERNET, 1, 0)), MR_DECAP_FOREIGN);
    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x8100);
    for (int i = 0; i < 100; i++) /* tags without end */
        pkt_u32(&frame, 0x00018100);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_ETHERNET, 1, 0)), MR_DECAP_FOREIGN);
}

static void test_lengths(void **state) {
    pkt_tcp_args args = {.from = 1, .to = 2, .sport = 1, .dport = 2, .flags = MR_TCP_ACK,
                         .data = "abcdef", .len = 6};
    (void)state;
    /* padding of a short Ethernet frame is no payload */
    pkt_tcp(&frame, &args);
    pkt_zero(&frame, 30);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_ETHERNET, 1, 0)), 0);
    assert_int_equal(seg.payload_len, 6);
    assert_memory_equal(seg.payload.data, "abcdef", 6);
    assert_true(seg.checksum_known);
    assert_false(seg.checksum_bad);
    frame.room[frame.len - 31] ^= 1;
    assert_int_equal(feed_once(&frame.packet), 0);
    assert_true(seg.checksum_bad);
    /* segmentation offload writes a length of zero */
    pkt_tcp(&frame, &args);
    pkt_put16(&frame, 16, 0);
    assert_int_equal(feed_once(&frame.packet), 0);
    assert_int_equal(seg.payload_len, 6);
    /* a total length below the header's */
    pkt_put16(&frame, 16, 19);
    assert_int_equal(feed_once(&frame.packet), MR_DECAP_MALFORMED);
    /* a total length beyond the frame: not there, but not forgotten */
    pkt_put16(&frame, 16, 20 + 20 + 6 + 100);
    assert_int_equal(feed_once(&frame.packet), 0);
    assert_int_equal(seg.payload_len, 106);
    assert_int_equal(seg.payload.len, 6);
    assert_false(seg.checksum_known);
    /* the snap length */
    args.cut = 4;
    assert_int_equal(feed_once(pkt_tcp(&frame, &args)), 0);
    assert_int_equal(seg.payload_len, 6);
    assert_int_equal(seg.payload.len, 2);
    args.cut = 7;
    assert_int_equal(feed_once(pkt_tcp(&frame, &args)), MR_DECAP_SHORT);
    /* a data offset that lies */
    args.cut = 0;
    pkt_tcp(&frame, &args);
    frame.room[14 + 20 + 12] = 0x40;
    assert_int_equal(feed_once(&frame.packet), MR_DECAP_MALFORMED);
    frame.room[14 + 20 + 12] = 0xf0;
    assert_int_equal(feed_once(&frame.packet), MR_DECAP_MALFORMED);
}

static void test_tcp_options(void **state) {
    static const uint8_t syn[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9,
                                  0, 0, 0, 0, 1, 3, 3, 7};
    static const uint8_t sack[] = {1, 1, 5, 18, 0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 40};
    static const uint8_t liar[] = {1, 1, 5, 200, 2, 4, 5, 0xb4};
    pkt_tcp_args args = {.from = 1, .to = 2, .flags = MR_TCP_SYN, .six = true, .seq = 77,
                         .options = syn, .options_len = sizeof syn, .raw = true};
    (void)state;
    assert_int_equal(feed_once(pkt_tcp(&frame, &args)), 0);
    assert_int_equal(seg.family, 6);
    assert_int_equal(seg.tcp.seq, 77);
    assert_int_equal(seg.tcp.mss, 1460);
    assert_int_equal(seg.tcp.wscale, 7);
    assert_true(seg.tcp.sack_ok);
    assert_true(seg.tcp.stamped);
    assert_int_equal(seg.tcp.ts_value, 9);
    assert_false(seg.checksum_bad);
    assert_true(seg.checksum_known);
    args.options = sack;
    assert_int_equal(feed_once(pkt_tcp(&frame, &args)), 0);
    assert_int_equal(seg.tcp.sacks, 2);
    assert_int_equal(seg.tcp.sack[1].from, 30);
    assert_int_equal(seg.tcp.sack[1].to, 40);
    assert_int_equal(seg.tcp.wscale, MR_TCP_NO_SCALE);
    args.options = liar;
    args.options_len = sizeof liar;
    assert_int_equal(feed_once(pkt_tcp(&frame, &args)), 0);
    assert_int_equal(seg.tcp.sacks, 0);
    assert_int_equal(seg.tcp.mss, 0);
}

static void test_ipv6_extensions(void **state) {
    (void)state;
    pkt_begin(&frame);
    pkt_ipv6(&frame, 1, 2, 0, 64, 8 + 24 + 12 + 8 + 8 + 3);
    pkt_u32(&frame, 0x2b000502); /* hop-by-hop, then routing */
    pkt_u32(&frame, 0);
    pkt_u32(&frame, 0x33020000); /* then AH */
    pkt_zero(&frame, 20);
    pkt_u32(&frame, 0x3c010000); /* then destination options */
    pkt_zero(&frame, 8);
    pkt_u32(&frame, 0x11000000);
    pkt_u32(&frame, 0);
    pkt_u32(&frame, 0x00350035);
    pkt_u32(&frame, 0x000b0000);
    pkt_u8(&frame, 'x');
    pkt_u16(&frame, 0);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_IPV6, 1, 0)), 0);
    assert_int_equal(seg.kind, MR_SEGMENT_UDP);
    assert_int_equal(seg.payload_len, 3);
    /* headers without end */
    pkt_begin(&frame);
    pkt_ipv6(&frame, 1, 2, 0, 64, 400);
    pkt_zero(&frame, 400);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_IPV6, 1, 0)), MR_DECAP_MALFORMED);
    /* ESP is not looked into */
    pkt_begin(&frame);
    pkt_ipv6(&frame, 1, 2, 50, 64, 40);
    pkt_zero(&frame, 40);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_IPV6, 1, 0)), 0);
    assert_int_equal(seg.kind, MR_SEGMENT_OTHER);
    assert_int_equal(seg.proto, MR_IP_ESP);
}

static void test_icmp(void **state) {
    (void)state;
    pkt_begin(&frame);
    pkt_ipv4(&frame, 9, 1, 1, 1, 0, 64, 8 + 28);
    pkt_u32(&frame, 0x03040000); /* fragmentation needed */
    pkt_u32(&frame, 1400);
    pkt_ipv4(&frame, 1, 2, 6, 55, 0x4000, 60, 1480);
    pkt_u16(&frame, 40000);
    pkt_u16(&frame, 135);
    pkt_u32(&frame, 0xcafe);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_RAW, 1, 0)), 0);
    assert_int_equal(seg.kind, MR_SEGMENT_ICMP);
    assert_int_equal(seg.icmp.type, 3);
    assert_int_equal(seg.icmp.code, 4);
    assert_int_equal(seg.icmp.mtu, 1400);
    assert_int_equal(seg.icmp.quote.family, 4);
    assert_int_equal(seg.icmp.quote.ip_id, 55);
    assert_int_equal(seg.icmp.quote.dport, 135);
    assert_true(seg.icmp.quote.has_seq);
    assert_int_equal(seg.icmp.quote.seq, 0xcafe);
    pkt_begin(&frame);
    pkt_ipv6(&frame, 9, 1, 58, 64, 8 + 48);
    pkt_u32(&frame, 0x02000000); /* packet too big */
    pkt_u32(&frame, 1280);
    pkt_ipv6(&frame, 1, 2, 17, 60, 1480);
    pkt_u32(&frame, 0x03e70058);
    pkt_u32(&frame, 0);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_RAW, 1, 0)), 0);
    assert_int_equal(seg.icmp.mtu, 1280);
    assert_int_equal(seg.icmp.quote.sport, 999);
    assert_int_equal(seg.icmp.quote.dport, 88);
    assert_false(seg.icmp.quote.has_seq);
}

static void test_arp(void **state) {
    static const uint8_t reply[28] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 5, 10, 0, 0, 1,
                                      2, 0, 0, 0, 0, 6, 10, 0, 0, 2};
    (void)state;
    pkt_begin(&frame);
    pkt_ethernet(&frame, 1, 2, 0x0806);
    pkt_add(&frame, reply, sizeof reply);
    assert_int_equal(feed_once(pkt_end(&frame, MR_LINK_ETHERNET, 1, 0)), 0);
    assert_int_equal(seg.kind, MR_SEGMENT_ARP);
    assert_int_equal(seg.arp.op, 2);
    assert_int_equal(seg.arp.sha[5], 5);
    assert_int_equal(seg.src.octets[3], 1);
    assert_int_equal(seg.dst.octets[3], 2);
}

/* Fragments */

enum { DATAGRAM = 4000 };
static uint8_t datagram[DATAGRAM]; /* a UDP datagram */
static mr_fragments_lost lost_last;
static int lost_count;

static void on_lost(void *ctx, const mr_fragments_lost *lost) {
    (void)ctx;
    lost_last = *lost;
    lost_count++;
}

static void make_datagram(void) {
    for (size_t i = 0; i < DATAGRAM; i++)
        datagram[i] = (uint8_t)(i * 7 + i / 256);
    datagram[0] = 0, datagram[1] = 88, datagram[2] = 4, datagram[3] = 0;
    datagram[4] = DATAGRAM >> 8, datagram[5] = (uint8_t)DATAGRAM;
    datagram[6] = datagram[7] = 0;
}

static const mr_packet *fragment(bool six, uint16_t id, size_t off, size_t len, uint64_t number,
                                 mr_nsec time) {
    bool more = off + len < DATAGRAM;
    pkt_begin(&frame);
    if (six) {
        pkt_ipv6(&frame, 1, 2, 44, 64, len + 8);
        pkt_u16(&frame, 0x1100);
        pkt_u16(&frame, (unsigned)off | more);
        pkt_u32(&frame, id);
    } else {
        pkt_ipv4(&frame, 1, 2, 17, id, (uint16_t)(off / 8 | (more ? 0x2000 : 0)), 64, len);
    }
    pkt_add(&frame, datagram + off, len);
    return pkt_end(&frame, MR_LINK_RAW, number, time);
}

static void is_whole(size_t captured) {
    assert_int_equal(seg.kind, MR_SEGMENT_UDP);
    assert_true(seg.fragments);
    assert_int_equal(seg.sport, 88);
    assert_int_equal(seg.payload_len, DATAGRAM - 8);
    assert_int_equal(seg.payload.len, captured);
    assert_memory_equal(seg.payload.data, datagram + 8, captured);
}

static void open_lost(mr_decap *decap, uint32_t datagrams, uint32_t octets) {
    lost_count = 0;
    make_datagram();
    mr_decap_init(decap, &(mr_decap_config){.lost = on_lost, .datagrams = datagrams,
                                            .octets = octets});
}

static void test_fragments(void **state) {
    static const size_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1},
                                        {2, 1, 0}};
    static const size_t offs[3] = {0, 1480, 2960}, lens[3] = {1480, 1480, 1040};
    mr_decap decap;
    (void)state;
    open_lost(&decap, 0, 0);
    for (int six = 0; six < 2; six++)
        for (int o = 0; o < 6; o++)
            for (uint64_t i = 0; i < 3; i++) {
                size_t at = orders[o][i];
                int r = feed(&decap, fragment(six, (uint16_t)(o + 1), offs[at], lens[at], 10 + i,
                                              i * MR_SEC));
                assert_int_equal(r, i == 2 ? 0 : MR_DECAP_HELD);
                if (i < 2) /* the same again changes nothing */
                    assert_int_equal(feed(&decap, &frame.packet), MR_DECAP_HELD);
                else
                    is_whole(DATAGRAM - 8);
            }
    assert_int_equal(seg.first, 10);
    assert_int_equal(seg.packet->number, 12);
    /* captured twice, the last one too: no new datagram begins */
    assert_int_equal(feed(&decap, &frame.packet), MR_DECAP_HELD);
    mr_decap_end(&decap);
    assert_int_equal(lost_count, 0);
    mr_decap_deinit(&decap);
}

static void test_fragments_cut(void **state) {
    mr_decap decap;
    (void)state;
    open_lost(&decap, 0, 0);
    fragment(false, 3, 1480, 2520, 1, 0);
    assert_int_equal(feed(&decap, &frame.packet), MR_DECAP_HELD);
    fragment(false, 3, 0, 1480, 2, 0);
    pkt_cut(&frame, 480); /* a snap length took the end of the first */
    assert_int_equal(feed(&decap, &frame.packet), 0);
    is_whole(1000 - 8);
    mr_decap_deinit(&decap);
}

static void test_fragments_overlap(void **state) {
    mr_decap decap;
    (void)state;
    open_lost(&decap, 0, 0);
    assert_int_equal(feed(&decap, fragment(false, 3, 0, 1480, 1, 0)), MR_DECAP_HELD);
    fragment(false, 3, 800, 2000, 2, 0);
    memset(frame.room + 20, 0xee, 680); /* other octets where the first has some */
    assert_int_equal(feed(&decap, &frame.packet), MR_DECAP_HELD);
    assert_int_equal(feed(&decap, fragment(false, 3, 2400, 1600, 3, 0)), 0);
    is_whole(DATAGRAM - 8);
    assert_true(seg.overlap);
    assert_int_equal(decap.overlaps, 1);
    /* beyond 65535, and an end before what came */
    assert_int_equal(feed(&decap, fragment(false, 4, 0, 1480, 4, 0)), MR_DECAP_HELD);
    pkt_put16(&frame, 6, 0x3fff);
    assert_int_equal(feed(&decap, &frame.packet), MR_DECAP_MALFORMED);
    fragment(false, 4, 0, 1480, 5, 0);
    pkt_put16(&frame, 6, 64 / 8);
    pkt_put16(&frame, 2, 20 + 64);
    assert_int_equal(feed(&decap, &frame.packet), MR_DECAP_MALFORMED);
    mr_decap_deinit(&decap);
}

static void test_fragments_lost(void **state) {
    mr_decap decap;
    (void)state;
    open_lost(&decap, 0, 0);
    feed(&decap, fragment(false, 3, 0, 1480, 1, MR_SEC));
    feed(&decap, fragment(false, 3, 2960, 1040, 2, 2 * MR_SEC));
    mr_decap_expire(&decap, 20 * MR_SEC);
    assert_int_equal(lost_count, 0);
    mr_decap_expire(&decap, 40 * MR_SEC);
    assert_int_equal(lost_count, 1);
    assert_true(lost_last.timed_out);
    assert_true(lost_last.has_ports);
    assert_int_equal(lost_last.sport, 88);
    assert_int_equal(lost_last.dport, 1024);
    assert_int_equal(lost_last.octets, 1480 + 1040);
    assert_int_equal(lost_last.total, DATAGRAM);
    assert_int_equal(lost_last.fragments, 2);
    assert_int_equal(lost_last.first_packet, 1);
    assert_int_equal(lost_last.last_packet, 2);
    feed(&decap, fragment(true, 4, 1480, 1480, 3, 50 * MR_SEC));
    mr_decap_end(&decap);
    assert_int_equal(lost_count, 2);
    assert_false(lost_last.timed_out);
    assert_false(lost_last.has_ports);
    assert_int_equal(lost_last.total, 0);
    assert_int_equal(lost_last.family, 6);
    mr_decap_deinit(&decap);
}

static void test_fragments_caps(void **state) {
    mr_decap decap;
    (void)state;
    open_lost(&decap, 4, 0);
    for (uint16_t i = 0; i < 10; i++)
        feed(&decap, fragment(false, i, 0, 1480, i + 1u, 0));
    assert_int_equal(lost_count, 6);
    assert_int_equal(lost_last.id, 5); /* oldest first */
    mr_decap_deinit(&decap);
    open_lost(&decap, 100, 20000);
    for (uint16_t i = 0; i < 50; i++)
        feed(&decap, fragment(false, i, 2960, 1040, i + 1u, 0));
    assert_in_range(lost_count, 44, 49);
    mr_decap_deinit(&decap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_tcp_options),
        cmocka_unit_test(test_ipv6_extensions),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_arp),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_fragments_cut),
        cmocka_unit_test(test_fragments_overlap),
        cmocka_unit_test(test_fragments_lost),
        cmocka_unit_test(test_fragments_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
