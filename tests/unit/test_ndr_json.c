/* NDR and JSON: how values look, what may be left out, and what is said of mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_ndr_json.h"
#include "test_ndr_types.h"

#define ARENA_CAP (1u << 20)

typedef union any_value {
    uint64_t align;
    uint8_t octets[TEST_VALUE_MOST];
    sid sid;
    ustring ustring;
    chosen chosen;
    tail tail;
    ept_lookup_args lookup;
    mixed_args mixed;
    lookup_sids_args lookup_sids;
    set_info_args set_info;
} any_value;

static mr_token *tokens(const char *text, mr_arena *arena) {
    mr_token *token = json_read(mr_slice_str(text), arena);
    assert_non_null(token);
    return token;
}

/* @text read as @type and printed again is @printed (NULL: @text itself). */
static void check_text(const mr_type *type, const char *text, const char *printed) {
    mr_error err = MR_ERROR_INIT;
    any_value value = {0};
    mr_writer w;
    mr_arena arena;
    mr_buf out;

    mr_arena_init(&arena, ARENA_CAP);
    mr_buf_init(&out, NULL, 0, ARENA_CAP);
    mr_writer_init_json(&w, mr_sink_buf, &out, false);
    int r = mr_ndr_read_type(type, tokens(text, &arena), &arena, &value, &err);
    if (r != 0)
        print_error("%s: %s\n", text, err.text);
    assert_int_equal(r, 0);
    assert_int_equal(mr_ndr_print_type(type, NULL, &value, &w), 0);
    assert_int_equal(mr_writer_flush(&w), 0);
    while (out.len && out.data[out.len - 1] == '\n')
        out.len--;
    mr_buf_write_u8(&out, 0);
    assert_string_equal((const char *)out.data, printed ? printed : text);
    mr_writer_deinit(&w);
    mr_buf_deinit(&out);
    mr_arena_deinit(&arena);
}

static void test_forms(void **state) {
    (void)state;
    check_text(&mr_ndr_u64, "\"18446744073709551615\"", NULL);
    check_text(&mr_ndr_u64, "7", "\"7\"");
    check_text(&mr_ndr_i64, "\"-9223372036854775808\"", NULL);
    check_text(&mr_ndr_u32, "\"0xffffffff\"", "4294967295");
    check_text(&mr_ndr_i8, "\"-128\"", "-128");
    check_text(&mr_ndr_boolean, "true", NULL);
    check_text(&mr_ndr_boolean, "2", NULL);
    check_text(&mr_ndr_f32, "\"0x7f800000\"", NULL);
    check_text(&mr_ndr_f64, "0.5", NULL);
    check_text(&t_color, "\"BLUE\"", NULL);
    check_text(&t_color, "7", "\"BLUE\"");
    check_text(&t_color, "5", NULL);
    check_text(&mr_ndr_uuid, "\"E1AF8308-5D1F-11C9-91A4-08002B14A0FA\"",
               "\"e1af8308-5d1f-11c9-91a4-08002b14a0fa\"");
    check_text(&mr_ndr_context_handle,
               "{\"handle\":\"0100000002000000030004000506070809101112\"}", NULL);
    check_text(&t_cstring, "null", NULL);
    check_text(&t_cstring, "\"\"", NULL);
    check_text(&t_cstring, "{\"hex\":\"ff\"}", NULL);
    check_text(&t_wstring, "{\"utf16\":\"d8000041\"}", NULL);
    check_text(&t_wstring, "\"\xf0\x9f\x98\x80\"", NULL);
    check_text(&t_twr, "{\"tower_length\":2,\"tower_octet_string\":\"0aFF\"}",
               "{\"tower_length\":2,\"tower_octet_string\":\"0aff\"}");
    check_text(&t_u32_twice, "{\"pointer\":null}", NULL);
    check_text(&t_u32_twice, "5", NULL);
    check_text(&t_tree,
               "{\"value\":1,\"left\":{\"value\":2,\"left\":{\"referent\":1},\"right\":null},"
               "\"right\":{\"referent\":1}}",
               NULL);
    check_text(&t_packed_union, "{\"case\":-1,\"value\":3}", NULL);
    check_text(&t_packed_union, "{\"case\":77}", "{\"case\":77,\"value\":null}");
}

static void test_left_out(void **state) {
    (void)state;
    check_text(&t_sid, "{\"Revision\":1,\"IdentifierAuthority\":\"000000000005\","
                       "\"SubAuthority\":[21,1,2]}",
               "{\"Revision\":1,\"SubAuthorityCount\":3,\"IdentifierAuthority\":\"000000000005\","
               "\"SubAuthority\":[21,1,2]}");
    check_text(&t_ustring, "{\"Buffer\":\"abc\"}",
               "{\"Length\":6,\"MaximumLength\":6,\"Buffer\":\"abc\"}");
    check_text(&t_ustring, "{\"MaximumLength\":8,\"Buffer\":\"abc\"}",
               "{\"Length\":6,\"MaximumLength\":8,\"Buffer\":\"abc\"}");
    check_text(&t_chosen, "{\"value\":{\"case\":\"GREEN\",\"value\":\"5\"}}",
               "{\"which\":\"GREEN\",\"value\":{\"case\":\"GREEN\",\"value\":\"5\"}}");
    check_text(&t_chosen, "{\"which\":\"RED\",\"value\":{\"value\":5}}",
               "{\"which\":\"RED\",\"value\":{\"case\":\"RED\",\"value\":5}}");
    check_text(&t_tail, "{\"text\":\"hi\"}", "{\"size\":3,\"text\":\"hi\"}");
    check_text(&t_tail, "{\"size\":0,\"text\":\"\"}", NULL);
    check_text(&t_outer, "{\"in\":{\"tag\":1,\"items\":[{\"a\":1,\"b\":3}]}}",
               "{\"title\":null,\"count\":1,\"in\":{\"tag\":1,\"items\":[{\"a\":1,\"b\":3}]}}");
    check_text(&t_pointers, "{\"ref\":1,\"strings\":[{\"Buffer\":null,\"Length\":0,"
                            "\"MaximumLength\":0}],\"names\":[null,\"x\"],\"octets\":\"0102\"}",
               "{\"ref\":1,\"twice\":null,\"shared\":null,\"shared_too\":null,\"name_count\":2,"
               "\"string_count\":0,\"names\":[null,\"x\"],\"strings\":[{\"Length\":0,"
               "\"MaximumLength\":0,\"Buffer\":null}],\"length\":2,\"octets\":\"0102\"}");
}

static const struct mistake {
    const mr_type *type;
    const char *text;
    int code;
    const char *said;
} mistakes[] = {
    {&mr_ndr_u8, "256", MR_ERR_RANGE, "does not fit byte"},
    {&mr_ndr_u8, "-1", MR_ERR_RANGE, "does not fit"},
    {&mr_ndr_u64, "-1", MR_ERR_RANGE, "does not fit"},
    {&mr_ndr_u32, "\"x\"", MR_ERR_SYNTAX, "a number is wanted"},
    {&mr_ndr_u32, "1.5", MR_ERR_SYNTAX, "not a fractional number"},
    {&mr_ndr_uuid, "\"x\"", MR_ERR_SYNTAX, "a UUID is wanted"},
    {&mr_ndr_context_handle, "{\"handle\":\"00\"}", MR_ERR_SYNTAX, "20 octets, not 1"},
    {&mr_ndr_context_handle, "5", MR_ERR_SYNTAX, "is wanted"},
    {&t_color, "\"PINK\"", MR_ERR_SYNTAX, "a name or number"},
    {&t_sid, "{\"Revision\":1,\"SubAuthorityCount\":9,\"IdentifierAuthority\":\"000000000005\","
             "\"SubAuthority\":[1]}",
     MR_ERR_ARGUMENT, "SubAuthority: its size is given as 9, but it is 1"},
    {&t_sid, "{\"IdentifierAuthority\":\"000000000005\",\"SubAuthority\":[1]}", MR_ERR_ARGUMENT,
     "Revision: the member is missing"},
    {&t_sid, "{\"Revision\":1,\"IdentifierAuthority\":\"0005\",\"SubAuthority\":[1]}",
     MR_ERR_RANGE, "IdentifierAuthority: 2 elements"},
    {&t_sid, "{\"Revision\":1,\"IdentifierAuthority\":\"00000000000g\",\"SubAuthority\":[1]}",
     MR_ERR_SYNTAX, "IdentifierAuthority: a string of pairs"},
    {&t_sid, "{\"Revision\":1,\"IdentifierAuthority\":\"000000000005\"}", MR_ERR_ARGUMENT,
     "SubAuthority: the member is missing"},
    {&t_sid, "{\"revision\":1}", MR_ERR_SYNTAX, "no member \"revision\""},
    {&t_sid, "[]", MR_ERR_SYNTAX, "an object is wanted, not an array"},
    {&t_ustring, "{\"MaximumLength\":4,\"Buffer\":\"abc\"}", MR_ERR_ARGUMENT,
     "Buffer: its size is given as 2"},
    {&t_ustring, "{\"Length\":8,\"Buffer\":\"abc\"}", MR_ERR_ARGUMENT, "Buffer: its length"},
    {&t_chosen, "{\"which\":\"RED\",\"value\":{\"case\":\"GREEN\",\"value\":1}}", MR_ERR_ARGUMENT,
     "value: its case is given as 0"},
    {&t_chosen, "{\"value\":{\"value\":1}}", MR_ERR_ARGUMENT, "value: its case is missing"},
    {&t_chosen, "{\"which\":6,\"value\":{\"case\":6,\"value\":1}}", MR_ERR_ARGUMENT, "no case 6"},
    {&t_chosen, "{\"value\":{\"case\":\"RED\"}}", MR_ERR_ARGUMENT, "value.value: the member"},
    {&t_tail, "{\"size\":1,\"text\":\"hi\"}", MR_ERR_ARGUMENT, "text: its size is given as 1"},
    {&t_tail, "{\"text\":\"a\\u0000b\"}", MR_ERR_SYNTAX, "cannot hold a zero"},
    {&t_tree, "{\"value\":1,\"left\":{\"referent\":1}}", MR_ERR_ARGUMENT, "left: there is no"},
    {&t_ragged, "{\"a\":1,\"b\":2}", MR_ERR_RANGE, "b: 2 lies outside the range 3 to 200"},
    {&t_pointers, "{\"ref\":null}", MR_ERR_SYNTAX, "ref: a value is wanted"},
    {&t_pointers, "{\"ref\":1,\"strings\":[]}", MR_ERR_ARGUMENT, ""},
};

static void test_mistakes(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        mr_error err = MR_ERROR_INIT;
        any_value value = {0};
        mr_arena arena;

        mr_arena_init(&arena, ARENA_CAP);
        int r = mr_ndr_read_type(m->type, tokens(m->text, &arena), &arena, &value, &err);
        if (r != m->code || !strstr(err.text, m->said))
            print_error("%s: %d %s\n", m->text, r, err.text);
        assert_int_equal(r, m->code);
        assert_non_null(strstr(err.text, m->said));
        mr_arena_deinit(&arena);
    }
}

static void test_call(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_ndr_format format = {MR_NDR20, false};
    any_value args = {0};
    mr_arena arena;
    mr_buf out;

    (void)state;
    mr_arena_init(&arena, ARENA_CAP);
    mr_buf_init(&out, NULL, 0, ARENA_CAP);
    mr_token *token = tokens("{\"inquiry_type\":0,\"vers_option\":1,\"entry_handle\":null,"
                             "\"max_ents\":500}", &arena);
    assert_int_equal(mr_ndr_read(&test_procs[0], MR_NDR_REQUEST, token, &arena, &args, &err), 0);
    assert_null(args.lookup.object);
    assert_int_equal(args.lookup.max_ents, 500);
    assert_int_equal(mr_ndr_encode(&test_procs[0], MR_NDR_REQUEST, format, &args, &out, &err), 0);
    assert_int_equal(out.len, 40);
    token = tokens("{\"max_ents\":501}", &arena);
    assert_int_equal(mr_ndr_read(&test_procs[0], MR_NDR_REQUEST, token, &arena, &args, &err),
                     MR_ERR_ARGUMENT);
    token = tokens("{\"num_ents\":501}", &arena);
    assert_int_equal(mr_ndr_read(&test_procs[0], MR_NDR_REQUEST, token, &arena, &args, &err),
                     MR_ERR_SYNTAX);
    assert_non_null(strstr(err.text, "num_ents"));
    mr_buf_deinit(&out);
    mr_arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_call),
    };
    return cmocka_run_group_tests_name("ndr_json", tests, NULL, NULL);
}
