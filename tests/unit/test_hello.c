/* The first words of NTP, NetBIOS, SMB, Remote Desktop and TLS: what we say, octet for octet where
 * the form is fixed, and what real and hand-made peers answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/nbt.h>
#include <msrpc/wire/ntp.h>
#include <msrpc/wire/rdp.h>
#include <msrpc/wire/smb_negotiate.h>
#include <msrpc/wire/tls_hello.h>

#include "sample.h"

static void test_ntp(void **state) {
    mr_slice s = sample_get("hello/ntp");
    uint8_t room[64];
    mr_ntp ntp;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_ntp_encode_request(0x0102030405060708u, &buf), 0);
    assert_int_equal(buf.len, MR_NTP_OCTETS);
    assert_int_equal(room[0], 0x1b);
    assert_memory_equal(room + 40, "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(mr_ntp_decode(mr_buf_slice(&buf), &ntp, NULL), MR_ERR_MALFORMED); /* ours */
    assert_int_equal(mr_ntp_decode(s, &ntp, NULL), 0);
    assert_int_equal(ntp.stratum, 3);
    assert_int_equal(ntp.version, 3);
    assert_int_equal(ntp.precision, -23);
    assert_int_equal(mr_ntp_decode(mr_slice_sub(s, 0, 47), &ntp, NULL), MR_ERR_TRUNCATED);
    sample_free(s);
}

static void test_ntp_arithmetic(void **state) {
    mr_ntp ntp = {0};

    (void)state;
    assert_true(mr_ntp_time(0, 500000000) == ((uint64_t)2208988800u << 32 | 0x80000000u));
    /* the server is ten seconds ahead, each way takes half a second */
    ntp.origin = mr_ntp_time(1000, 0);
    ntp.receive = mr_ntp_time(1010, 500000000);
    ntp.transmit = mr_ntp_time(1010, 500000000);
    assert_float_equal(mr_ntp_offset(&ntp, mr_ntp_time(1001, 0)), 10.0, 1e-6);
    /* the second era begins in 2036 */
    assert_float_equal(mr_ntp_diff(mr_ntp_time(2085978495, 0), mr_ntp_time(2085978497, 0)), 2, 0);
}

static void test_node_status(void **state) {
    mr_slice s = sample_get("nbt/status");
    mr_error err = MR_ERROR_INIT;
    mr_nbt_status status;
    uint8_t room[64];
    mr_arena arena;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_nbt_encode_status(0x1234, &buf), 0);
    assert_int_equal(buf.len, 50);
    assert_memory_equal(room, "\x12\x34\0\0\0\1\0\0\0\0\0\0\x20""CKAAAAAA", 21);
    assert_memory_equal(room + 45, "\0\0\x21\0\1", 5);

    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_nbt_status_decode(s, &arena, &status, NULL), 0);
    assert_int_equal(status.count, 8);
    assert_true(mr_slice_eq(status.names[0].name, MR_SLICE_LIT("DC1")));
    assert_int_equal(status.names[0].suffix, 0);
    assert_true(mr_slice_eq(status.names[4].name, MR_SLICE_LIT("LAB")));
    assert_int_equal(status.names[4].suffix, 0x1c);
    assert_true(status.names[4].flags & MR_NBT_GROUP);
    assert_true(status.has_mac);
    size_t names_end = 12 + 34 + 10 + 1 + 8 * 18;
    for (size_t n = 0; n < names_end; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_int_equal(mr_nbt_status_decode(cut, &arena, &status, &err), MR_ERR_TRUNCATED);
        assert_true(err.offset <= n);
        sample_free(cut);
    }
    assert_int_equal(mr_nbt_status_decode(mr_buf_slice(&buf), &arena, &status, NULL),
                     MR_ERR_MALFORMED); /* a question */
    mr_arena_deinit(&arena);
    assert_string_equal(mr_nbt_suffix_text(0x1c, true), "domain controllers");
    assert_string_equal(mr_nbt_suffix_text(0x77, false), "");
    sample_free(s);
}

static void test_session(void **state) {
    uint8_t room[128], type;
    size_t len;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_nbt_encode_session("*SMBSERVER", "A NAME OF MORE THAN 15", &buf), 0);
    assert_int_equal(buf.len, 4 + 68);
    assert_memory_equal(room, "\x81\0\0\x44\x20""CKFDENECFDEFFCFGEFFCCACACACACACA", 37);
    assert_int_equal(mr_nbt_session_decode(mr_buf_slice(&buf), &type, &len), 0);
    assert_int_equal(type, MR_NBT_REQUEST);
    assert_int_equal(len, 68);
    assert_int_equal(mr_nbt_session_decode(mr_slice_of(room, 3), &type, &len), 1);
    assert_string_equal(mr_nbt_session_error(0x82), "the called name is not present");
}

static void test_smb_questions(void **state) {
    static const uint8_t salt[32] = {9};
    const mr_uuid guid = {1, 2, 3, {4}};
    uint8_t room[512];
    size_t size;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_smb2_encode_negotiate(&guid, salt, &buf), 0);
    assert_int_equal(mr_smb_get_size(mr_buf_slice(&buf), &size), 0);
    assert_int_equal(size, buf.len);
    assert_memory_equal(room + 4, "\xfeSMB\x40\0\0\0", 8);
    assert_memory_equal(room + 68, "\x24\0\5\0\1\0\0\0", 8);
    assert_memory_equal(room + 68 + 36, "\x02\x02\x10\x02\x00\x03\x02\x03\x11\x03", 10);
    size_t contexts = (size_t)room[68 + 28] | (size_t)room[68 + 29] << 8;
    assert_int_equal(contexts % 8, 0);
    assert_memory_equal(room + 4 + contexts, "\1\0\x26\0", 4);
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_smb1_encode_negotiate(&buf), 0);
    assert_memory_equal(room, "\0\0\0\x2f\xffSMB\x72\0\0\0\0\x18\x01\xc8", 16);
    assert_memory_equal(room + 36, "\0\x0c\0\x02NT LM 0.12", 15);
    assert_int_equal(mr_smb_get_size(MR_SLICE_LIT("\x83\0\0\1"), &size), MR_ERR_MALFORMED);
    assert_int_equal(mr_smb_get_size(MR_SLICE_LIT("\0\0\0"), &size), 1);
}

static void test_smb_answers(void **state) {
    mr_slice s = sample_get("smb_negotiate/smb311"), old = sample_get("smb_negotiate/smb1");
    mr_error err = MR_ERROR_INIT;
    mr_smb_negotiated n;
    char name[16];

    (void)state;
    assert_int_equal(mr_smb_negotiated_decode(s, &n, NULL), 0);
    assert_int_equal(n.dialect, MR_SMB3_1_1);
    assert_int_equal(n.security, 3);
    assert_int_equal(n.cipher, 2);
    assert_int_equal(n.token.len, 0x60);
    assert_int_equal(n.max_read, 0x800000);
    assert_true(n.system_time > 0 && n.start_time == 0);
    /* contexts are an extra: without them, and not with less, the answer is whole */
    for (size_t cut_at = 0; cut_at < 4 + 0x80 + 0x60; cut_at++) {
        mr_slice cut = sample_cut(s, cut_at);
        assert_true(mr_smb_negotiated_decode(cut, &n, &err) < 0);
        assert_true(err.offset <= cut_at || cut_at < 8);
        sample_free(cut);
    }
    assert_int_equal(mr_smb_negotiated_decode(old, &n, NULL), 0);
    assert_int_equal(n.dialect, MR_SMB1);
    assert_int_equal(n.security, 3); /* mode 0x0f: user level, encrypts, signs, requires */
    assert_string_equal(mr_smb_dialect_name(n.dialect, name), "1");
    assert_string_equal(mr_smb_dialect_name(0x2ff, name), "0x02ff");
    for (size_t cut_at = 0; cut_at < old.len; cut_at++) {
        mr_slice cut = sample_cut(old, cut_at);
        assert_true(mr_smb_negotiated_decode(cut, &n, NULL) < 0);
        sample_free(cut);
    }
    sample_free(s);
    sample_free(old);
}

static void test_rdp(void **state) {
    mr_slice s = sample_get("hello/rdp"), bad = sample_get("hello/rdp_failure");
    uint8_t room[32];
    mr_rdp_confirm confirm;
    size_t size;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_rdp_encode_request(MR_RDP_TLS | MR_RDP_HYBRID, &buf), 0);
    assert_int_equal(buf.len, 19);
    assert_memory_equal(room, "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0", 19);
    assert_int_equal(mr_rdp_confirm_decode(mr_buf_slice(&buf), &confirm, NULL), MR_ERR_MALFORMED);
    assert_int_equal(mr_rdp_get_size(s, &size), 0);
    assert_int_equal(size, s.len);
    assert_int_equal(mr_rdp_confirm_decode(s, &confirm, NULL), 0);
    assert_true(confirm.negotiated && !confirm.failed);
    assert_int_equal(confirm.protocol, MR_RDP_HYBRID);
    assert_int_equal(mr_rdp_confirm_decode(bad, &confirm, NULL), 0);
    assert_true(confirm.failed);
    assert_int_equal(confirm.failure, 5);
    for (size_t n = 0; n < 11; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_int_equal(mr_rdp_confirm_decode(cut, &confirm, NULL), MR_ERR_TRUNCATED);
        sample_free(cut);
    }
    assert_int_equal(mr_rdp_get_size(MR_SLICE_LIT("\3\0\0\4"), &size), MR_ERR_MALFORMED);
    assert_int_equal(mr_rdp_get_size(MR_SLICE_LIT("HTTP"), &size), MR_ERR_MALFORMED);
    sample_free(s);
    sample_free(bad);
}

static void test_tls(void **state) {
    mr_slice s = sample_get("hello/tls_hello"), alert = sample_get("hello/tls_alert");
    static const uint8_t random[32] = {7};
    uint8_t room[512];
    mr_tls_hello hello;
    char name[16];
    size_t size;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_tls_encode_client_hello(random, "dc1.lab.test", &buf), 0);
    assert_int_equal(mr_tls_get_size(mr_buf_slice(&buf), &size), 0);
    assert_int_equal(size, buf.len);
    assert_int_equal(room[5], 1);
    assert_int_equal((size_t)room[7] << 8 | room[8], buf.len - 9);
    assert_non_null(memmem(room, buf.len, "dc1.lab.test", 12));
    assert_int_equal(mr_tls_hello_decode(mr_buf_slice(&buf), &hello, NULL), MR_ERR_MALFORMED);
    assert_int_equal(mr_tls_hello_decode(s, &hello, NULL), 0);
    assert_false(hello.alert);
    assert_int_equal(hello.cipher, 0xc030);
    assert_string_equal(mr_tls_version_name(hello.version, name), "TLS 1.2");
    assert_int_equal(mr_tls_hello_decode(alert, &hello, NULL), 0);
    assert_true(hello.alert);
    assert_int_equal(hello.alert_code, 40);
    for (size_t n = 0; n < s.len; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_int_equal(mr_tls_hello_decode(cut, &hello, NULL), MR_ERR_TRUNCATED);
        sample_free(cut);
    }
    assert_int_equal(mr_tls_get_size(MR_SLICE_LIT("HTTP/"), &size), MR_ERR_MALFORMED);
    sample_free(s);
    sample_free(alert);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ntp),         cmocka_unit_test(test_ntp_arithmetic),
        cmocka_unit_test(test_node_status), cmocka_unit_test(test_session),
        cmocka_unit_test(test_smb_questions), cmocka_unit_test(test_smb_answers),
        cmocka_unit_test(test_rdp),         cmocka_unit_test(test_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
