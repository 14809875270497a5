/* Kerberos requests of a stranger, held against the DER that the standard wants, and the errors a
 * Samba KDC and password server answered them with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/ber.h>
#include <msrpc/wire/krb.h>

#include "sample.h"

static void test_as_req(void **state) {
    static const char want[] =
        "\x6a\x6e\x30\x6c\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4\x60\x30\x5e"
        "\xa0\x07\x03\x05\x00\x00\x00\x00\x00"
        "\xa1\x0e\x30\x0c\xa0\x03\x02\x01\x01\xa1\x05\x30\x03\x1b\x01u"
        "\xa2\x03\x1b\x01R"
        "\xa3\x16\x30\x14\xa0\x03\x02\x01\x02\xa1\x0d\x30\x0b\x1b\x06krbtgt\x1b\x01R"
        "\xa5\x11\x18\x0f""20370913024805Z"
        "\xa7\x06\x02\x04\x12\x34\x56\x78"
        "\xa8\x0b\x30\x09\x02\x01\x12\x02\x01\x11\x02\x01\x17";
    uint8_t room[512];
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_krb_encode_as_req("u", "R", 0x92345678u, &buf), 0);
    assert_int_equal(buf.len, sizeof want - 1);
    assert_memory_equal(buf.data, want, buf.len);
    mr_buf_init(&buf, room, 40, 40);
    assert_int_equal(mr_krb_encode_as_req("u", "R", 1, &buf), MR_ERR_LIMIT);
}

static void test_kpasswd_question(void **state) {
    uint8_t room[1024];
    mr_kpasswd_reply parts;
    size_t size;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_krb_encode_kpasswd_probe("LAB.TEST", &buf), 0);
    /* a request has the frame of a reply */
    assert_int_equal(mr_kpasswd_decode(mr_buf_slice(&buf), &parts, NULL), 0);
    assert_int_equal(parts.version, 0xff80);
    assert_int_equal(mr_krb_get_type(parts.ap_rep), 14);
    assert_int_equal(mr_krb_get_type(parts.body), 21);
    assert_int_equal(mr_ber_get_size(parts.ap_rep, &size), 0);
    assert_int_equal(size, parts.ap_rep.len);
    assert_int_equal(mr_ber_get_size(parts.body, &size), 0);
    assert_int_equal(size, parts.body.len);
}

static void test_error(void **state) {
    mr_slice s = sample_get("krb/unknown");
    mr_krb_error e;

    (void)state;
    assert_int_equal(mr_krb_get_type(s), MR_KRB_ERROR);
    assert_int_equal(mr_krb_error_decode(s, &e, NULL), 0);
    assert_int_equal(e.code, 6); /* KDC_ERR_C_PRINCIPAL_UNKNOWN */
    assert_true(mr_slice_eq(e.realm, MR_SLICE_LIT("LAB.TEST")));
    assert_true(mr_slice_eq(e.client_realm, MR_SLICE_LIT("LAB.TEST")));
    assert_int_equal(e.server_time, 1795345323); /* 2026-11-22T11:02:03Z */
    assert_true(e.server_usec < 1000000);
    for (size_t n = 0; n < s.len; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_int_equal(mr_krb_error_decode(cut, &e, NULL), MR_ERR_MALFORMED);
        sample_free(cut);
    }
    sample_free(s);
}

/* Of an error that is cut the code is there as soon as its octets are, names when whole. */
static void test_error_cut(void **state) {
    mr_slice s = sample_get("krb/unknown");
    size_t coded = 0, named = 0;

    (void)state;
    for (size_t n = 0; n <= s.len; n++) {
        mr_slice cut = sample_cut(s, n);
        mr_krb_error e = {0};
        int rc = mr_krb_error_peek(cut, &e);
        assert_true(rc == 0 || (rc == MR_ERR_MALFORMED && !coded));
        assert_int_equal(e.code, rc == 0 ? 6 : 0);
        coded = rc == 0 && !coded ? n : coded;
        named = e.server.count && !named ? n : named;
        sample_free(cut);
    }
    assert_true(coded && coded < 80 && named > coded && named <= s.len);
    sample_free(s);
}

/* Dates on both sides of a leap day and of the epoch. */
static void test_times(void **state) {
    static const struct {
        const char *text;
        int64_t want;
    } times[] = {
        {"19700101000000Z", 0},          {"19691231235959Z", -1},
        {"20000229120000Z", 951825600},  {"20000301000000Z", 951868800},
        {"21000301000000Z", 4107542400}, {"20261122110203Z", 1795345323},
    };
    uint8_t room[64];
    mr_krb_error e;
    mr_buf buf;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(times); i++) {
        mr_buf_init(&buf, room, sizeof room, sizeof room);
        mr_buf_write(&buf, MR_SLICE_LIT("\x7e\x1a\x30\x18\xa4\x11\x18\x0f"));
        mr_buf_write_str(&buf, times[i].text);
        mr_buf_write(&buf, MR_SLICE_LIT("\xa6\x03\x02\x01\x3c"));
        assert_int_equal(mr_krb_error_decode(mr_buf_slice(&buf), &e, NULL), 0);
        assert_int_equal(e.server_time, times[i].want);
    }
    memcpy(room + 8, "2026XX", 6);
    assert_int_equal(mr_krb_error_decode(mr_slice_of(room, buf.len), &e, NULL), MR_ERR_MALFORMED);
    memcpy(room + 8, "20261322", 8); /* a thirteenth month */
    assert_int_equal(mr_krb_error_decode(mr_slice_of(room, buf.len), &e, NULL), MR_ERR_MALFORMED);
}

static void test_kpasswd_answer(void **state) {
    mr_slice s = sample_get("krb/kpasswd");
    mr_kpasswd_reply reply;
    mr_krb_error e;

    (void)state;
    assert_int_equal(mr_kpasswd_decode(s, &reply, NULL), 0);
    assert_int_equal(reply.version, 1);
    assert_int_equal(reply.ap_rep.len, 0);
    assert_int_equal(mr_krb_error_decode(reply.body, &e, NULL), 0);
    assert_true(mr_slice_eq(e.realm, MR_SLICE_LIT("LAB.TEST")));
    assert_memory_equal(e.data.data, "\0\2", 2); /* hard error */
    for (size_t n = 0; n < s.len; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_true(mr_kpasswd_decode(cut, &reply, NULL) < 0);
        sample_free(cut);
    }
    assert_int_equal(mr_kpasswd_decode(MR_SLICE_LIT("\0\5\0\1\0\0"), &reply, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_kpasswd_decode(MR_SLICE_LIT("\0\6\0\1\0\1"), &reply, NULL),
                     MR_ERR_MALFORMED);
    sample_free(s);
}

static void test_request(void **state) {
    uint8_t room[512];
    mr_krb_request q;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_krb_encode_as_req("ada", "LAB.TEST", 0x12345678u, &buf), 0);
    assert_int_equal(mr_krb_request_decode(mr_buf_slice(&buf), &q, NULL), 0);
    assert_int_equal(q.type, MR_KRB_AS_REQ);
    assert_int_equal(q.client.count, 1);
    assert_true(mr_slice_eq(q.client.parts[0], MR_SLICE_LIT("ada")));
    assert_true(mr_slice_eq(q.realm, MR_SLICE_LIT("LAB.TEST")));
    assert_true(mr_slice_eq(q.server.parts[0], MR_SLICE_LIT("krbtgt")));
    assert_int_equal(q.nonce, 0x12345678u);
    assert_int_equal(q.etype_count, 3);
    assert_int_equal(q.etypes[2], 23);
    assert_int_equal(q.padata_count, 0);
    assert_true(q.till > 2136422884);
    for (size_t n = 0; n < buf.len; n++)
        assert_true(mr_krb_request_decode(mr_slice_sub(mr_buf_slice(&buf), 0, n), &q, NULL) < 0);
}

static void test_reply(void **state) {
    /* crealm R, cname u, a ticket of R for a/b of etype 18 kvno 3, sealed with 17 */
    static const char bytes[] =
        "\x6d\x58\x30\x56\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0d\xa3\x03\x1b\x01R"
        "\xa4\x0e\x30\x0c\xa0\x03\x02\x01\x01\xa1\x05\x30\x03\x1b\x01u"
        "\xa5\x2c\x61\x2a\x30\x28\xa0\x03\x02\x01\x05\xa1\x03\x1b\x01R"
        "\xa2\x11\x30\x0f\xa0\x03\x02\x01\x02\xa1\x08\x30\x06\x1b\x01""a\x1b\x01""b"
        "\xa3\x09\x30\x07\xa0\x03\x02\x01\x12\xa1\x00"
        "\xa6\x07\x30\x05\xa0\x03\x02\x01\x11";
    uint8_t copy[sizeof bytes - 1];
    mr_krb_reply a;

    (void)state;
    memcpy(copy, bytes, sizeof copy);
    /* an empty key version is no number */
    assert_int_equal(mr_krb_reply_decode(mr_slice_of(copy, sizeof copy), &a, NULL),
                     MR_ERR_MALFORMED);
    copy[sizeof copy - 11] = 0xa7; /* a field that nobody knows is stepped over */
    assert_int_equal(mr_krb_reply_decode(mr_slice_of(copy, sizeof copy), &a, NULL), 0);
    assert_int_equal(a.type, MR_KRB_TGS_REP);
    assert_true(mr_slice_eq(a.client_realm, MR_SLICE_LIT("R")));
    assert_true(mr_slice_eq(a.client.parts[0], MR_SLICE_LIT("u")));
    assert_int_equal(a.ticket.server.count, 2);
    assert_true(mr_slice_eq(a.ticket.server.parts[1], MR_SLICE_LIT("b")));
    assert_int_equal(a.ticket.etype, 18);
    assert_int_equal(a.etype, 17);
}

static void test_error_data(void **state) {
    mr_krb_error_data d;

    (void)state;
    /* METHOD-DATA: etype-info2 {18, salt "LABada"} {23}, and an encrypted time stamp */
    mr_krb_error_data_decode(
        MR_SLICE_LIT("\x30\x2b\x30\x1e\xa1\x03\x02\x01\x13\xa2\x17\x04\x15\x30\x13"
                     "\x30\x0a\xa0\x03\x02\x01\x12\xa1\x03\x1b\x01S"
                     "\x30\x05\xa0\x03\x02\x01\x17"
                     "\x30\x09\xa1\x03\x02\x01\x02\xa2\x02\x04\x00"), &d);
    assert_int_equal(d.padata_count, 2);
    assert_int_equal(d.padata[0], 19);
    assert_int_equal(d.padata[1], 2);
    assert_int_equal(d.etype_count, 2);
    assert_int_equal(d.etypes[0], 18);
    assert_int_equal(d.etypes[1], 23);
    assert_true(mr_slice_eq(d.salt, MR_SLICE_LIT("S")));
    assert_false(d.has_status);
    /* KERB-ERROR-DATA with STATUS_ACCOUNT_LOCKED_OUT */
    mr_krb_error_data_decode(
        MR_SLICE_LIT("\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x34\x02\x00\xc0"
                     "\x00\x00\x00\x00\x01\x00\x00\x00"), &d);
    assert_true(d.has_status);
    assert_int_equal(d.status, 0xc0000234u);
    assert_int_equal(d.padata_count, 0);
    mr_krb_error_data_decode(MR_SLICE_LIT("text"), &d);
    assert_false(d.has_status);
}

/* What is kept of lists that are longer: their beginning. */
static void test_longest_lists(void **state) {
    mr_krb_error_data d;
    mr_buf info, all;

    (void)state;
    for (int count = MR_KRB_LIST - 1; count <= MR_KRB_LIST + 1; count++) {
        mr_buf_init(&info, NULL, 0, 4096);
        size_t list = mr_ber_open(&info, MR_BER_SEQUENCE);
        for (int i = 0; i < count; i++) {
            size_t entry = mr_ber_open(&info, MR_BER_SEQUENCE);
            size_t field = mr_ber_open(&info, MR_BER_CONTEXT(0));
            mr_ber_write_int(&info, MR_BER_INTEGER, 100 + i);
            mr_ber_close(&info, field);
            mr_ber_close(&info, entry);
        }
        mr_ber_close(&info, list);
        mr_buf_init(&all, NULL, 0, 16384);
        list = mr_ber_open(&all, MR_BER_SEQUENCE);
        for (int i = 0; i < count; i++) {
            size_t one = mr_ber_open(&all, MR_BER_SEQUENCE);
            size_t field = mr_ber_open(&all, MR_BER_CONTEXT(1));
            mr_ber_write_int(&all, MR_BER_INTEGER, i == 0 ? 19 : 1000 + i);
            mr_ber_close(&all, field);
            field = mr_ber_open(&all, MR_BER_CONTEXT(2));
            mr_ber_write(&all, MR_BER_OCTET_STRING, i == 0 ? mr_buf_slice(&info) : MR_SLICE_NULL);
            mr_ber_close(&all, field);
            mr_ber_close(&all, one);
        }
        mr_ber_close(&all, list);
        mr_krb_error_data_decode(mr_buf_slice(&all), &d);
        int kept = count < MR_KRB_LIST ? count : MR_KRB_LIST;
        assert_int_equal(d.padata_count, kept);
        assert_int_equal(d.padata[kept - 1], 1000 + kept - 1);
        assert_int_equal(d.etype_count, kept);
        assert_int_equal(d.etypes[kept - 1], 100 + kept - 1);
        mr_buf_deinit(&info);
        mr_buf_deinit(&all);
    }
}

/* A name of more parts than are kept. */
static void test_longest_name(void **state) {
    static const char *const parts[] = {"a", "b", "c", "d", "e"};

    (void)state;
    for (size_t count = MR_KRB_PARTS - 1; count <= MR_KRB_PARTS + 1; count++) {
        mr_krb_error e;
        mr_buf b;
        mr_buf_init(&b, NULL, 0, 1024);
        size_t app = mr_ber_open(&b, MR_BER_APPLICATION(30));
        size_t seq = mr_ber_open(&b, MR_BER_SEQUENCE);
        static const int fields[][2] = {{0, 5}, {1, 30}, {6, 7}};
        for (size_t i = 0; i < MR_COUNT(fields); i++) {
            size_t field = mr_ber_open(&b, (uint8_t)MR_BER_CONTEXT(fields[i][0]));
            mr_ber_write_int(&b, MR_BER_INTEGER, fields[i][1]);
            mr_ber_close(&b, field);
        }
        size_t field = mr_ber_open(&b, MR_BER_CONTEXT(10));
        size_t name = mr_ber_open(&b, MR_BER_SEQUENCE), type = mr_ber_open(&b, MR_BER_CONTEXT(0));
        mr_ber_write_int(&b, MR_BER_INTEGER, 2);
        mr_ber_close(&b, type);
        size_t strings = mr_ber_open(&b, MR_BER_CONTEXT(1));
        size_t list = mr_ber_open(&b, MR_BER_SEQUENCE);
        for (size_t i = 0; i < count; i++)
            mr_ber_write(&b, MR_BER_GENERAL_STRING, mr_slice_str(parts[i]));
        mr_ber_close(&b, list);
        mr_ber_close(&b, strings);
        mr_ber_close(&b, name);
        mr_ber_close(&b, field);
        mr_ber_close(&b, seq);
        mr_ber_close(&b, app);
        assert_int_equal(mr_krb_error_decode(mr_buf_slice(&b), &e, NULL), 0);
        size_t kept = count < MR_KRB_PARTS ? count : MR_KRB_PARTS;
        assert_int_equal(e.server.count, kept);
        assert_true(mr_slice_eq(e.server.parts[kept - 1], mr_slice_str(parts[kept - 1])));
        mr_buf_deinit(&b);
    }
}

static void test_tcp_size(void **state) {
    size_t size = 0;

    (void)state;
    assert_int_equal(mr_krb_get_size(MR_SLICE_LIT("\0\0\1"), &size), 1);
    assert_int_equal(mr_krb_get_size(MR_SLICE_LIT("\0\0\1\2"), &size), 0);
    assert_int_equal(size, 4 + 258);
    assert_int_equal(mr_krb_get_size(MR_SLICE_LIT("\x80"), &size), MR_ERR_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_req), cmocka_unit_test(test_kpasswd_question),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_error_cut), cmocka_unit_test(test_times),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_error_data),
        cmocka_unit_test(test_tcp_size),
        cmocka_unit_test(test_longest_lists),
        cmocka_unit_test(test_longest_name),
        cmocka_unit_test(test_kpasswd_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
