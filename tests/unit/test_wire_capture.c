/* PDUs as real peers sent them, Windows and Samba: what they say is what was seen on the wire. */
#include "wire_test.h"

static mr_pdu decode_ok(mr_slice s) {
    mr_error err = MR_ERROR_INIT;
    mr_pdu pdu;
    if (mr_pdu_decode(s, &pdu, &err) != 0)
        fail_msg("%s (at octet %zu)", err.text, err.offset);
    assert_int_equal(pdu.header.frag_length, s.len);
    assert_int_equal(pdu.odd, 0);
    return pdu;
}

/* A client of the endpoint mapper that sets neither fragment flag. */
static void bind_without_fragment_flags(void **state) {
    (void)state;
    mr_slice s = unhex("05000b00100000004800000001000000b810b81000000000010000000000010008"
                       "83afe11f5dc91191a408002b14a0fa03000000045d888aeb1cc9119fe808002b1048"
                       "6002000000");
    mr_pdu pdu = decode_ok(s);
    mr_pdu_context context;
    char text[MR_UUID_TEXT];
    assert_int_equal(pdu.header.flags, 0);
    assert_int_equal(pdu.u.bind.max_recv, 4280);
    assert_true(mr_pdu_read_context(&pdu.u.bind.contexts.items, &context));
    assert_string_equal(mr_uuid_text(&context.abstract.uuid, text),
                        "e1af8308-5d1f-11c9-91a4-08002b14a0fa");
    unhex_free(s);
}

/* Secondary addresses with their NUL, and from a server that leaves it out. */
static void bind_ack_secondary_addresses(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        const char *address;
        uint32_t group;
    } cases[] = {
        {"05000c03100000003c00000001000000b810b810d62a000004003133350000000100000000000000"
         "045d888aeb1cc9119fe808002b10486002000000", "135", 0x2ad6},
        {"05000c03100000003c00000001000000b810b8107856341203004142430000000100000000000000"
         "045d888aeb1cc9119fe808002b10486002000000", "ABC", 0x12345678},
        {"05000c03100000003800000001000000b810b81078563412010058000100000000000000"
         "045d888aeb1cc9119fe808002b10486002000000", "X", 0x12345678},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice s = unhex(cases[i].hex);
        mr_pdu pdu = decode_ok(s);
        mr_pdu_result result;
        assert_text(pdu.u.bind_ack.sec_addr, cases[i].address);
        assert_int_equal(pdu.u.bind_ack.assoc_group, cases[i].group);
        assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &result));
        assert_int_equal(result.result, MR_CONTEXT_ACCEPT);
        assert_true(mr_syntax_eq(&result.transfer, &mr_syntax_ndr20));
        unhex_free(s);
    }
}

/* Samba answers a proposal of both features. */
static void bind_ack_negotiates_features(void **state) {
    (void)state;
    mr_slice s = unhex("05000c03100000005400000001000000b810b810803f000004003133350000000200000000"
                       "000000045d888aeb1cc9119fe808002b10486002000000030003000000000000000000"
                       "000000000000000000000000");
    mr_pdu pdu = decode_ok(s);
    mr_pdu_result result;
    assert_int_equal(pdu.u.bind_ack.results.count, 2);
    assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &result));
    assert_true(mr_pdu_read_result(&pdu.u.bind_ack.results.items, &result));
    assert_int_equal(result.result, MR_CONTEXT_NEGOTIATE_ACK);
    assert_int_equal(result.reason, MR_FEATURE_SECURITY_MULTIPLEXING | MR_FEATURE_KEEP_ON_ORPHAN);
    unhex_free(s);
}

/* Samba, asked with rpc_vers_minor 7, with authentication type 99, and without contexts. */
static void bind_nak_reasons(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        uint16_t reason;
    } cases[] = {
        {"05000d031000000018000000010000000400010500000000", MR_NAK_PROTOCOL_VERSION},
        {"05000d031000000018000000010000000800010500000000", MR_NAK_AUTH_TYPE},
        {"05000d031000000018000000010000000000010500000000", MR_NAK_NOT_SPECIFIED},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice s = unhex(cases[i].hex);
        mr_pdu pdu = decode_ok(s);
        assert_int_equal(pdu.u.bind_nak.reason, cases[i].reason);
        assert_int_equal(pdu.u.bind_nak.version_count, 1);
        assert_octets(pdu.u.bind_nak.versions, "0500");
        assert_false(pdu.u.bind_nak.has_extended_error);
        unhex_free(s);
    }
}

/* nca_s_op_rng_error from Windows: plain, and with extended error information. */
static void faults(void **state) {
    (void)state;
    mr_slice s = unhex("0500032310000000200000000100000020000000000000000200011c00000000");
    mr_pdu pdu = decode_ok(s);
    assert_int_equal(pdu.u.fault.status, 0x1c010002);
    assert_int_equal(pdu.u.fault.flags, 0);
    assert_true(pdu.header.flags & MR_PFC_DID_NOT_EXECUTE);
    unhex_free(s);

    s = unhex("0500032310000000780000000200000078000000000000010200011c00000000"
              "01100800cccccccc48000000000000000000020000000000000000000100010004000000"
              "04000200ac02000000000000a0ac1283a475da0102000000d1060000b700000000000000"
              "04000000440043003100000000000000");
    pdu = decode_ok(s);
    assert_int_equal(pdu.u.fault.status, 0x1c010002);
    assert_int_equal(pdu.u.fault.flags, MR_FAULT_EXTENDED_ERROR);
    assert_int_equal(pdu.u.fault.extended_error.len, 0x78 - 0x20);
    /* the type serialization header of the blob (MS-RPCE 2.2.6.1) */
    assert_octets(mr_slice_sub(pdu.u.fault.extended_error, 0, 8), "01100800cccccccc");
    unhex_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bind_without_fragment_flags),
        cmocka_unit_test(bind_ack_secondary_addresses),
        cmocka_unit_test(bind_ack_negotiates_features),
        cmocka_unit_test(bind_nak_reasons),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
