/*
 * NetBIOS name queries: octets as nmbd and nmblookup exchange them (read back by tshark), and the
 * rare answers as RFC 1002 draws them; names and suffixes as people write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/wire/nbt.h>

#include "sample.h"

static const char near_letters[] = "\x20" "EOEFEBFCCACACACACACACACACACACACA";

static void test_questions(void **state) {
    mr_nbt_question q = {.id = 0x60e8, .type = MR_NBT_TYPE_NB, .broadcast = true,
                         .recursion = true};
    uint8_t room[300];
    int suffix;
    mr_buf buf;

    (void)state;
    assert_int_equal(mr_nbt_name_decode(MR_SLICE_LIT("near#20"), q.name, &suffix, NULL), 0);
    assert_int_equal(suffix, 0x20);
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_nbt_encode_question(&q, &buf), 0);
    /* as nmblookup -B sent it */
    assert_int_equal(buf.len, 50);
    assert_memory_equal(room, "\x60\xe8\x01\x10\0\1\0\0\0\0\0\0", 12);
    assert_memory_equal(room + 12, near_letters, 33);
    assert_memory_equal(room + 45, "\0\0\x20\0\1", 5);
    /* to a name server, in a scope */
    mr_buf_reset(&buf);
    q.broadcast = false;
    q.scope = MR_SLICE_LIT("a.corp");
    assert_int_equal(mr_nbt_encode_question(&q, &buf), 0);
    assert_memory_equal(room + 2, "\x01\x00", 2);
    assert_memory_equal(room + 45, "\1a\4corp\0\0\x20\0\1", 12);
    static const char *const bad[] = {".", "a.", ".a", "a..b",
        "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < MR_COUNT(bad); i++) {
        q.scope = mr_slice_str(bad[i]);
        assert_int_equal(mr_nbt_encode_question(&q, &buf), MR_ERR_ARGUMENT);
    }
}

static void test_positive(void **state) {
    mr_slice unique = sample_get("nbt/nb_unique"), group = sample_get("nbt/nb_scope");
    mr_error err = MR_ERROR_INIT;
    mr_nbt_answer a;
    mr_arena arena;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_nbt_answer_decode(unique, &arena, &a, NULL), 0);
    assert_int_equal(a.kind, MR_NBT_ANSWER_POSITIVE);
    assert_int_equal(a.id, 0x60e8);
    assert_true(a.authoritative && a.recursion_available && a.has_name && !a.truncated);
    assert_true(mr_slice_eq(mr_nbt_name_trim(a.name), MR_SLICE_LIT("NEAR")));
    assert_int_equal(a.name[15], 0x20);
    assert_int_equal(a.ttl, 259200);
    assert_int_equal(a.addr_count, 1);
    assert_memory_equal(a.addrs[0].ip, "\x0a\x58\x01\x01", 4);
    assert_false(a.addrs[0].flags & MR_NBT_GROUP);
    assert_string_equal(mr_nbt_node_text(a.addrs[0].flags), "H");
    for (size_t n = 0; n < unique.len; n++) {
        mr_slice cut = sample_cut(unique, n);
        assert_int_equal(mr_nbt_answer_decode(cut, &arena, &a, &err), MR_ERR_TRUNCATED);
        assert_true(err.offset <= n);
        sample_free(cut);
    }
    assert_int_equal(mr_nbt_answer_decode(group, &arena, &a, NULL), 0);
    assert_string_equal(a.scope, "a.bc");
    assert_int_equal(a.addr_count, 3);
    assert_true(a.addrs[2].flags & MR_NBT_GROUP);
    assert_string_equal(mr_nbt_node_text(a.addrs[0].flags), "B");
    assert_string_equal(mr_nbt_node_text(a.addrs[1].flags), "H");
    assert_string_equal(mr_nbt_node_text(a.addrs[2].flags), "M");
    mr_arena_deinit(&arena);
    sample_free(unique);
    sample_free(group);
}

static mr_nbt_answer decode(const char *name, mr_arena *arena) {
    mr_slice s = sample_get(name);
    mr_nbt_answer a = {0};

    assert_int_equal(mr_nbt_answer_decode(s, arena, &a, NULL), 0);
    sample_free(s);
    return a;
}

static void test_other_answers(void **state) {
    static const uint8_t question[] = "\x60\xe8\x01\x10\0\1\0\0\0\0\0\0";
    static const uint8_t bare[] = "\x60\xe8\x85\x83\0\0\0\0\0\0\0\0";
    static const uint8_t nothing[] = "\x60\xe8\x85\x80\0\0\0\0\0\0\0\0";
    mr_nbt_answer a;
    mr_arena arena;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    a = decode("nbt/nb_negative", &arena);
    assert_int_equal(a.kind, MR_NBT_ANSWER_NEGATIVE);
    assert_int_equal(a.rcode, 3);
    assert_string_equal(mr_nbt_rcode_text(a.rcode), "the name does not exist");
    assert_int_equal(a.addr_count, 0);
    a = decode("nbt/nb_wack", &arena);
    assert_int_equal(a.kind, MR_NBT_ANSWER_WAIT);
    assert_int_equal(a.ttl, 10);
    a = decode("nbt/nb_redirect", &arena);
    assert_int_equal(a.kind, MR_NBT_ANSWER_REDIRECT);
    assert_memory_equal(a.server, "\x0a\x01\x02\x03", 4);
    assert_string_equal(a.scope, "corp.example");
    a = decode("nbt/nb_group_empty", &arena);
    assert_int_equal(a.kind, MR_NBT_ANSWER_POSITIVE);
    assert_true(a.addrs[0].flags & MR_NBT_GROUP);
    assert_int_equal(mr_nbt_answer_decode(mr_slice_of(question, 12), &arena, &a, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_nbt_answer_decode(mr_slice_of(nothing, 12), &arena, &a, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_nbt_answer_decode(mr_slice_of(bare, 12), &arena, &a, NULL), 0);
    assert_int_equal(a.kind, MR_NBT_ANSWER_NEGATIVE);
    assert_false(a.has_name);
    mr_arena_deinit(&arena);
}

static void name_is(const char *text, const char *want, int want_suffix) {
    uint8_t name[MR_NBT_NAME];
    int suffix;

    assert_int_equal(mr_nbt_name_decode(mr_slice_str(text), name, &suffix, NULL), 0);
    assert_memory_equal(name, want, MR_NBT_NAME);
    assert_int_equal(suffix, want_suffix);
}

static void test_names(void **state) {
    static const char *const bad[] = {"", "#20", "<20>", "0123456789abcdef", "A#", "A#123", "A<2g>",
                                      "A>"};
    uint8_t name[MR_NBT_NAME];
    mr_error err = MR_ERROR_INIT;
    int suffix;

    (void)state;
    name_is("srv", "SRV            \0", MR_NBT_NO_SUFFIX);
    name_is("corp<1c>", "CORP           \x1c", 0x1c);
    name_is("a b#3", "A B            \x03", 3);
    name_is("0123456789abcde", "0123456789ABCDE\0", MR_NBT_NO_SUFFIX);
    name_is("*", "*\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", MR_NBT_NO_SUFFIX);
    name_is("__MSBROWSE__#01", "\x01\x02__MSBROWSE__\x02\x01", 1);
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(mr_nbt_name_decode(mr_slice_str(bad[i]), name, &suffix, &err),
                         MR_ERR_SYNTAX);
}

static void test_suffixes(void **state) {
    static const struct {
        const char *text;
        uint8_t suffix;
    } good[] = {{"20", 0x20}, {"0x1C", 0x1c}, {"#1b", 0x1b}, {"<1D>", 0x1d},
                {"server", 0x20}, {"DC", 0x1c}, {"pdc", 0x1b}, {"0", 0}, {"master", 0x1d}};
    static const char *const bad[] = {"", "123", "0x", "zz", "<>", "#"};
    uint8_t suffix, other;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(good); i++) {
        assert_int_equal(mr_nbt_suffix_decode(mr_slice_str(good[i].text), &suffix), 0);
        assert_int_equal(suffix, good[i].suffix);
    }
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(mr_nbt_suffix_decode(mr_slice_str(bad[i]), &suffix), MR_ERR_SYNTAX);
    /* every word leads to its own octet, and the octet has a meaning */
    const char *word;
    size_t words = 0;
    for (; (word = mr_nbt_suffix_word(words, &suffix)); words++) {
        assert_int_equal(mr_nbt_suffix_decode(mr_slice_str(word), &other), 0);
        assert_int_equal(suffix, other);
        assert_true(*mr_nbt_suffix_text(suffix, false) || *mr_nbt_suffix_text(suffix, true));
    }
    assert_true(words > 10);
    assert_string_equal(mr_nbt_suffix_text(0x00, false), "workstation");
    assert_string_equal(mr_nbt_suffix_text(0x00, true), "domain or workgroup");
    assert_string_equal(mr_nbt_meaning(MR_SLICE_LIT("IS~WEB1"), 0, false), "web server (IIS)");
    assert_string_equal(mr_nbt_meaning(MR_SLICE_LIT("INET~SERVICES"), 0x1c, true),
                        "web server group (IIS)");
    assert_string_equal(mr_nbt_meaning(MR_SLICE_LIT("CORP"), 0x1c, true), "domain controllers");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_positive),
        cmocka_unit_test(test_other_answers),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_suffixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
