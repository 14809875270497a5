/* PDUs, octet by octet: vectors written from C706 12.6.4, MS-RPCE 2.2.2 and MS-RPCH 2.2.3 in both
 * byte orders, what every truncation and bit flip of them does, and every limit. */
#include "wire_test.h"

#include "../fuzz/wire_reencode.h"

#define EPM "0883afe1 1f5d c911 91a4 08002b14a0fa 03000000 "
#define NDR "045d888a eb1c c911 9fe8 08002b104860 02000000 "
#define NDR64 "33057171 babe 3749 8319 b5dbef9ccc36 01000000 "
#define FEATURES "2c1cb76c 1298 4045 0300000000000000 01000000 "
#define NIL "00000000 0000 0000 0000 000000000000 00000000 "
#define EPM_BIG "e1af8308 5d1f 11c9 91a4 08002b14a0fa 00000003 "
#define NDR_BIG "8a885d04 1ceb 11c9 9fe8 08002b104860 00000002 "
#define COOKIE "00112233 4455 6677 8899 aabbccddeeff "

/* Each is canonical: encoding what it decodes to gives the same octets. */
static const struct vector {
    const char *name;
    const char *hex;
} vectors[] = {
    {"bind", "05000b03 10000000 4800 0000 01000000  d016 d016 00000000  01000000"
             "0000 0100 " EPM NDR},
    {"bind, big-endian", "05000b03 00000000 0048 0000 00000001  16d0 16d0 00000000  01000000"
                         "0000 0100 " EPM_BIG NDR_BIG},
    {"bind, three contexts and a token",
     "05000b07 10000000 ac00 0400 01000000  d016 d016 00000000  03000000"
     "0000 0100 " EPM NDR "0100 0100 " EPM NDR64 "0200 0100 " EPM FEATURES
     "0a05000001000000 61626364"},
    {"bind, two transfer syntaxes", "05010b03 10000000 5c00 0000 01000000  ffff ffff 78563412"
                                    "01000000 0700 0200 " EPM NDR NDR64},
    {"bind without contexts", "05000b03 10000000 1c00 0000 01000000  d016 d016 00000000 00000000"},
    {"bind_ack", "05000c03 10000000 3c00 0000 01000000  b810 b810 f0530000  0400 31333500 0000"
                 "01000000 0000 0000 " NDR},
    {"bind_ack, big-endian", "05000c03 00000000 003c 0000 00000001  10b8 10b8 000053f0"
                             "0004 31333500 0000 01000000 0000 0000 " NDR_BIG},
    {"bind_ack, rejected and negotiated",
     "05000c07 10000000 6c00 0000 01000000  b810 b810 f0530000  0400 31333500 0000  03000000"
     "0000 0000 " NDR "0200 0200 " NIL "0300 0300 " NIL},
    {"bind_nak", "05000d03 10000000 1800 0000 01000000  0400 01 0500 000000"},
    {"bind_nak, big-endian, two versions", "05000d03 00000000 0018 0000 00000001"
                                           "0004 02 0500 0501 00"},
    {"bind_nak with extended error", "05000d03 10000000 2c00 0000 01000000  0300 01 0500 000000"
                                     "20037490 d0fa d311 82d7 009027b130ab eeeeeeee"},
    {"alter_context", "05000e03 10000000 4800 0000 02000000  d016 d016 f0530000  01000000"
                      "0100 0100 " EPM NDR},
    {"alter_context_resp", "05000f03 10000000 3800 0000 02000000  b810 b810 f0530000  0000 0000"
                           "01000000 0000 0000 " NDR},
    {"auth3", "05001003 10000000 2000 0400 01000000  00000000  0a05000001000000 61626364"},
    {"request", "05000003 10000000 1c00 0000 02000000  04000000 0000 0200  01020304"},
    {"request, big-endian", "05000003 00000000 001c 0000 00000002  00000004 0001 0002  01020304"},
    {"request with an object", "05000083 10000000 2c00 0000 02000000  04000000 0000 0200"
                               "04030201 0605 0807 090a0b0c0d0e0f10  01020304"},
    {"request, sealed", "05000003 10000000 4000 1000 02000000  05000000 0000 0200"
                        "0102030405 0000000000000000000000"
                        "0a060b0001000000 000102030405060708090a0b0c0d0e0f"},
    {"response", "05000203 10000000 1c00 0000 02000000  04000000 0000 0100  01020304"},
    {"response, big-endian", "05000203 00000000 001c 0000 00000002  00000004 0001 0000 01020304"},
    {"fault", "05000323 10000000 2000 0000 02000000  20000000 0000 0000  0200011c 00000000"},
    {"fault, big-endian", "05000323 00000000 0020 0000 00000002  00000020 0000 0000"
                          "1c010002 00000000"},
    {"fault with extended error", "05000303 10000000 2400 0000 02000000  24000000 0000 0001"
                                  "05000000 00000000  eeeeeeee"},
    {"co_cancel", "05001203 10000000 1000 0000 02000000"},
    {"orphaned", "05001303 10000000 1000 0000 02000000"},
    {"orphaned, signed", "05001303 10000000 2800 1000 02000000  0a05000001000000"
                         "000102030405060708090a0b0c0d0e0f"},
    {"shutdown", "05001103 10000000 1000 0000 00000000"},
    {"rts, CONN/A1", "05001403 10000000 4c00 0000 00000000  0000 0400  06000000 01000000"
                     "03000000 " COOKIE "03000000 " COOKIE "00000000 00000100"},
    {"rts, every command",
     "05001403 10000000 c200 0000 00000000  1400 1000"
     "00000000 00000100  01000000 10000000 20000000 " COOKIE "02000000 c0d40100"
     "03000000 " COOKIE "04000000 00000040  05000000 e0930400  06000000 01000000  07000000"
     "08000000 02000000 0000  09000000  0a000000"
     "0b000000 00000000 7f000001 000000000000000000000000"
     "0c000000 " COOKIE "0d000000 03000000  0e000000 00100000  07000000"},
    {"rts, IPv6 and big-endian", "05001403 00000000 0038 0000 00000000  0000 0001"
                                 "0000000b 00000001 00000000000000000000000000000001"
                                 "000000000000000000000000"},
};

static mr_pdu decode_ok(mr_slice s) {
    mr_error err = MR_ERROR_INIT;
    mr_pdu pdu;
    int r = mr_pdu_decode(s, &pdu, &err);
    if (r != 0)
        fail_msg("%s (at octet %zu)", err.text, err.offset);
    return pdu;
}

static void vectors_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        mr_slice s = unhex(vectors[i].hex);
        mr_error err = MR_ERROR_INIT;
        mr_buf buf;
        mr_pdu pdu;
        int r = mr_pdu_decode(s, &pdu, &err);
        if (r != 0)
            fail_msg("%s: %s (at octet %zu)", vectors[i].name, err.text, err.offset);
        assert_int_equal(pdu.odd, 0);
        mr_buf_init(&buf, NULL, 0, MR_PDU_FRAG_MAX);
        /* something stands before it: offsets count from the PDU, not from the buffer */
        mr_buf_write_str(&buf, "xyz");
        assert_int_equal(reencode(&pdu, &buf), 0);
        mr_slice again = mr_slice_sub(mr_buf_slice(&buf), 3, SIZE_MAX);
        if (!mr_slice_eq(again, s))
            print_error("%s\n", vectors[i].name);
        assert_octets(again, vectors[i].hex);
        mr_buf_deinit(&buf);
        unhex_free(s);
    }
}

/* A shorter input is truncated; a PDU whose own length says so fails or is another PDU, and its
 * fields stay within it. */
static void vectors_truncated(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        mr_slice s = unhex(vectors[i].hex);
        bool big = !(s.data[4] & 0x10);
        for (size_t len = 0; len < s.len; len++) {
            mr_slice cut = exact_copy(mr_slice_sub(s, 0, len));
            uint8_t *data = (uint8_t *)(uintptr_t)cut.data;
            mr_error err = MR_ERROR_INIT;
            mr_pdu pdu;
            int r = mr_pdu_decode(cut, &pdu, &err);
            assert_failed(&err, r, MR_ERR_TRUNCATED, len);
            if (len >= 10) {
                data[big ? 9 : 8] = (uint8_t)len;
                data[big ? 8 : 9] = 0;
                r = mr_pdu_decode(cut, &pdu, &err);
                if (r == 0)
                    assert_int_equal(pdu.header.frag_length, len);
                else
                    assert_true(err.code == r && err.offset <= len);
            }
            unhex_free(cut);
        }
        unhex_free(s);
    }
}

/* Whatever a flipped bit makes of a PDU, reading all of it stays within its octets. */
static void vectors_flipped(void **state) {
    (void)state;
    static uint8_t array[MR_PDU_FRAG_MAX];
    size_t accepted = 0, refused = 0;

    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        mr_slice s = unhex(vectors[i].hex);
        uint8_t *data = (uint8_t *)(uintptr_t)s.data;
        for (size_t bit = 0; bit < s.len * 8; bit++) {
            mr_error err = MR_ERROR_INIT;
            mr_buf buf;
            mr_pdu pdu;
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (mr_pdu_decode(s, &pdu, &err) == 0) {
                accepted++;
                mr_buf_init(&buf, array, sizeof array, sizeof array);
                assert_int_equal(reencode(&pdu, &buf), 0);
            } else {
                refused++;
                assert_int_equal(err.floor, MR_FLOOR_WIRE);
                assert_true(err.offset <= s.len);
            }
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        unhex_free(s);
    }
    assert_true(accepted > 0 && refused > 0);
}

static void framing_needs_ten_octets(void **state) {
    (void)state;
    mr_slice s = unhex("05000b03 10000000 4800 0000 01000000");
    size_t length = 7;
    for (size_t n = 0; n < 10; n++) {
        mr_slice head = exact_copy(mr_slice_sub(s, 0, n));
        assert_int_equal(mr_pdu_frag_length(head, &length, NULL), MR_PDU_NEED_MORE);
        assert_int_equal(length, 7);
        unhex_free(head);
    }
    assert_int_equal(mr_pdu_frag_length(mr_slice_sub(s, 0, 10), &length, NULL), 0);
    assert_int_equal(length, 72);
    unhex_free(s);
}

static void framing_refuses_early(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        int code;
        size_t offset;
    } cases[] = {
        {"48", MR_ERR_MALFORMED, 0},         /* HTTP */
        {"15", MR_ERR_MALFORMED, 0},         /* a TLS alert */
        {"00000045", MR_ERR_MALFORMED, 0},   /* SMB over TCP */
        {"04", MR_ERR_MALFORMED, 0},         /* connectionless DCE/RPC */
        {"050015", MR_ERR_MALFORMED, 2},     /* one above RTS */
        {"050001", MR_ERR_UNSUPPORTED, 2},   /* ping */
        {"05000a", MR_ERR_UNSUPPORTED, 2},   /* cancel_ack */
        {"05000b0320", MR_ERR_UNSUPPORTED, 4},
        {"05000b03100000000f00", MR_ERR_MALFORMED, 8},
        {"05000b0300000000000f", MR_ERR_MALFORMED, 8},
        {"05000b03000000000000", MR_ERR_MALFORMED, 8},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice s = unhex(cases[i].hex);
        mr_error err = MR_ERROR_INIT;
        size_t length = 7;
        assert_failed(&err, mr_pdu_frag_length(s, &length, &err), cases[i].code, cases[i].offset);
        assert_int_equal(length, 7);
        unhex_free(s);
    }
}

static void framing_limits(void **state) {
    (void)state;
    static const uint8_t least[] = {5, 0, 17, 3, 0x10, 0, 0, 0, 16, 0};
    static const uint8_t most[] = {5, 0, 0, 3, 0x10, 0, 0, 0, 0xff, 0xff};
    size_t length;
    assert_int_equal(mr_pdu_frag_length(mr_slice_of(least, 10), &length, NULL), 0);
    assert_int_equal(length, MR_PDU_HEADER_SIZE);
    assert_int_equal(mr_pdu_frag_length(mr_slice_of(most, 10), &length, NULL), 0);
    assert_int_equal(length, MR_PDU_FRAG_MAX);
}

static void decode_bind_fields(void **state) {
    (void)state;
    mr_slice s = unhex(vectors[2].hex);
    mr_pdu pdu = decode_ok(s);
    mr_pdu_context context;
    mr_syntax transfer;
    uint64_t bits;

    assert_int_equal(pdu.header.ptype, MR_PTYPE_BIND);
    assert_int_equal(pdu.header.flags, MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG |
                                           MR_PFC_SUPPORT_HEADER_SIGN);
    assert_int_equal(pdu.header.call_id, 1);
    assert_false(pdu.header.big);
    assert_int_equal(pdu.u.bind.max_xmit, 5840);
    assert_int_equal(pdu.u.bind.contexts.count, 3);
    mr_cursor items = pdu.u.bind.contexts.items;
    assert_true(mr_pdu_read_context(&items, &context));
    assert_int_equal(context.id, 0);
    assert_int_equal(context.abstract.uuid.time_low, 0xe1af8308);
    assert_int_equal(context.abstract.major, 3);
    assert_int_equal(context.abstract.minor, 0);
    assert_true(mr_pdu_read_transfer(&context.transfers.items, &transfer));
    assert_true(mr_syntax_eq(&transfer, &mr_syntax_ndr20));
    assert_false(mr_pdu_read_transfer(&context.transfers.items, &transfer));
    assert_true(mr_pdu_read_context(&items, &context));
    assert_true(mr_pdu_read_transfer(&context.transfers.items, &transfer));
    assert_true(mr_syntax_eq(&transfer, &mr_syntax_ndr64));
    assert_false(mr_features_get(&transfer, &bits));
    assert_true(mr_pdu_read_context(&items, &context));
    assert_int_equal(context.id, 2);
    assert_true(mr_pdu_read_transfer(&context.transfers.items, &transfer));
    assert_true(mr_features_get(&transfer, &bits));
    assert_int_equal(bits, MR_FEATURE_SECURITY_MULTIPLEXING | MR_FEATURE_KEEP_ON_ORPHAN);
    assert_false(mr_pdu_read_context(&items, &context));

    assert_true(pdu.has_auth);
    assert_int_equal(pdu.auth.type, MR_AUTH_NTLM);
    assert_int_equal(pdu.auth.level, MR_AUTH_LEVEL_INTEGRITY);
    assert_int_equal(pdu.auth.context_id, 1);
    assert_int_equal(pdu.auth.offset, 160);
    assert_text(pdu.auth.value, "abcd");
    unhex_free(s);
}

static void decode_answers(void **state) {
    (void)state;
    mr_slice s = unhex(vectors[7].hex);
    mr_pdu pdu = decode_ok(s);
    mr_pdu_result result;
    mr_cursor items = pdu.u.bind_ack.results.items;
    assert_text(pdu.u.bind_ack.sec_addr, "135");
    assert_int_equal(pdu.u.bind_ack.assoc_group, 0x53f0);
    assert_int_equal(pdu.u.bind_ack.results.count, 3);
    assert_true(mr_pdu_read_result(&items, &result));
    assert_int_equal(result.result, MR_CONTEXT_ACCEPT);
    assert_true(mr_syntax_eq(&result.transfer, &mr_syntax_ndr20));
    assert_true(mr_pdu_read_result(&items, &result));
    assert_int_equal(result.result, MR_CONTEXT_PROVIDER_REJECT);
    assert_int_equal(result.reason, MR_REASON_TRANSFER_SYNTAX);
    assert_true(mr_pdu_read_result(&items, &result));
    assert_int_equal(result.result, MR_CONTEXT_NEGOTIATE_ACK);
    assert_int_equal(result.reason, 3);
    assert_false(mr_pdu_read_result(&items, &result));
    unhex_free(s);

    s = unhex(vectors[10].hex);
    pdu = decode_ok(s);
    assert_int_equal(pdu.u.bind_nak.reason, MR_NAK_CALLED_ADDRESS_UNKNOWN);
    assert_int_equal(pdu.u.bind_nak.version_count, 1);
    assert_int_equal(pdu.u.bind_nak.versions.data[0], 5);
    assert_true(pdu.u.bind_nak.has_extended_error);
    assert_octets(pdu.u.bind_nak.extended_error, "eeeeeeee");
    unhex_free(s);

    s = unhex("05000d03 10000000 1200 0000 01000000 0400");
    pdu = decode_ok(s);
    assert_int_equal(pdu.u.bind_nak.version_count, 0);
    assert_int_equal(pdu.odd, MR_ODD_SHORT);
    unhex_free(s);
}

/* The place of the signature is not the same with every sender. */
static void bind_nak_signature_alignments(void **state) {
    (void)state;
    static const char *const naks[] = {
        "05000d03 10000000 2700 0000 01000000  0300 01 0500"
        "20037490 d0fa d311 82d7 009027b130ab eeee",
        "05000d03 10000000 2600 0000 01000000  0300 00 00"
        "20037490 d0fa d311 82d7 009027b130ab eeee",
        "05000d03 10000000 2a00 0000 01000000  0300 00 0000000000"
        "20037490 d0fa d311 82d7 009027b130ab eeee",
    };
    for (size_t i = 0; i < MR_COUNT(naks); i++) {
        mr_slice s = unhex(naks[i]);
        mr_pdu pdu = decode_ok(s);
        assert_true(pdu.u.bind_nak.has_extended_error);
        assert_octets(pdu.u.bind_nak.extended_error, "eeee");
        unhex_free(s);
    }
    mr_slice s = unhex("05000d03 10000000 2800 0000 01000000  0300 01 0500 000000"
                       "21037490 d0fa d311 82d7 009027b130ab");
    mr_pdu pdu = decode_ok(s);
    assert_false(pdu.u.bind_nak.has_extended_error);
    assert_int_equal(pdu.odd, MR_ODD_REST);
    unhex_free(s);
}

/* Padding before a trailer is no part of the blob. */
static void bind_nak_blob_without_padding(void **state) {
    (void)state;
    mr_slice s = unhex("05000d03 10000000 3800 0400 01000000  0300 01 0500 000000"
                       "20037490 d0fa d311 82d7 009027b130ab eeee0000"
                       "0a05020001000000 61626364");
    mr_pdu pdu = decode_ok(s);
    assert_octets(pdu.u.bind_nak.extended_error, "eeee");
    assert_int_equal(pdu.odd, 0);
    unhex_free(s);
}

static void decode_calls(void **state) {
    (void)state;
    mr_slice s = unhex("05000083 00000000 002c 0000 00000002  00000004 0001 0002"
                       "01020304 0506 0708 090a0b0c0d0e0f10  01020304");
    mr_pdu pdu = decode_ok(s);
    assert_true(pdu.header.big);
    assert_true(pdu.u.request.has_object);
    assert_int_equal(pdu.u.request.object.time_low, 0x01020304);
    assert_int_equal(pdu.u.request.context_id, 1);
    assert_int_equal(pdu.u.request.opnum, 2);
    assert_int_equal(pdu.u.request.alloc_hint, 4);
    assert_octets(pdu.u.request.stub, "01020304");
    assert_ptr_equal(pdu.u.request.stub.data, s.data + mr_pdu_stub_offset(MR_PTYPE_REQUEST, 0x80));
    unhex_free(s);

    s = unhex("05000303 10000000 2000 0000 02000000  20000000 0100 0200 0500071c 00000000");
    pdu = decode_ok(s);
    assert_int_equal(pdu.u.fault.context_id, 1);
    assert_int_equal(pdu.u.fault.cancel_count, 2);
    assert_int_equal(pdu.u.fault.status, 0x1c070005);
    assert_int_equal(pdu.u.fault.extended_error.len, 0);
    unhex_free(s);

    s = unhex("05000303 10000000 1c00 0000 02000000  20000000 0100 0000 0500071c");
    pdu = decode_ok(s);
    assert_int_equal(pdu.odd, MR_ODD_SHORT);
    assert_int_equal(pdu.u.fault.status, 0x1c070005);
    unhex_free(s);
}

/* alloc_hint less 32 is the blob's length, unless it cannot be (MS-RPCE 2.2.2.8). */
static void fault_extended_error_length(void **state) {
    (void)state;
    static const struct {
        const char *hint;
        const char *blob;
    } cases[] = {
        {"24000000", "01020304"}, {"22000000", "0102"},     {"00000000", "01020304"},
        {"20000000", "01020304"}, {"ffffffff", "01020304"},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        char hex[200];
        snprintf(hex, sizeof hex, "05000303100000002400000002000000%s00000001%s%s%s",
                 cases[i].hint, "05000000", "00000000", "01020304");
        mr_slice s = unhex(hex);
        mr_pdu pdu = decode_ok(s);
        assert_octets(pdu.u.fault.extended_error, cases[i].blob);
        assert_octets(pdu.u.fault.stub, "01020304");
        unhex_free(s);
    }
}

static void oddities_are_flagged(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        unsigned odd;
    } cases[] = {
        {"05021103 10000000 1000 0000 00000000", MR_ODD_MINOR},
        {"05001103 11000000 1000 0000 00000000", MR_ODD_DREP},
        {"05001103 10010000 1000 0000 00000000", MR_ODD_DREP},
        {"05001103 10000000 1100 0000 00000000 00", MR_ODD_REST},
        {"05001003 10000000 1c00 0400 01000000 0a05000001000000 61626364", MR_ODD_SHORT},
        {"05001003 10000000 2200 0400 01000000 00000000 0000 0a05020001000000 61626364",
         MR_ODD_ALIGN},
        {"05001003 10000000 2400 0400 01000000 00000000 00000000 0a05000001000000 61626364",
         MR_ODD_PAD},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice s = unhex(cases[i].hex);
        mr_pdu pdu = decode_ok(s);
        assert_int_equal(pdu.odd, cases[i].odd);
        unhex_free(s);
    }
}

static void lies_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        int code;
        size_t offset;
    } cases[] = {
        /* auth_length larger than the PDU, and than what the header leaves */
        {"05000003 10000000 1c00 ffff 02000000  04000000 0000 0200 01020304", MR_ERR_MALFORMED, 10},
        {"05000003 10000000 1c00 0500 02000000  04000000 0000 0200 01020304", MR_ERR_MALFORMED, 10},
        /* the trailer reaches into the request's own fields */
        {"05000003 10000000 1c00 0400 02000000  04000000 0000 0200 01020304",
         MR_ERR_TRUNCATED, 16},
        /* more padding than stub */
        {"05000003 10000000 2800 0400 02000000  04000000 0000 0200 01020304"
         "0a06050001000000 61626364", MR_ERR_MALFORMED, 30},
        /* one context more than there is */
        {"05000b03 10000000 4800 0000 01000000  d016 d016 00000000  02000000 0000 0100 " EPM NDR,
         MR_ERR_TRUNCATED, 72},
        /* 255 transfer syntaxes */
        {"05000b03 10000000 4800 0000 01000000  d016 d016 00000000  01000000 0000 ff00 " EPM NDR,
         MR_ERR_TRUNCATED, 31},
        /* a secondary address beyond the end */
        {"05000c03 10000000 3c00 0000 01000000  b810 b810 f0530000  ffff 31333500 0000"
         "01000000 0000 0000 " NDR, MR_ERR_TRUNCATED, 26},
        /* 255 results */
        {"05000c03 10000000 3c00 0000 01000000  b810 b810 f0530000  0400 31333500 0000"
         "ff000000 0000 0000 " NDR, MR_ERR_TRUNCATED, 36},
        /* 255 versions */
        {"05000d03 10000000 1800 0000 01000000  0400 ff 0500 000000", MR_ERR_TRUNCATED, 19},
        /* RTS: 65535 commands, an unknown one, a huge padding, a strange address, a trailer */
        {"05001403 10000000 1800 0000 00000000  0000 ffff 07000000", MR_ERR_TRUNCATED, 24},
        {"05001403 10000000 1800 0000 00000000  0000 0100 0f000000", MR_ERR_MALFORMED, 20},
        {"05001403 10000000 1c00 0000 00000000  0000 0100 08000000 00000100", MR_ERR_MALFORMED, 24},
        {"05001403 10000000 1c00 0000 00000000  0000 0100 08000000 ffff0000", MR_ERR_TRUNCATED, 28},
        {"05001403 10000000 1c00 0000 00000000  0000 0100 0b000000 02000000", MR_ERR_MALFORMED, 24},
        {"05001403 10000000 2000 0400 00000000  0000 0000 0a05000001000000 61626364",
         MR_ERR_MALFORMED, 10},
        /* octets after the PDU */
        {"05001103 10000000 1000 0000 00000000 00", MR_ERR_MALFORMED, 16},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice s = unhex(cases[i].hex);
        mr_error err = MR_ERROR_INIT;
        mr_pdu pdu = {.odd = 77};
        int r = mr_pdu_decode(s, &pdu, &err);
        assert_failed(&err, r, cases[i].code, cases[i].offset);
        assert_int_equal(pdu.odd, 77);
        assert_int_equal(mr_pdu_decode(s, &pdu, NULL), r);
        unhex_free(s);
    }
}

static const mr_pdu_header plain = {.flags = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG, .call_id = 2};

static void stub_and_verifier_are_appended(void **state) {
    (void)state;
    mr_pdu_request request = {.alloc_hint = 5, .opnum = 2};
    mr_pdu_auth auth = {.type = MR_AUTH_NTLM, .level = MR_AUTH_LEVEL_PRIVACY, .context_id = 1,
                        .value = {NULL, 16}};
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 4096);
    mr_buf_write_u8(&buf, 0xaa);
    size_t at = buf.len;
    assert_int_equal(mr_pdu_encode_request(&buf, &plain, &request), 0);
    static const uint8_t stub[] = {1, 2, 3, 4, 5};
    mr_buf_write(&buf, mr_slice_of(stub, sizeof stub));
    assert_int_equal(mr_pdu_set_length(&buf, at), 0);
    assert_int_equal(buf.data[at + 8], 29);
    assert_int_equal(mr_pdu_encode_auth(&buf, at, &auth), 0);
    size_t trailer = buf.len - 16 - MR_PDU_AUTH_SIZE;
    assert_int_equal(buf.data[trailer], MR_AUTH_NTLM);
    for (uint8_t i = 0; i < 16; i++)
        buf.data[trailer + MR_PDU_AUTH_SIZE + i] = i;
    assert_octets(mr_slice_sub(mr_buf_slice(&buf), at, SIZE_MAX),
                  "05000003 10000000 4000 1000 02000000  05000000 0000 0200"
                  "0102030405 0000000000000000000000"
                  "0a060b0001000000 000102030405060708090a0b0c0d0e0f");
    mr_pdu pdu = decode_ok(mr_slice_sub(mr_buf_slice(&buf), at, SIZE_MAX));
    assert_octets(pdu.u.request.stub, "0102030405");
    assert_int_equal(pdu.auth.pad_length, 11);
    assert_int_equal(pdu.auth.offset + at, trailer);
    mr_buf_deinit(&buf);
}

static void encoders_keep_to_limits(void **state) {
    (void)state;
    static mr_syntax transfers[MR_PDU_TRANSFERS_MAX + 1];
    static uint8_t stub[MR_PDU_FRAG_MAX];
    mr_pdu_bind bind = {.max_xmit = 4280, .max_recv = 4280};
    mr_pdu_bind_ack ack = {.max_xmit = 4280, .max_recv = 4280};
    mr_pdu_result result = {0};
    mr_pdu_request request = {.stub = mr_slice_of(stub, MR_PDU_FRAG_MAX - 24)};
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 1 << 20);
    assert_int_equal(mr_pdu_encode_request(&buf, &plain, &request), 0);
    assert_int_equal(buf.len, MR_PDU_FRAG_MAX);
    decode_ok(mr_buf_slice(&buf));
    mr_buf_reset(&buf);
    request.stub.len++;
    assert_int_equal(mr_pdu_encode_request(&buf, &plain, &request), MR_ERR_LIMIT);
    assert_int_equal(mr_pdu_encode_request(&buf, &plain, &request), MR_ERR_LIMIT);

    mr_buf_reset(&buf);
    assert_int_equal(mr_pdu_encode_bind(&buf, &plain, &bind), 0);
    assert_int_equal(mr_pdu_add_context(&buf, 0, 0, &mr_syntax_ndr20, transfers,
                                        MR_PDU_TRANSFERS_MAX), 0);
    assert_int_equal(mr_pdu_add_context(&buf, 0, 0, &mr_syntax_ndr20, transfers,
                                        MR_PDU_TRANSFERS_MAX + 1), MR_ERR_LIMIT);
    mr_buf_reset(&buf);
    assert_int_equal(mr_pdu_encode_bind(&buf, &plain, &bind), 0);
    for (uint16_t i = 0; i < MR_PDU_CONTEXTS_MAX; i++)
        assert_int_equal(mr_pdu_add_context(&buf, 0, i, &mr_syntax_ndr20, transfers, 1), 0);
    assert_int_equal(decode_ok(mr_buf_slice(&buf)).u.bind.contexts.count, MR_PDU_CONTEXTS_MAX);
    assert_int_equal(mr_pdu_add_context(&buf, 0, 255, &mr_syntax_ndr20, transfers, 1),
                     MR_ERR_LIMIT);

    mr_buf_reset(&buf);
    assert_int_equal(mr_pdu_encode_bind_ack(&buf, &plain, &ack), 0);
    for (unsigned i = 0; i < MR_PDU_CONTEXTS_MAX; i++)
        assert_int_equal(mr_pdu_add_result(&buf, 0, &result), 0);
    assert_int_equal(mr_pdu_add_result(&buf, 0, &result), MR_ERR_LIMIT);

    mr_buf_reset(&buf);
    mr_pdu_bind_nak nak = {.version_count = MR_PDU_VERSIONS_MAX,
                           .versions = mr_slice_of(stub, 2 * MR_PDU_VERSIONS_MAX)};
    assert_int_equal(mr_pdu_encode_bind_nak(&buf, &plain, &nak), 0);
    assert_int_equal(decode_ok(mr_buf_slice(&buf)).u.bind_nak.version_count, MR_PDU_VERSIONS_MAX);
    mr_buf_deinit(&buf);
}

static void encoders_refuse_what_does_not_fit(void **state) {
    (void)state;
    static const uint8_t octets[MR_RTS_PADDING_MAX + 1];
    mr_pdu_bind_nak nak = {.version_count = 1};
    mr_pdu_rts rts = {0};
    mr_pdu_auth auth = {0};
    mr_pdu_result result = {0};
    mr_rts_command command = {.type = MR_RTS_CLIENT_ADDRESS, .octets = mr_slice_of(octets, 5)};
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 1 << 20);
    assert_int_equal(mr_pdu_set_length(&buf, 0), MR_ERR_ARGUMENT);
    assert_int_equal(mr_pdu_encode_bind_nak(&buf, &plain, &nak), MR_ERR_ARGUMENT);
    assert_int_equal(buf.len, 0);
    assert_int_equal(mr_pdu_encode_rts(&buf, &plain, &rts), 0);
    assert_int_equal(mr_pdu_add_context(&buf, 0, 0, &mr_syntax_ndr20, NULL, 0), MR_ERR_ARGUMENT);
    assert_int_equal(mr_pdu_add_result(&buf, 0, &result), MR_ERR_ARGUMENT);
    assert_int_equal(mr_pdu_encode_auth(&buf, 0, &auth), MR_ERR_ARGUMENT);
    assert_int_equal(mr_rts_add_command(&buf, 0, &command), MR_ERR_ARGUMENT);
    command = (mr_rts_command){.type = MR_RTS_PING_TRAFFIC_SENT + 1};
    assert_int_equal(mr_rts_add_command(&buf, 0, &command), MR_ERR_ARGUMENT);
    command = (mr_rts_command){.type = MR_RTS_PADDING,
                               .octets = mr_slice_of(octets, MR_RTS_PADDING_MAX + 1)};
    assert_int_equal(mr_rts_add_command(&buf, 0, &command), MR_ERR_ARGUMENT);
    assert_int_equal(buf.len, 20);
    command.octets.len = MR_RTS_PADDING_MAX;
    assert_int_equal(mr_rts_add_command(&buf, 0, &command), MR_ERR_LIMIT);
    mr_buf_deinit(&buf);
}

static void rts_fields(void **state) {
    (void)state;
    mr_slice s = unhex("05001403 10000000 5400 0000 00000000  0400 0300"
                       "01000000 10000000 20000000 " COOKIE
                       "08000000 04000000 00000000"
                       "0b000000 00000000 7f000001 000000000000000000000000");
    mr_pdu pdu = decode_ok(s);
    mr_rts_command command;
    mr_cursor items = pdu.u.rts.commands.items;
    assert_int_equal(pdu.u.rts.flags, MR_RTS_RECYCLE_CHANNEL);
    assert_int_equal(pdu.u.rts.commands.count, 3);
    assert_true(mr_rts_read_command(&items, &command));
    assert_int_equal(command.type, MR_RTS_FLOW_CONTROL_ACK);
    assert_int_equal(command.value, 16);
    assert_int_equal(command.window, 32);
    assert_int_equal(command.cookie.time_low, 0x33221100);
    assert_true(mr_rts_read_command(&items, &command));
    assert_int_equal(command.octets.len, 4);
    assert_true(mr_rts_read_command(&items, &command));
    assert_octets(command.octets, "7f000001");
    assert_false(mr_rts_read_command(&items, &command));
    assert_string_equal(mr_rts_type_name(MR_RTS_CLIENT_ADDRESS), "client_address");
    assert_string_equal(mr_rts_type_name(15), "unknown");
    unhex_free(s);
}

static void features_and_syntaxes(void **state) {
    (void)state;
    char text[MR_UUID_TEXT];
    mr_syntax syntax = mr_features_syntax(0x8000000000000003);
    uint64_t bits = 0;

    assert_string_equal(mr_uuid_text(&syntax.uuid, text), "6cb71c2c-9812-4540-0300-000000000080");
    assert_int_equal(syntax.major, 1);
    assert_true(mr_features_get(&syntax, &bits));
    assert_true(bits == 0x8000000000000003);
    assert_true(mr_features_get(&syntax, NULL));
    assert_false(mr_features_get(&mr_syntax_ndr20, &bits));
    assert_string_equal(mr_uuid_text(&mr_syntax_ndr20.uuid, text),
                        "8a885d04-1ceb-11c9-9fe8-08002b104860");
    assert_string_equal(mr_uuid_text(&mr_syntax_ndr64.uuid, text),
                        "71710533-beba-4937-8319-b5dbef9ccc36");
}

static void names(void **state) {
    (void)state;
    char text[MR_PFC_TEXT];
    assert_string_equal(mr_ptype_name(MR_PTYPE_ALTER_CONTEXT_RESP), "alter_context_resp");
    assert_string_equal(mr_ptype_name(21), "unknown");
    assert_string_equal(mr_auth_type_name(MR_AUTH_NETLOGON), "netlogon");
    assert_string_equal(mr_auth_type_name(2), "unknown");
    assert_string_equal(mr_auth_type_name(255), "unknown");
    assert_string_equal(mr_auth_level_name(MR_AUTH_LEVEL_PRIVACY), "privacy");
    assert_string_equal(mr_context_result_name(3), "negotiate_ack");
    assert_string_equal(mr_context_reason_name(1), "abstract_syntax_not_supported");
    assert_string_equal(mr_bind_nak_reason_name(8), "authentication_type_not_recognized");
    assert_string_equal(mr_bind_nak_reason_name(10), "unknown");
    assert_string_equal(mr_pfc_text(MR_PTYPE_BIND, 0x07, text),
                        "first_frag,last_frag,support_header_sign");
    assert_string_equal(mr_pfc_text(MR_PTYPE_REQUEST, 0x84, text), "pending_cancel,object_uuid");
    assert_string_equal(mr_pfc_text(MR_PTYPE_REQUEST, 0, text), "");
    assert_string_equal(mr_pfc_text(MR_PTYPE_BIND, 0xff, text),
                        "first_frag,last_frag,support_header_sign,reserved,conc_mpx,"
                        "did_not_execute,maybe,object_uuid");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_round_trip),
        cmocka_unit_test(vectors_truncated),
        cmocka_unit_test(vectors_flipped),
        cmocka_unit_test(framing_needs_ten_octets),
        cmocka_unit_test(framing_refuses_early),
        cmocka_unit_test(framing_limits),
        cmocka_unit_test(decode_bind_fields),
        cmocka_unit_test(decode_answers),
        cmocka_unit_test(bind_nak_signature_alignments),
        cmocka_unit_test(bind_nak_blob_without_padding),
        cmocka_unit_test(decode_calls),
        cmocka_unit_test(fault_extended_error_length),
        cmocka_unit_test(oddities_are_flagged),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(stub_and_verifier_are_appended),
        cmocka_unit_test(encoders_keep_to_limits),
        cmocka_unit_test(encoders_refuse_what_does_not_fit),
        cmocka_unit_test(rts_fields),
        cmocka_unit_test(features_and_syntaxes),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
