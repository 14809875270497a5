/* Privilege attribute certificates: one that Samba's KDC made, every octet of it changed and every
 * length of it, and SIDs as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/pac.h>

#include "hex.h"

/* Of alice of LAB.TEST, in a ticket for host/mb.lab.test. */
static const char ticket[] =
    "070000000000000001000000b001000078000000000000000a0000001400000028020000000000000c000000"
    "7000000040020000000000000600000010000000b0020000000000000700000010000000c002000000000000"
    "1000000010000000d0020000000000001300000010000000e00200000000000001100800cccccccca0010000"
    "00000000000002006e1b65add77add01ffffffffffffff7fffffffffffffff7f145f349dcf7add01141f9ec7"
    "987bdd0114df8d92d09bdd010a000a00040002000000000008000200000000000c0002000000000010000200"
    "00000000140002000000000018000200540000004f04000001020000010000001c0002002000000000000000"
    "0000000000000000000000000600080020000200060008002400020028000200000000000000000010000000"
    "00000000000000000000000000000000000000000000000000000000010000002c0002000000000000000000"
    "0000000005000000000000000500000061006c00690063006500000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0100000001020000070000000400000000000000030000004400430031000000040000000000000003000000"
    "4c00410042000000040000000104000000000005150000008b6f743f928c57bba849df8e0100000030000200"
    "070000000100000001010000000000120100000000000000800500add77add010a0061006c00690063006500"
    "000000001c00180010003800020000000a0048001c0052000000000061006c0069006300650040006c006100"
    "62002e007400650073007400000000004c00410042002e00540045005300540061006c006900630065000105"
    "000000000005150000008b6f743f928c57bba849df8e4f04000000001000000031109117499cf4286be2f817"
    "100000008f9eecf371dcc30a4c478106100000002971610866607d4677434df81000000050ab65ed97ffb2f8"
    "bdc35d79";

static uint8_t room[1024];

static mr_slice sample(void) {
    return mr_slice_of(room, hex_read(ticket, room, sizeof room));
}

static void assert_sid(const mr_sid *sid, const char *text) {
    char shown[MR_SID_TEXT];

    assert_string_equal(mr_sid_text(sid, shown), text);
}

static void decodes(void **state) {
    mr_arena arena;
    mr_pac pac;
    (void)state;

    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_pac_decode(sample(), &arena, &pac, NULL), 0);
    assert_string_equal(pac.user, "alice");
    assert_string_equal(pac.client, "alice");
    assert_string_equal(pac.domain, "LAB");
    assert_string_equal(pac.server, "DC1");
    assert_string_equal(pac.upn, "alice@lab.test");
    assert_string_equal(pac.dns_domain, "LAB.TEST");
    assert_true(mr_sid_eq(&pac.sids[0], &pac.sids[0]));
    assert_false(mr_sid_eq(&pac.sids[0], &pac.sids[1]));
    assert_int_equal(pac.sid_count, 3);
    assert_sid(&pac.sids[0], "S-1-5-21-1064595339-3143077010-2396998056-1103");
    assert_sid(&pac.sids[1], "S-1-5-21-1064595339-3143077010-2396998056-513");
    assert_sid(&pac.sids[2], "S-1-18-1"); /* the KDC knows the password */
    mr_arena_deinit(&arena);
}

/* What a decoder says of anything else: an error, or SIDs that are whole. */
static void survive(mr_slice bytes) {
    mr_arena arena;
    mr_pac pac;

    mr_arena_init(&arena, 1 << 16);
    if (mr_pac_decode(bytes, &arena, &pac, NULL) == 0)
        for (size_t i = 0; i < pac.sid_count; i++)
            assert_true(pac.sids[i].count <= MR_SID_SUBS);
    mr_arena_deinit(&arena);
}

static void damaged(void **state) {
    mr_slice good = sample();
    mr_arena arena;
    mr_pac pac;
    (void)state;

    for (size_t at = 0; at < good.len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            room[at] ^= (uint8_t)(1u << bit);
            survive(good);
            room[at] ^= (uint8_t)(1u << bit);
        }
    for (size_t len = 0; len < good.len; len++) {
        mr_arena_init(&arena, 1 << 16);
        assert_int_equal(mr_pac_decode(mr_slice_sub(good, 0, len), &arena, &pac, NULL),
                         MR_ERR_TRUNCATED);
        mr_arena_deinit(&arena);
    }
    mr_arena_init(&arena, 64); /* no memory for what is in it */
    assert_int_equal(mr_pac_decode(good, &arena, &pac, NULL), MR_ERR_MEMORY);
    mr_arena_deinit(&arena);
}

/* ---- the largest ---- */

/* A PAC of @count buffers, all of a type that nobody reads but the last, which is @last. */
static int decode_buffers(uint32_t count, uint32_t type, mr_slice last, size_t cap, mr_pac *pac,
                          mr_arena *arena) {
    mr_buf b;

    mr_buf_init(&b, NULL, 0, (size_t)1 << 20);
    mr_buf_write_u32(&b, count);
    mr_buf_write_u32(&b, 0);
    for (uint32_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        mr_buf_write_u32(&b, is_last ? type : 99);
        mr_buf_write_u32(&b, is_last ? (uint32_t)last.len : 0);
        mr_buf_write_u64(&b, 8 + 16 * count);
    }
    mr_buf_write(&b, last);
    mr_arena_init(arena, cap);
    int rc = mr_pac_decode(mr_buf_slice(&b), arena, pac, NULL);
    mr_buf_deinit(&b);
    return rc;
}

static void write_name(mr_buf *b, size_t units) {
    for (size_t i = 0; i < units; i++)
        mr_buf_write_u16(b, 'x');
}

/* Names have 1024 units at most: in PAC_CLIENT_INFO and UPN_DNS_INFO. */
static void longest_names(void **state) {
    mr_arena arena;
    mr_pac pac;
    mr_buf b;

    (void)state;
    for (uint16_t units = 1023; units <= 1025; units++) {
        int want = units <= 1024 ? 0 : MR_ERR_MALFORMED;
        mr_buf_init(&b, NULL, 0, 8192);
        mr_buf_write_u64(&b, 0);
        mr_buf_write_u16(&b, (uint16_t)(2 * units));
        write_name(&b, units);
        assert_int_equal(decode_buffers(1, 10, mr_buf_slice(&b), 1 << 16, &pac, &arena), want);
        if (!want)
            assert_int_equal(strlen(pac.client), units);
        mr_arena_deinit(&arena);
        mr_buf_reset(&b);
        for (int i = 0; i < 2; i++) {
            mr_buf_write_u16(&b, (uint16_t)(2 * units));
            mr_buf_write_u16(&b, 8);
        }
        write_name(&b, units);
        assert_int_equal(decode_buffers(1, 12, mr_buf_slice(&b), 1 << 16, &pac, &arena), want);
        if (!want)
            assert_int_equal(strlen(pac.upn) + strlen(pac.dns_domain), 2 * units);
        mr_arena_deinit(&arena);
        mr_buf_deinit(&b);
    }
}

static void most_buffers(void **state) {
    mr_arena arena;
    mr_pac pac;

    (void)state;
    for (uint32_t count = 63; count <= 65; count++) {
        assert_int_equal(decode_buffers(count, 10, MR_SLICE_LIT("\0\0\0\0\0\0\0\0\2\0a\0"), 1 << 16,
                                        &pac, &arena), count <= 64 ? 0 : MR_ERR_MALFORMED);
        if (count <= 64)
            assert_string_equal(pac.client, "a");
        mr_arena_deinit(&arena);
    }
}

static void write_sid(mr_buf *b, uint8_t subs) {
    mr_buf_write_u32(b, subs);
    mr_buf_write_u8(b, 1);
    mr_buf_write_u8(b, subs);
    mr_buf_write(b, MR_SLICE_LIT("\0\0\0\0\0\5"));
    for (uint8_t i = 0; i < subs; i++)
        mr_buf_write_u32(b, 21);
}

/* An array of @count pairs behind its size. */
static void write_pairs(mr_buf *b, uint32_t count, uint32_t first) {
    mr_buf_write_u32(b, count);
    for (uint32_t i = 0; i < count; i++) {
        mr_buf_write_u32(b, first + i);
        mr_buf_write_u32(b, 7);
    }
}

/* KERB_VALIDATION_INFO of a user in so many groups, with so many extra SIDs and resource groups. */
static int decode_sids(const uint32_t counts[3], size_t cap, mr_pac *pac, mr_arena *arena) {
    mr_buf b;

    mr_buf_init(&b, NULL, 0, (size_t)1 << 20);
    mr_buf_write(&b, MR_SLICE_LIT("\1\x10\x8\0\xcc\xcc\xcc\xcc\0\0\0\0\0\0\0\0"));
    mr_buf_write_u32(&b, 0x20000);
    mr_buf_write_zero(&b, 48 + 6 * 8 + 4);  /* times, no names, counts */
    mr_buf_write_u32(&b, 1000);              /* the user, the primary group, groups */
    mr_buf_write_u32(&b, 513);
    mr_buf_write_u32(&b, counts[0]);
    mr_buf_write_u32(&b, 1);
    mr_buf_write_zero(&b, 4 + 16 + 2 * 8);  /* flags, key, no names */
    mr_buf_write_u32(&b, 1);                 /* the domain's SID */
    mr_buf_write_zero(&b, 8 + 4 + 28);
    mr_buf_write_u32(&b, counts[1]);
    mr_buf_write_u32(&b, 1);
    mr_buf_write_u32(&b, 1);
    mr_buf_write_u32(&b, counts[2]);
    mr_buf_write_u32(&b, 1);
    write_pairs(&b, counts[0], 2000);
    write_sid(&b, 4);
    write_pairs(&b, counts[1], 1);
    for (uint32_t i = 0; i < counts[1]; i++)
        write_sid(&b, 5);
    write_sid(&b, 4);
    write_pairs(&b, counts[2], 9000);
    assert_int_equal(mr_buf_error(&b), 0);
    int rc = decode_buffers(1, 1, mr_buf_slice(&b), cap, pac, arena);
    mr_buf_deinit(&b);
    return rc;
}

/* Each of the three arrays has 4096 elements at most; all of them are told, in 1 MB. */
static void most_sids(void **state) {
    mr_arena arena;
    mr_pac pac;

    (void)state;
    for (int array = 0; array < 3; array++)
        for (uint32_t count = 4095; count <= 4097; count++) {
            uint32_t counts[3] = {1, 1, 1};
            counts[array] = count;
            assert_int_equal(decode_sids(counts, (size_t)1 << 20, &pac, &arena),
                             count <= 4096 ? 0 : MR_ERR_MALFORMED);
            if (count <= 4096)
                assert_int_equal(pac.sid_count, 2 + 2 + count);
            mr_arena_deinit(&arena);
        }
    assert_int_equal(decode_sids((const uint32_t[]){4096, 4096, 4096}, (size_t)1 << 20, &pac,
                                 &arena), 0);
    assert_int_equal(pac.sid_count, 2 + 3 * 4096);
    assert_sid(&pac.sids[0], "S-1-5-21-21-21-21-1000");
    assert_sid(&pac.sids[2 + 3 * 4096 - 1], "S-1-5-21-21-21-21-13095");
    mr_arena_deinit(&arena);
    assert_int_equal(decode_sids((const uint32_t[]){4096, 4096, 4096}, (size_t)1 << 18, &pac,
                                 &arena), MR_ERR_MEMORY);
    mr_arena_deinit(&arena);
}

static void texts(void **state) {
    mr_sid longest = {.authority = 0xffffffffffff, .count = MR_SID_SUBS};
    (void)state;

    for (int i = 0; i < MR_SID_SUBS; i++)
        longest.sub[i] = UINT32_MAX;
    char text[MR_SID_TEXT];
    assert_int_equal(strlen(mr_sid_text(&longest, text)), MR_SID_TEXT - 1);
    assert_sid(&(mr_sid){.authority = 1, .count = 1}, "S-1-1-0");
    assert_sid(&(mr_sid){.authority = 5, .count = 2, .sub = {32, 544}}, "S-1-5-32-544");
    assert_sid(&(mr_sid){.authority = 0x100000000, .count = 1, .sub = {7}}, "S-1-0x100000000-7");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(damaged),
        cmocka_unit_test(longest_names),
        cmocka_unit_test(most_buffers),
        cmocka_unit_test(most_sids),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
