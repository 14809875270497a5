/* The taps of names, Kerberos, NTLM, HTTP and TLS on octets made by hand, in whole segments, in
 * segments of one octet, and with octets missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "tap_world.h"

static tap_world w;

static int setup(void **state) {
    (void)state;
    tap_world_init(&w);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tap_world_deinit(&w);
    return 0;
}

static const mr_seen *found(enum mr_seen_kind kind, size_t nth) {
    const mr_seen *seen = tap_world_find(&w, kind, nth);

    assert_non_null(seen);
    return seen;
}

#define SAY(from, text, portion) tap_world_say(&w, from, text, sizeof(text) - 1, portion)

/* ---- names ---- */

/* dc1.lab.test A: 10.88.2.10, with a SOA in the authority */
static const char answer[] =
    "\x12\x34\x85\x80\0\1\0\1\0\1\0\0\3dc1\3lab\4test\0\0\1\0\1"
    "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x0a\x58\2\x0a"
    "\xc0\x10\0\6\0\1\0\0\0\x3c\0\x18\xc0\x0c\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
static const char nxdomain[] =
    "\x12\x35\x81\x83\0\1\0\0\0\0\0\0\2no\3lab\4test\0\0\x1c\0\1";

static void dns_over_udp(void **state) {
    (void)state;
    tap_world_udp(&w, 1, 53, 4000, answer, sizeof answer - 1);
    tap_world_udp(&w, 1, 53, 4000, nxdomain, sizeof nxdomain - 1);
    tap_world_udp(&w, 1, 53, 4000, answer, 40); /* ends in its first record */
    const mr_seen_name *name = &found(MR_SEEN_ANSWER, 0)->u.name;
    assert_string_equal(name->name, "dc1.lab.test");
    assert_int_equal(name->id, 0x1234);
    assert_true(name->authoritative);
    assert_int_equal(name->count, 2);
    assert_int_equal(name->records[0].address.family, 4);
    assert_memory_equal(name->records[0].address.host.octets, "\x0a\x58\2\x0a", 4);
    assert_int_equal(name->records[1].section, MR_SEEN_IN_AUTHORITY);
    assert_string_equal(name->records[1].name, "lab.test");
    name = &found(MR_SEEN_ANSWER, 1)->u.name;
    assert_int_equal(name->rcode, 3);
    assert_int_equal(name->type, MR_DNS_AAAA);
    name = &found(MR_SEEN_ANSWER, 2)->u.name;
    assert_true(name->unread);
    assert_string_equal(name->name, "dc1.lab.test");
    assert_int_equal(name->count, 0);
}

static void dns_over_tcp(void **state) {
    static const size_t portions[] = {1, 7, 1000};
    char both[256];
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 2; i++) { /* two messages, perhaps in one segment */
        size_t n = i ? sizeof nxdomain - 1 : sizeof answer - 1;
        both[len++] = (char)(n >> 8);
        both[len++] = (char)n;
        memcpy(both + len, i ? nxdomain : answer, n);
        len += n;
    }
    for (size_t i = 0; i < MR_COUNT(portions); i++) {
        tap_world_open(&w, (uint16_t)(5000 + i), 53);
        tap_world_say(&w, 1, both, len, portions[i]);
        assert_int_equal(found(MR_SEEN_ANSWER, 2 * i)->u.name.count, 2);
        assert_true(found(MR_SEEN_ANSWER, 2 * i)->u.name.tcp);
        assert_int_equal(found(MR_SEEN_ANSWER, 2 * i + 1)->u.name.rcode, 3);
    }
    assert_null(tap_world_find(&w, MR_SEEN_ANSWER, 6));
}

static void netbios_names(void **state) {
    static const char query[] =
        "\x00\x01\x01\x10\0\1\0\0\0\0\0\0\x20" "EEEDDBCACACACACACACACACACACACACA\0\0\x20\0\1";
    static const char conflict[] =
        "\x00\x02\xad\x86\0\0\0\1\0\0\0\0\x20" "EEEDDBCACACACACACACACACACACACACA\0\0\x20\0\1"
        "\0\0\0\0\0\6\0\0\x0a\x58\2\x0a";
    static const char status[] =
        "\x00\x03\0\0\0\1\0\0\0\0\0\0\x20" "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\1";

    (void)state;
    tap_world_udp(&w, 0, 137, 137, query, sizeof query - 1);
    tap_world_udp(&w, 1, 137, 137, conflict, sizeof conflict - 1);
    tap_world_udp(&w, 0, 137, 137, status, sizeof status - 1);
    const mr_seen_name *name = &found(MR_SEEN_QUESTION, 0)->u.name;
    assert_int_equal(name->service, MR_SEEN_NBNS);
    assert_string_equal(name->name, "DC1");
    assert_int_equal(name->suffix, 0x20);
    assert_true(name->broadcast);
    name = &found(MR_SEEN_ANSWER, 0)->u.name;
    assert_int_equal(name->opcode, 5);
    assert_int_equal(name->rcode, 6); /* somebody else has it */
    assert_int_equal(name->count, 1);
    assert_memory_equal(name->records[0].address.host.octets, "\x0a\x58\2\x0a", 4);
    assert_null(tap_world_find(&w, MR_SEEN_QUESTION, 1));
}

/* ---- IPsec ---- */

#define IKE_SPI "\1\2\3\4\5\6\7\x8"

static void key_exchange(void **state) {
    static const char asked[] = /* IKE_SA_INIT with an SA and a nonce */
        IKE_SPI "\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x2c"
        "\x28\0\0\x08\0\0\0\0" "\0\0\0\x08nonc";
    static const char refused[] =
        IKE_SPI IKE_SPI "\x29\x20\x22\x20\0\0\0\0\0\0\0\x24" "\0\0\0\x08\0\0\0\x0e";
    static const char other_group[] = /* INVALID_KE_PAYLOAD is a step */
        IKE_SPI IKE_SPI "\x29\x20\x22\x20\0\0\0\0\0\0\0\x26" "\0\0\0\x0a\0\0\0\x11\0\x13";
    static const char sealed[] =
        IKE_SPI IKE_SPI "\x2e\x20\x23\x08\0\0\0\1\0\0\0\x24" "\0\0\0\x08" "abcd";
    static const char old[] = /* main mode: an SA chosen */
        IKE_SPI IKE_SPI "\1\x10\2\0\0\0\0\0\0\0\0\x24" "\0\0\0\x08\0\0\0\1";
    static const char lies[] =
        IKE_SPI IKE_SPI "\x29\x20\x22\x20\0\0\0\0\0\0\0\x24" "\x29\0\xff\xff\0\0\0\x0e";
    char behind[sizeof refused + 4] = {0};

    (void)state;
    tap_world_udp(&w, 0, 500, 500, asked, sizeof asked - 1);
    tap_world_udp(&w, 1, 500, 500, refused, sizeof refused - 1);
    tap_world_udp(&w, 1, 500, 500, other_group, sizeof other_group - 1);
    tap_world_udp(&w, 0, 500, 500, sealed, sizeof sealed - 1);
    tap_world_udp(&w, 1, 500, 500, old, sizeof old - 1);
    memcpy(behind + 4, refused, sizeof refused - 1);
    tap_world_udp(&w, 1, 4500, 4500, behind, sizeof refused + 3);
    tap_world_udp(&w, 1, 500, 500, lies, sizeof lies - 1);
    const mr_seen_ike *ike = &found(MR_SEEN_IKE, 0)->u.ike;
    assert_int_equal(ike->version, 2);
    assert_int_equal(ike->exchange, 34);
    assert_false(ike->answer || ike->agreed || ike->sealed || ike->error);
    ike = &found(MR_SEEN_IKE, 1)->u.ike;
    assert_true(ike->answer);
    assert_int_equal(ike->error, 14);
    assert_int_equal(found(MR_SEEN_IKE, 2)->u.ike.error, 0);
    assert_true(found(MR_SEEN_IKE, 3)->u.ike.sealed);
    assert_int_equal(found(MR_SEEN_IKE, 4)->u.ike.version, 1);
    assert_true(found(MR_SEEN_IKE, 4)->u.ike.agreed);
    assert_int_equal(found(MR_SEEN_IKE, 5)->u.ike.error, 14);
    assert_int_equal(found(MR_SEEN_IKE, 6)->u.ike.error, 0);
    assert_null(tap_world_find(&w, MR_SEEN_IKE, 7));
}

/* Protected packets are told twice; four of one length with growing pauses are one sent again. */
static void protected_packets(void **state) {
    static const char packet[40] = "\0\0\1\0";

    (void)state;
    for (int i = 0; i < 6; i++) {
        tap_world_udp(&w, 0, 4500, 4500, packet, 40);
        w.now += (mr_nsec)(1 << i) * MR_SEC;
        tap_world_udp(&w, 1, 4500, 4500, packet, 40 - (size_t)i);
    }
    assert_int_equal(found(MR_SEEN_ESP, 0)->u.esp.count, 1);
    assert_int_equal(found(MR_SEEN_ESP, 2)->u.esp.count, 4);
    assert_true(found(MR_SEEN_ESP, 2)->u.esp.repeats);
    assert_int_equal(found(MR_SEEN_ESP, 3)->u.esp.count, 4);
    assert_false(found(MR_SEEN_ESP, 3)->u.esp.repeats);
    assert_null(tap_world_find(&w, MR_SEEN_ESP, 4));
}

/* ---- Kerberos ---- */

static void kerberos(void **state) {
    uint8_t room[512] = {0};
    mr_buf request;

    (void)state;
    mr_buf_init(&request, room, sizeof room, sizeof room);
    mr_buf_write_zero(&request, 4);
    assert_int_equal(mr_krb_encode_as_req("alice", "LAB.TEST", 7, &request), 0);
    room[2] = (uint8_t)((request.len - 4) >> 8);
    room[3] = (uint8_t)(request.len - 4);
    tap_world_udp(&w, 0, 4000, 88, room + 4, request.len - 4);
    tap_world_open(&w, 4001, 88);
    tap_world_say(&w, 0, room, request.len, 1);
    for (size_t i = 0; i < 2; i++) {
        const mr_seen *seen = found(MR_SEEN_KERBEROS, i);
        assert_int_equal(seen->via, i == 0 ? MR_SEEN_UDP : MR_SEEN_TCP);
        assert_int_equal(seen->u.krb.kind, MR_SEEN_AS_REQ);
        assert_string_equal(seen->u.krb.client, "alice");
        assert_string_equal(seen->u.krb.server, "krbtgt/LAB.TEST");
        assert_string_equal(seen->u.krb.realm, "LAB.TEST");
        assert_int_equal(seen->u.krb.size, request.len - 4);
        assert_false(seen->u.krb.preauth);
        assert_int_equal(seen->u.krb.etypes[0], 18);
    }
    assert_null(tap_world_find(&w, MR_SEEN_KERBEROS, 2));
}

/* ---- HTTP ---- */

static void http_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        tap_world_open(&w, (uint16_t)(6000 + i), 80);
        SAY(0, "RPC_OUT_DATA /rpc/rpcproxy.dll?ex1:6001 HTTP/1.1\r\nHost: ex1\r\n"
               "User-Agent: MSRPC\r\nContent-Length: 0\r\n\r\n", i ? 1 : 999);
        SAY(1, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 4\r\n\r\n"
               "oops", i ? 1 : 999);
        SAY(0, "RPC_OUT_DATA /rpc/rpcproxy.dll?ex1:6001 HTTP/1.1\r\nAuthorization: NTLM "
               "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==\r\n"
               "Content-Length: 0\r\n\r\n", i ? 1 : 999);
        SAY(1, "HTTP/1.1 503 RPC Error: 6ba\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3;x\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", i ? 1 : 999);
        SAY(0, "GET / HTTP/1.0\r\n\r\n", i ? 1 : 999);
        const mr_seen_http *first = &found(MR_SEEN_HTTP, 2 * i)->u.http;
        assert_string_equal(first->method, "RPC_OUT_DATA");
        assert_string_equal(first->agent, "MSRPC");
        assert_int_equal(first->status, 401);
        assert_true(first->challenge && !first->credentials && first->rpc_out);
        const mr_seen_http *second = &found(MR_SEEN_HTTP, 2 * i + 1)->u.http;
        assert_int_equal(second->status, 503);
        assert_int_equal(second->rpc_error, 0x6ba);
        assert_true(second->credentials && !second->challenge);
        assert_int_equal(found(MR_SEEN_NTLM, i)->u.ntlm.type, 1);
    }
    tap_world_end(&w);
    assert_int_equal(found(MR_SEEN_HTTP, 4)->u.http.status, 0); /* GET: no answer came */
    assert_int_equal(found(MR_SEEN_END, 0)->u.end.service, MR_SEEN_IS_HTTP);
}

/* An answer whose head has a hole: the next one is read. */
static void http_gap(void **state) {
    (void)state;
    tap_world_open(&w, 6000, 80);
    SAY(0, "GET /a HTTP/1.1\r\n\r\n", 999);
    SAY(1, "HTTP/1.1 200 OK\r\nContent-Le", 999);
    w.seq[1] += 100;
    SAY(1, "rest of a body", 999);
    SAY(0, "GET /b HTTP/1.1\r\n\r\n", 999);
    SAY(1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 999);
    tap_world_end(&w);
    assert_non_null(tap_world_find(&w, MR_SEEN_GAP, 0));
    assert_int_equal(found(MR_SEEN_HTTP, 0)->u.http.status, 404);
}

static const uint8_t bind[] = {
    5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, 0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0,
    1, 0, 0, 0, 0, 0, 1, 0, 8, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 8, 0,
    0x2b, 0x14, 0xa0, 0xfa, 3, 0, 0, 0, 4, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
    8, 0, 0x2b, 0x10, 0x48, 0x60, 2, 0, 0, 0,
};
static const uint8_t nak[] = {5, 0, 13, 3, 0x10, 0, 0, 0, 21, 0, 0, 0, 1, 0, 0, 0, 4, 0, 1, 5, 0};

static size_t conn(uint8_t *room, size_t size, bool in) {
    const mr_pdu_header header = {.flags = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG};
    const mr_uuid cookie = {.time_low = 0x11223344};
    const uint32_t types[] = {MR_RTS_VERSION, MR_RTS_COOKIE, MR_RTS_COOKIE,
                              in ? MR_RTS_CHANNEL_LIFETIME : MR_RTS_RECEIVE_WINDOW_SIZE,
                              MR_RTS_CLIENT_KEEPALIVE, MR_RTS_ASSOCIATION_GROUP_ID};
    mr_buf buf;

    mr_buf_init(&buf, room, size, size);
    assert_int_equal(mr_pdu_encode_rts(&buf, &header, &(mr_pdu_rts){.flags = 0}), 0);
    for (size_t i = 0; i < (in ? 6 : 4); i++)
        assert_int_equal(mr_rts_add_command(&buf, 0, &(mr_rts_command){
            .type = types[i], .value = 1, .cookie = cookie}), 0);
    return buf.len;
}

/* Two connections are one association: the bind in one is answered in the other. */
static void rpc_over_http(void **state) {
    uint8_t room[256];
    uint32_t in_seq[2];

    (void)state;
    tap_world_open(&w, 7000, 80);
    SAY(0, "RPC_IN_DATA /rpc/rpcproxy.dll?ex1:6001 HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n",
        999);
    tap_world_say(&w, 0, room, conn(room, sizeof room, true), 999);
    memcpy(in_seq, w.seq, sizeof in_seq);
    tap_world_open(&w, 7001, 80);
    size_t len = conn(room, sizeof room, false);
    SAY(0, "RPC_OUT_DATA /rpc/rpcproxy.dll?ex1:6001 HTTP/1.1\r\nContent-Length: 76\r\n\r\n", 999);
    assert_int_equal(len, 76);
    tap_world_say(&w, 0, room, len, 1);
    SAY(1, "HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\n"
           "Content-Length: 1073741824\r\n\r\n", 999);
    w.cport = 7000;
    for (int i = 0; i < 2; i++) {
        uint32_t seq = w.seq[i];
        w.seq[i] = in_seq[i];
        in_seq[i] = seq;
    }
    tap_world_say(&w, 0, bind, sizeof bind, 10);
    w.cport = 7001;
    memcpy(w.seq, in_seq, sizeof in_seq);
    tap_world_say(&w, 1, nak, sizeof nak, 1);
    assert_int_equal(found(MR_SEEN_RTS, 0)->u.rts.conn, 2);
    assert_true(found(MR_SEEN_RTS, 0)->u.rts.in);
    assert_int_equal(found(MR_SEEN_RTS, 1)->u.rts.conn, 1);
    const mr_seen *seen = found(MR_SEEN_NAK, 0);
    assert_int_equal(seen->via, MR_SEEN_HTTP_RPC);
    assert_int_equal(seen->flow, found(MR_SEEN_BIND, 0)->flow);
    assert_int_equal(seen->u.nak.interface.time_low, 0xe1af8308);
    tap_world_end(&w);
    assert_null(tap_world_find(&w, MR_SEEN_HTTP, 1)); /* only OUT was answered */
    assert_int_equal(found(MR_SEEN_END, 1)->via, MR_SEEN_HTTP_RPC);
}

/* With several workers one of them has both connections; those of other services are spread. */
static void channels_share_a_shard(void **state) {
    const uint64_t key[2] = {1, 2};
    const mr_host a = {{10, 0, 0, 1}}, b = {{10, 0, 0, 2}};
    uint32_t http = mr_flow_shard(key, 4, &a, 5000, &b, 80);
    bool spread = false;

    (void)state;
    for (uint16_t port = 5001; port < 5100; port++) {
        assert_int_equal(mr_flow_shard(key, 4, &a, port, &b, 80), http);
        assert_int_equal(mr_flow_shard(key, 4, &b, 80, &a, port), http);
        spread |= mr_flow_shard(key, 4, &a, port, &b, 135) !=
                  mr_flow_shard(key, 4, &a, 5000, &b, 135);
    }
    assert_true(spread);
}

static void port_593(void **state) {
    (void)state;
    tap_world_open(&w, 7100, 593);
    SAY(1, "ncacn_http/1.0", 1);
    tap_world_say(&w, 0, bind, sizeof bind, 30);
    tap_world_say(&w, 1, nak, sizeof nak, 30);
    assert_int_equal(found(MR_SEEN_NAK, 0)->via, MR_SEEN_HTTP_RPC);
    assert_null(tap_world_find(&w, MR_SEEN_HTTP, 0));
    tap_world_open(&w, 7101, 593);
    SAY(1, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 999);
    tap_world_end(&w);
    assert_true(found(MR_SEEN_HTTP, 0)->u.http.banner_missing);
}

/* ---- TLS ---- */

static void tls(void **state) {
    static const uint8_t random[32] = {1};
    uint8_t room[512];
    mr_buf hello;

    (void)state;
    mr_buf_init(&hello, room, sizeof room, sizeof room);
    assert_int_equal(mr_tls_encode_client_hello(random, "dc1.lab.test", &hello), 0);
    for (size_t i = 0; i < 2; i++) {
        tap_world_open(&w, (uint16_t)(8000 + i), 443);
        tap_world_say(&w, 0, hello.data, hello.len, i ? 1 : 999);
        SAY(1, "\x15\3\3\0\2\2\x46", i ? 1 : 999);
        assert_string_equal(found(MR_SEEN_TLS, 2 * i)->u.tls.sni, "dc1.lab.test");
        const mr_seen_tls *alert = &found(MR_SEEN_TLS, 2 * i + 1)->u.tls;
        assert_int_equal(alert->kind, MR_SEEN_TLS_ALERT);
        assert_int_equal(alert->alert, 70); /* protocol_version */
        assert_true(alert->from_server);
    }
    assert_int_equal(w.totals.tls_alerts, 2);
    SAY(1, "\x17\3\3\0\1x\x15\3\3\0\2\2\0", 999); /* behind data nothing is read */
    assert_null(tap_world_find(&w, MR_SEEN_TLS, 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dns_over_udp, setup, teardown),
        cmocka_unit_test_setup_teardown(dns_over_tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(netbios_names, setup, teardown),
        cmocka_unit_test_setup_teardown(key_exchange, setup, teardown),
        cmocka_unit_test_setup_teardown(protected_packets, setup, teardown),
        cmocka_unit_test_setup_teardown(kerberos, setup, teardown),
        cmocka_unit_test_setup_teardown(http_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(http_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(rpc_over_http, setup, teardown),
        cmocka_unit_test(channels_share_a_shard),
        cmocka_unit_test_setup_teardown(port_593, setup, teardown),
        cmocka_unit_test_setup_teardown(tls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
