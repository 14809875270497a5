/* Security tokens: what smbclient and smbd sent each other, and forms made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/krb.h>
#include <msrpc/wire/ntlmssp.h>
#include <msrpc/wire/spnego.h>

#include "sample.h"

/* UTF-16 as ASCII. */
static void assert_text(mr_slice utf16, const char *want) {
    uint8_t room[256];
    mr_buf buf;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_utf16le_decode(utf16, &buf), 0);
    assert_int_equal(buf.len, strlen(want));
    assert_memory_equal(room, want, buf.len);
}

static void test_negotiate(void **state) {
    mr_slice s = sample_get("ntlmssp/negotiate");
    mr_ntlm_negotiate n;

    (void)state;
    assert_int_equal(mr_ntlm_get_type(s), MR_NTLM_NEGOTIATE);
    assert_int_equal(mr_ntlm_negotiate_decode(s, &n, NULL), 0);
    assert_true(n.flags & MR_NTLM_UNICODE);
    assert_int_equal(n.version.major, 6);
    assert_int_equal(n.version.minor, 1);
    sample_free(s);
    /* the shortest, and one without a version */
    assert_int_equal(mr_ntlm_negotiate_decode(
        MR_SLICE_LIT("NTLMSSP\0\1\0\0\0\1\2\0\0"), &n, NULL), 0);
    assert_int_equal(n.flags, 0x201);
    mr_slice old = MR_SLICE_LIT("NTLMSSP\0\1\0\0\0\2\x32\0\2\3\0\3\0\x20\0\0\0\2\0\2\0\x23\0\0\0"
                                "LABPC");
    assert_int_equal(mr_ntlm_negotiate_decode(old, &n, NULL), 0);
    assert_true(mr_slice_eq(n.domain, MR_SLICE_LIT("LAB")));
    assert_true(mr_slice_eq(n.workstation, MR_SLICE_LIT("PC")));
    assert_int_equal(n.version.major, 0);
    /* a name that would lie outside */
    mr_slice bad = MR_SLICE_LIT("NTLMSSP\0\1\0\0\0\2\x32\0\2\3\0\3\0\x22\0\0\0\2\0\2\0\x23\0\0\0"
                                "LABPC");
    assert_int_equal(mr_ntlm_negotiate_decode(bad, &n, NULL), 0);
    bad.len--;
    assert_int_equal(mr_ntlm_negotiate_decode(bad, &n, NULL), MR_ERR_TRUNCATED);
    assert_int_equal(mr_ntlm_get_type(MR_SLICE_LIT("NTLMSSP\0\4\0\0\0")), 0);
}

static void test_challenge(void **state) {
    mr_slice s = sample_get("ntlmssp/challenge");
    mr_ntlm_challenge m;

    (void)state;
    assert_int_equal(mr_ntlm_challenge_decode(s, &m, NULL), 0);
    assert_true(m.unicode);
    assert_text(m.target_name, "FS1");
    assert_text(m.target.computer, "FS1");
    assert_int_equal(m.challenge.len, 8);
    assert_true(m.target.complete);
    assert_int_equal(m.target.time, 134398381386876930u);
    for (size_t n = 0; n < s.len; n++) {
        mr_slice cut = sample_cut(s, n);
        mr_ntlm_challenge other;
        assert_true(mr_ntlm_challenge_decode(cut, &other, NULL) < 0 || n >= 32);
        sample_free(cut);
    }
    sample_free(s);
}

static void test_authenticate(void **state) {
    mr_slice s = sample_get("ntlmssp/authenticate");
    mr_ntlm_authenticate m;

    (void)state;
    assert_int_equal(mr_ntlm_authenticate_decode(s, &m, NULL), 0);
    assert_text(m.user, "root");
    assert_text(m.domain, "LAB");
    assert_text(m.workstation, "FS1");
    assert_text(m.target.spn, "cifs/127.0.0.1");
    assert_true(m.v2 && m.mic && !m.anonymous);
    assert_int_equal(m.target.flags & 2, 2);
    assert_int_equal(m.nt.len, 204);
    for (size_t n = 0; n < s.len; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_true(mr_ntlm_authenticate_decode(cut, &m, NULL) < 0);
        sample_free(cut);
    }
    sample_free(s);
}

/* The mechanisms that are kept of a longer list are its first. */
static void test_longest_list(void **state) {
    (void)state;
    for (size_t count = MR_SPNEGO_MECHS - 1; count <= MR_SPNEGO_MECHS + 1; count++) {
        enum mr_mech mechs[MR_SPNEGO_MECHS + 1];
        mr_buf list, token;
        mr_gss_token t;
        for (size_t i = 0; i < count; i++)
            mechs[i] = i % 2 ? MR_MECH_NTLM : MR_MECH_KRB5;
        mr_buf_init(&list, NULL, 0, 1024);
        mr_buf_init(&token, NULL, 0, 1024);
        assert_int_equal(mr_spnego_mechs_encode(mechs, count, &list), 0);
        const mr_spnego_init init = {.mech_list = mr_buf_slice(&list)};
        assert_int_equal(mr_spnego_init_encode(&init, &token), 0);
        assert_int_equal(mr_gss_token_decode(mr_buf_slice(&token), &t, NULL), 0);
        size_t kept = count < MR_SPNEGO_MECHS ? count : MR_SPNEGO_MECHS;
        assert_int_equal(t.mech_count, kept);
        assert_memory_equal(t.mechs, mechs, kept * sizeof mechs[0]);
        assert_true(mr_slice_eq(t.mech_list, mr_buf_slice(&list)));
        mr_buf_deinit(&list);
        mr_buf_deinit(&token);
    }
}

static void test_spnego(void **state) {
    mr_slice s = sample_get("spnego/hints");
    mr_gss_token t;

    (void)state;
    assert_int_equal(mr_gss_token_decode(s, &t, NULL), 0);
    assert_int_equal(t.wrap, MR_GSS_INIT);
    assert_int_equal(t.mech_count, 1);
    assert_int_equal(t.mechs[0], MR_MECH_NTLM);
    assert_false(t.has_mic);
    assert_int_equal(t.token.len, 0);
    sample_free(s);
    s = sample_get("spnego/init");
    for (size_t n = 0; n < s.len; n++)
        assert_true(mr_gss_token_decode(mr_slice_sub(s, 0, n), &t, NULL) < 0);
    assert_int_equal(mr_gss_token_decode(s, &t, NULL), 0);
    assert_int_equal(mr_ntlm_get_type(t.token), MR_NTLM_NEGOTIATE);
    sample_free(s);
    s = sample_get("spnego/challenge");
    assert_int_equal(mr_gss_token_decode(s, &t, NULL), 0);
    assert_int_equal(t.wrap, MR_GSS_RESP);
    assert_int_equal(t.state, MR_SPNEGO_INCOMPLETE);
    assert_int_equal(t.mech, MR_MECH_NTLM);
    assert_int_equal(mr_ntlm_get_type(t.token), MR_NTLM_CHALLENGE);
    sample_free(s);
    s = sample_get("spnego/completed");
    assert_int_equal(mr_gss_token_decode(s, &t, NULL), 0);
    assert_int_equal(t.state, MR_SPNEGO_COMPLETED);
    assert_true(t.has_mic);
    sample_free(s);
    assert_int_equal(mr_gss_token_decode(MR_SLICE_LIT("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02"), &t,
                                         NULL), 0);
    assert_int_equal(t.state, MR_SPNEGO_REJECT);
}

static void test_kerberos_tokens(void **state) {
    uint8_t room[1024];
    mr_kpasswd_reply parts;
    mr_gss_token t;
    mr_krb_ap ap;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_krb_encode_kpasswd_probe("LAB.TEST", &buf), 0);
    assert_int_equal(mr_kpasswd_decode(mr_buf_slice(&buf), &parts, NULL), 0);
    /* bare, as in DCE style */
    assert_int_equal(mr_gss_token_decode(parts.ap_rep, &t, NULL), 0);
    assert_int_equal(t.wrap, MR_GSS_BARE);
    assert_int_equal(t.mech, MR_MECH_KRB5);
    assert_int_equal(t.krb, 0);
    assert_int_equal(mr_krb_ap_decode(t.token, &ap, NULL), 0);
    assert_true(mr_slice_eq(ap.ticket.realm, MR_SLICE_LIT("LAB.TEST")));
    assert_int_equal(ap.ticket.server.count, 2);
    assert_true(mr_slice_eq(ap.ticket.server.parts[0], MR_SLICE_LIT("kadmin")));
    assert_int_equal(ap.ticket.etype, 18);
    assert_int_equal(ap.etype, 18);
    /* an error in GSS framing, and its end */
    mr_slice framed = MR_SLICE_LIT("\x60\x0f\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03\x00"
                                   "\x7e\x00");
    assert_int_equal(mr_gss_token_decode(framed, &t, NULL), 0);
    assert_int_equal(t.wrap, MR_GSS_FRAMED);
    assert_int_equal(t.krb, 0x0300);
    assert_true(mr_slice_eq(t.token, MR_SLICE_LIT("\x7e\x00")));
    framed.len--;
    assert_int_equal(mr_gss_token_decode(framed, &t, NULL), MR_ERR_MALFORMED);
    assert_int_equal(mr_gss_token_decode(MR_SLICE_LIT("what"), &t, NULL), MR_ERR_MALFORMED);
    assert_string_equal(mr_mech_name(MR_MECH_NTLM), "NTLM");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_negotiate),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_authenticate),
        cmocka_unit_test(test_spnego),
        cmocka_unit_test(test_longest_list),
        cmocka_unit_test(test_kerberos_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
