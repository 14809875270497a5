/* The verification trailer (MS-RPCE 2.2.2.13): what is written, octet by octet, and what is read of
 * trailers that others write, cut off, padded or full of what nobody knows. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include <msrpc/wire.h>
#include <msrpc/wire/verification.h>

#define SIGNATURE "8ae3137102f43671"
/* commands, without the mark of the last one and with it */
#define BITMASK "01000400 01000000"
#define LAST_BITMASK "01400400 01000000"
#define CONTEXT "02002800" SYNTAXES
#define LAST_CONTEXT "02402800" SYNTAXES
#define SYNTAXES "ecc5a10fa96b1b40bdcc0123456789ab 01000000" \
                 "045d888aeb1cc9119fe808002b104860 02000000"
#define HEADER "00000000 10000000 07000000 0100 0300"
#define LAST_HEADER "03401000" HEADER

static const mr_verification whole = {
    .has_bitmask = true, .header_sign = true, .has_context = true,
    .abstract = {{0x0fa1c5ec, 0x6ba9, 0x401b, {0xbd, 0xcc, 1, 0x23, 0x45, 0x67, 0x89, 0xab}}, 1, 0},
    .transfer = {{0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 8, 0x00, 0x2b, 0x10, 0x48, 0x60}}, 2, 0},
    .has_header = true, .ptype = MR_PTYPE_REQUEST, .drep = {0x10}, .call_id = 7, .context_id = 1,
    .opnum = 3};

static void assert_same(const mr_verification *a, const mr_verification *b) {
    assert_int_equal(a->has_bitmask, b->has_bitmask);
    assert_int_equal(a->header_sign, b->header_sign);
    assert_int_equal(a->has_context, b->has_context);
    assert_true(mr_syntax_eq(&a->abstract, &b->abstract));
    assert_true(mr_syntax_eq(&a->transfer, &b->transfer));
    assert_int_equal(a->has_header, b->has_header);
    assert_int_equal(a->ptype, b->ptype);
    assert_memory_equal(a->drep, b->drep, sizeof a->drep);
    assert_int_equal(a->call_id, b->call_id);
    assert_int_equal(a->context_id, b->context_id);
    assert_int_equal(a->opnum, b->opnum);
}

/* What encoding gives after @before octets, which are padding too where they are not whole. */
static void assert_written(const mr_verification *v, size_t before, size_t from, const char *hex,
                           size_t call_id_at) {
    uint8_t room[256];
    size_t call_id = 99;
    mr_buf buf;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    mr_buf_write_zero(&buf, before);
    assert_int_equal(mr_verification_encode(&buf, from, v, &call_id), 0);
    assert_hex(room + before, buf.len - before, hex);
    assert_int_equal(call_id, call_id_at);
    assert_true(buf.len - before <= MR_VERIFICATION_MAX);
}

static void written(void **state) {
    mr_verification v = {.has_bitmask = true};
    (void)state;

    assert_written(&whole, 0, 0, SIGNATURE BITMASK CONTEXT LAST_HEADER, 8 + 8 + 44 + 4 + 8);
    assert_written(&v, 0, 0, SIGNATURE "01400400 00000000", 0);
    v.header_sign = true;
    assert_written(&v, 5, 0, "000000" SIGNATURE LAST_BITMASK, 0);
    assert_written(&v, 5, 1, SIGNATURE LAST_BITMASK, 0);
    v = whole;
    v.has_header = false;
    assert_written(&v, 3, 0, "00" SIGNATURE BITMASK LAST_CONTEXT, 0);
    v.has_bitmask = false;
    assert_written(&v, 0, 0, SIGNATURE LAST_CONTEXT, 0);
    v.has_context = false;
    v.has_header = true;
    assert_written(&v, 24, 24, SIGNATURE LAST_HEADER, 24 + 8 + 4 + 8);
}

/* A trailer of nothing is none; one without room says so. Neither touches the place of the id. */
static void not_written(void **state) {
    uint8_t room[MR_VERIFICATION_MAX];
    size_t call_id = 99;
    mr_buf buf;
    (void)state;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_verification_encode(&buf, 0, &(mr_verification){0}, &call_id),
                     MR_ERR_ARGUMENT);
    assert_int_equal(buf.len, 0);
    for (size_t cap = 0; cap < 8 + 8 + 44 + 20; cap++) {
        mr_buf_init(&buf, room, cap, cap);
        assert_true(mr_verification_encode(&buf, 0, &whole, &call_id) < 0);
    }
    assert_int_equal(call_id, 99);
}

/* What decoding the octets of @hex from @at on returns. */
static int read_hex(const char *hex, size_t at, bool *foundp, mr_verification *vp) {
    mr_error err = MR_ERROR_INIT;
    uint8_t octets[256];
    size_t n = hex_read(hex, octets, sizeof octets);
    uint8_t *own = malloc(n + 1); /* so that a sanitizer sees its end */

    assert_non_null(own);
    memcpy(own, octets, n);
    int rc = mr_verification_decode(mr_slice_of(own, n), at, foundp, vp, &err);
    free(own);
    assert_true(rc == 0 || (err.code == rc && *err.text));
    return rc;
}

static void assert_read(const char *hex, size_t at, const mr_verification *want) {
    mr_verification v;
    bool found = false;

    assert_int_equal(read_hex(hex, at, &found, &v), 0);
    assert_true(found);
    assert_same(&v, want);
}

static void read(void **state) {
    mr_verification v = {.has_bitmask = true, .header_sign = true};
    (void)state;

    assert_read(SIGNATURE BITMASK CONTEXT LAST_HEADER, 0, &whole);
    assert_read("ffffffff" SIGNATURE BITMASK CONTEXT LAST_HEADER, 1, &whole);
    /* in another order, twice, with what nobody knows between, and something behind */
    assert_read(SIGNATURE "03001000" HEADER CONTEXT LAST_BITMASK, 0, &whole);
    assert_read(SIGNATURE LAST_BITMASK "0123456789", 0, &v);
    assert_read(SIGNATURE "3f00 0300 abcdef" LAST_BITMASK, 0, &v);
    assert_read(SIGNATURE "0900 0000" "0000 0000" LAST_BITMASK, 0, &v);
    assert_read(SIGNATURE BITMASK LAST_BITMASK, 0, &v);
    /* known commands may be marked as those that must be processed */
    assert_read(SIGNATURE "01c00400 01000000", 0, &v);
    /* the other bits of the mask mean nothing */
    v.header_sign = false;
    assert_read(SIGNATURE "01400400 feffffff", 0, &v);
    /* padding need not be the shortest, nor zero; the first signature is the one */
    assert_read("01 ffffff 02030405 06070809" SIGNATURE "01400400 00000000" SIGNATURE, 1, &v);
}

static void not_there(void **state) {
    static const char *const stubs[] = {"", "00", SIGNATURE, "8ae31371 02f43670 01400400 00000000",
                                        "ff" SIGNATURE LAST_BITMASK "00", "8ae31371"};
    static const size_t ats[] = {0, 0, 1, 0, 0, 0};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(stubs); i++) {
        mr_verification v = whole;
        bool found = true;
        if (read_hex(stubs[i], ats[i], &found, &v) != 0 || found)
            fail_msg("\"%s\" has a trailer", stubs[i]);
        assert_same(&v, &(mr_verification){0});
    }
    mr_verification v = whole;
    bool found = true;
    assert_int_equal(read_hex("00000000", 4000, &found, &v), 0); /* beyond the end */
    assert_false(found);
}

static void refused(void **state) {
    static const struct {
        const char *hex;
        int code;
    } cases[] = {
        {SIGNATURE BITMASK, MR_ERR_MALFORMED}, /* no last one */
        {SIGNATURE "01400300 000000", MR_ERR_MALFORMED},
        {SIGNATURE "01400500 0000000000", MR_ERR_MALFORMED},
        {SIGNATURE "0240 2700" SYNTAXES, MR_ERR_MALFORMED},
        {SIGNATURE "0240 2900" SYNTAXES "00", MR_ERR_MALFORMED},
        {SIGNATURE "0340 0f00" HEADER, MR_ERR_MALFORMED},
        {SIGNATURE "0340 1400" HEADER "00000000", MR_ERR_MALFORMED},
        {SIGNATURE "0940 ffff 00", MR_ERR_MALFORMED},
        {SIGNATURE "09c0 0000", MR_ERR_UNSUPPORTED},
        {SIGNATURE "0080 0000" LAST_BITMASK, MR_ERR_UNSUPPORTED},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_verification v = whole;
        bool found = false;
        int rc = read_hex(cases[i].hex, 0, &found, &v);
        if (rc != cases[i].code)
            fail_msg("%s: %d", cases[i].hex, rc);
        assert_true(found);
        assert_same(&v, &whole); /* untouched */
    }
}

/* Every end that is too early. */
static void cut_off(void **state) {
    uint8_t octets[128];
    size_t n = hex_read(SIGNATURE BITMASK CONTEXT LAST_HEADER, octets, sizeof octets);
    (void)state;

    for (size_t len = 0; len <= n; len++) {
        mr_verification v = {0};
        bool found = false;
        int rc = mr_verification_decode(mr_slice_of(octets, len), 0, &found, &v, NULL);
        assert_int_equal(found, len >= 8);
        assert_int_equal(rc, len < 8 || len == n ? 0 : MR_ERR_MALFORMED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written), cmocka_unit_test(not_written), cmocka_unit_test(read),
        cmocka_unit_test(not_there), cmocka_unit_test(refused), cmocka_unit_test(cut_off),
    };
    return cmocka_run_group_tests_name("verification", tests, NULL, NULL);
}
