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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_req), cmocka_unit_test(test_kpasswd_question),
        cmocka_unit_test(test_error),  cmocka_unit_test(test_times),
        cmocka_unit_test(test_kpasswd_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
