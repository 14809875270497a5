/*
 * The DNS codec: the example of RFC 1035 4.1.4 style compression, every record type it knows,
 * truncation at every octet, and names that cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/dns.h>

/* A response about dc.x: CNAME to "a.b" (label with a dot), A, SRV, SOA, OPT with rcode 16. */
static const uint8_t reply[] = {
    0x12, 0x34, 0x85, 0x80, 0, 1, 0, 3, 0, 1, 0, 1,
    2, 'd', 'c', 1, 'x', 0, 0, 1, 0, 1,                                       /* 12: question */
    0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 0, 0, 6, 3, 'a', '.', 'b', 0xc0, 15,       /* CNAME, ttl 256 */
    0xc0, 34, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 9,                      /* A */
    0, 0, 33, 0, 1, 0, 0, 0, 5, 0, 9, 0, 1, 0, 2, 0, 88, 0xc0, 15, 0,        /* SRV, one too long */
};

static size_t build(uint8_t out[256], bool spoil) {
    static const uint8_t soa[] = {0xc0, 15, 0, 6, 0, 1, 0, 0, 0, 9, 0, 24, 0xc0, 12, 0xc0, 15,
                                  0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0};
    size_t len = sizeof reply;

    memcpy(out, reply, len);
    if (!spoil) { /* the length says what is there */
        len--;
        out[len - 9] = 8;
    }
    memcpy(out + len, soa, sizeof soa);
    len += sizeof soa;
    memcpy(out + len, opt, sizeof opt);
    return len + sizeof opt;
}

static void test_reply(void **state) {
    uint8_t octets[256];
    size_t len = build(octets, false);
    mr_arena arena;
    mr_dns_message m;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, len), &arena, &m, &err), 0);
    assert_int_equal(m.id, 0x1234);
    assert_true(m.response && m.authoritative && m.recursion_desired && m.recursion_available);
    assert_false(m.truncated);
    assert_int_equal(m.rcode, 16); /* the OPT record's upper bits */
    assert_string_equal(m.question, "dc.x");
    assert_int_equal(m.answer_count, 3);
    assert_string_equal(m.answers[0].name, "dc.x");
    assert_int_equal(m.answers[0].ttl, 256);
    assert_string_equal(m.answers[0].u.target, "a\\.b.x");
    assert_string_equal(m.answers[1].name, "a\\.b.x");
    assert_memory_equal(m.answers[1].u.ipv4, ((uint8_t[]){10, 0, 0, 9}), 4);
    assert_string_equal(m.answers[2].name, ".");
    assert_int_equal(m.answers[2].u.srv.port, 88);
    assert_int_equal(m.answers[2].u.srv.weight, 2);
    assert_string_equal(m.answers[2].u.srv.target, "x");
    assert_int_equal(m.authority_count, 1);
    assert_string_equal(m.authority[0].u.soa.primary, "dc.x");
    assert_int_equal(m.authority[0].u.soa.minimum, 5);
    mr_arena_deinit(&arena);
}

static void test_cut_everywhere(void **state) {
    uint8_t octets[256];
    size_t len = build(octets, false);
    mr_arena arena;
    mr_dns_message m;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    for (size_t n = 0; n < len; n++) {
        int r = mr_dns_decode(mr_slice_of(octets, n), &arena, &m, &err);
        assert_true(r == MR_ERR_TRUNCATED);
        assert_true(err.offset <= n);
        mr_arena_reset(&arena);
    }
    /* with TC set, what is whole is kept */
    octets[2] |= 0x02;
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, 50), &arena, &m, &err), 0);
    assert_true(m.truncated);
    assert_int_equal(m.answer_count, 1);
    assert_int_equal(m.authority_count, 0);
    mr_arena_deinit(&arena);
}

static void test_malformed(void **state) {
    uint8_t octets[256];
    size_t len = build(octets, true);
    mr_arena arena;
    mr_dns_message m;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, len), &arena, &m, &err), MR_ERR_MALFORMED);
    len = build(octets, false);
    octets[23] = 22; /* a pointer to itself */
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, len), &arena, &m, &err), MR_ERR_MALFORMED);
    assert_int_equal(err.offset, 22);
    len = build(octets, false);
    octets[12] = 0x42; /* a label type that nobody uses */
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, len), &arena, &m, &err), MR_ERR_MALFORMED);
    len = build(octets, false);
    octets[6] = octets[7] = 0xff; /* a count that cannot be */
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, len), &arena, &m, &err), MR_ERR_TRUNCATED);
    len = build(octets, false);
    mr_arena_deinit(&arena);
    mr_arena_init(&arena, 64); /* no room */
    assert_int_equal(mr_dns_decode(mr_slice_of(octets, len), &arena, &m, &err), MR_ERR_MEMORY);
    mr_arena_deinit(&arena);
}

static int encode(const char *name, mr_buf *buf, uint8_t room[300]) {
    mr_buf_init(buf, room, 300, 300);
    return mr_dns_encode_query(1, name, MR_DNS_A, true, buf);
}

static void test_query_names(void **state) {
    char long_name[300], label[70];
    uint8_t room[300];
    mr_buf buf;
    mr_arena arena;
    mr_dns_message m;
    static const char *const same[] = {"dc01.corp.example", "a\\.b.x", "\\001\\255.z", ".", "x"};
    static const char *const bad[] = {"", "a..b", ".a", "..", "a\\", "a\\25", "a\\999"};

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < MR_COUNT(same); i++) {
        assert_int_equal(encode(same[i], &buf, room), 0);
        assert_int_equal(mr_dns_decode(mr_buf_slice(&buf), &arena, &m, NULL), 0);
        assert_string_equal(m.question, same[i]);
        assert_true(m.recursion_desired);
        assert_false(m.response);
    }
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(encode(bad[i], &buf, room), MR_ERR_SYNTAX);
    memset(label, 'a', sizeof label);
    label[63] = '\0';
    assert_int_equal(encode(label, &buf, room), 0);
    label[63] = 'a';
    label[64] = '\0';
    assert_int_equal(encode(label, &buf, room), MR_ERR_SYNTAX);
    for (size_t i = 0; i < 254; i++) /* 127 labels of one octet: 255 octets, the longest name */
        long_name[i] = i % 2 ? '.' : 'a';
    long_name[254] = '\0';
    assert_int_equal(encode(long_name, &buf, room), 0);
    assert_int_equal(mr_dns_decode(mr_buf_slice(&buf), &arena, &m, NULL), 0);
    assert_true(mr_dns_same_name(m.question, long_name));
    long_name[254] = 'a';
    long_name[255] = '\0';
    assert_int_equal(encode(long_name, &buf, room), MR_ERR_SYNTAX);
    mr_arena_deinit(&arena);
}

static void test_words(void **state) {
    char name[MR_DNS_NAME_TEXT], text[16];
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x1f};

    (void)state;
    assert_string_equal(mr_dns_reverse_name(mr_slice_of("\x0a\x00\x00\x09", 4), name),
                        "9.0.0.10.in-addr.arpa");
    assert_string_equal(mr_dns_reverse_name(mr_slice_of(v6, 16), name),
                        "f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    assert_true(mr_dns_same_name("DC.x.", "dc.X"));
    assert_false(mr_dns_same_name("dc.x", "dc.xy"));
    assert_string_equal(mr_dns_type_name(MR_DNS_SRV, text), "SRV");
    assert_string_equal(mr_dns_type_name(65, text), "TYPE65");
    assert_string_equal(mr_dns_rcode_name(5, text), "REFUSED");
    assert_string_equal(mr_dns_rcode_name(23, text), "RCODE23");
    uint16_t type = 0;
    assert_int_equal(mr_dns_type_decode(MR_SLICE_LIT("aaaa"), &type), 0);
    assert_int_equal(type, MR_DNS_AAAA);
    assert_int_equal(mr_dns_type_decode(MR_SLICE_LIT("Type65535"), &type), 0);
    assert_int_equal(type, 65535);
    assert_int_equal(mr_dns_type_decode(MR_SLICE_LIT("TYPE65536"), &type), MR_ERR_SYNTAX);
    assert_int_equal(mr_dns_type_decode(MR_SLICE_LIT("TYPE"), &type), MR_ERR_SYNTAX);
    assert_int_equal(mr_dns_type_decode(MR_SLICE_LIT("AAAAA"), &type), MR_ERR_SYNTAX);
    assert_int_equal(type, 65535);
}

/* RFC 2136 2: one zone, and in the second form a prerequisite and a removal of the same name. */
static void test_update(void **state) {
    static const uint8_t empty[] = {0x12, 0x34, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'l', 'a', 'b',
                                    4, 't', 'e', 's', 't', 0, 0, 6, 0, 1};
    static const uint8_t removal[] = {1, 'x', 0, 0, 255, 0, 254, 0, 0, 0, 0, 0, 0,
                                      1, 'x', 0, 0, 16, 0, 255, 0, 0, 0, 0, 0, 0};
    uint8_t room[128];
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_dns_encode_update_test(0x1234, "lab.test", NULL, &buf), 0);
    assert_int_equal(buf.len, sizeof empty);
    assert_memory_equal(buf.data, empty, sizeof empty);
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_dns_encode_update_test(0x1234, "lab.test", "x", &buf), 0);
    assert_int_equal(buf.len, sizeof empty + sizeof removal);
    assert_memory_equal(buf.data + 6, "\0\1\0\1\0\0", 6);
    assert_memory_equal(buf.data + sizeof empty, removal, sizeof removal);
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_dns_encode_update_test(1, "lab..test", NULL, &buf), MR_ERR_SYNTAX);
    assert_int_equal(mr_dns_encode_update_test(1, "lab.test", "", &buf), MR_ERR_SYNTAX);
}

static void test_order(void **state) {
    static const mr_dns_rank ranks[] = {{10, 0}, {0, 60}, {0, 40}, {0, 0}, {5, 1}};
    size_t order[5];

    (void)state;
    /* no luck: the weightless one leads, then the first that carries weight */
    mr_dns_order(ranks, 5, (const uint32_t[5]){0}, order);
    assert_memory_equal(order, ((const size_t[]){3, 1, 2, 4, 0}), sizeof order);
    /* 61 of 0..100 lies beyond the first 60 */
    mr_dns_order(ranks, 5, (const uint32_t[5]){61, 1}, order);
    assert_memory_equal(order, ((const size_t[]){2, 1, 3, 4, 0}), sizeof order);
    unsigned first = 0;
    for (uint32_t r = 0; r < 101; r++) {
        mr_dns_order(ranks, 5, (const uint32_t[5]){r, r, r, r, r}, order);
        first += order[0] == 1;
        assert_int_equal(order[3], 4);
        assert_int_equal(order[4], 0);
    }
    assert_int_equal(first, 60);
    mr_dns_order(ranks, 0, NULL, order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_query_names),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
