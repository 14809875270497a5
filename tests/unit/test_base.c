/* The base floor: every promise of its headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <msrpc/base.h>

static void arena_is_capped_and_zeroed(void **state) {
    (void)state;
    mr_arena a;
    mr_arena_init(&a, 10000);
    uint8_t *p = mr_arena_get(&a, 100, 10);
    assert_non_null(p);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    assert_null(mr_arena_get(&a, 1, 9500));
    assert_null(mr_arena_get(&a, SIZE_MAX / 2, 3));
    assert_null(mr_arena_get(&a, SIZE_MAX, 1));
    assert_non_null(mr_arena_get(&a, 0, 8));
    assert_non_null(mr_arena_get(&a, 1, 8900));
    assert_null(mr_arena_get(&a, 1, 100));
    mr_arena_reset(&a);
    assert_int_equal(a.used, 0);
    memset(mr_arena_get_raw(&a, 1, 9000), 0xff, 9000);
    mr_arena_reset(&a);
    p = mr_arena_get(&a, 1, 9000);
    assert_int_equal(p[8999], 0);
    assert_string_equal(mr_arena_add_fmt(&a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(mr_arena_add_str(&a, mr_slice_of("abcd", 2)), "ab");
    mr_arena_deinit(&a);
    mr_arena_deinit(&a);
}

static void arena_aligns(void **state) {
    (void)state;
    mr_arena a;
    mr_arena_init(&a, 1 << 20);
    for (size_t i = 1; i < 200; i++)
        assert_int_equal((uintptr_t)mr_arena_get(&a, 1, i) % _Alignof(max_align_t), 0);
    mr_arena_deinit(&a);
}

static void buf_grows_to_its_cap(void **state) {
    (void)state;
    uint8_t small[8];
    mr_buf b;
    mr_buf_init(&b, small, sizeof small, 20);
    mr_buf_write_u32(&b, 0x01020304);
    assert_ptr_equal(b.data, small);
    b.big = true;
    mr_buf_write_u32(&b, 0x01020304);
    mr_buf_write_u64(&b, 0x1112131415161718);
    static const uint8_t want[] = {4, 3, 2, 1, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14,
                                   0x15, 0x16, 0x17, 0x18};
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    mr_buf_set_u16(&b, 0, 0xaabb);
    assert_int_equal(b.data[0], 0xaa);
    mr_buf_write_zero(&b, 5);
    assert_int_equal(mr_buf_error(&b), MR_ERR_LIMIT);
    mr_buf_write_u8(&b, 1); /* sticky */
    assert_int_equal(b.len, sizeof want);
    mr_buf_reset(&b);
    mr_buf_set_u32(&b, 0, 1);
    assert_int_equal(mr_buf_error(&b), MR_ERR_ARGUMENT);
    mr_buf_deinit(&b);
}

/* A cap below the memory that is there holds; one above it is used. */
static void buf_takes_another_cap(void **state) {
    (void)state;
    mr_buf b;
    mr_buf_init(&b, NULL, 0, 4096);
    mr_buf_write_zero(&b, 256);
    mr_buf_set_cap(&b, 192);
    assert_int_equal(b.len, 0);
    mr_buf_write_zero(&b, 192);
    assert_int_equal(mr_buf_error(&b), 0);
    mr_buf_write_u8(&b, 1);
    assert_int_equal(mr_buf_error(&b), MR_ERR_LIMIT);
    mr_buf_set_cap(&b, 1000);
    mr_buf_write_zero(&b, 1000);
    assert_int_equal(mr_buf_error(&b), 0);
    mr_buf_write_u8(&b, 1);
    assert_int_equal(mr_buf_error(&b), MR_ERR_LIMIT);
    mr_buf_deinit(&b);
}

static void buf_takes_nothing(void **state) {
    (void)state;
    mr_buf b;
    mr_buf_init(&b, NULL, 0, 16);
    assert_non_null(mr_buf_add(&b, 0));
    mr_buf_write(&b, MR_SLICE_NULL);
    mr_buf_write_str(&b, NULL);
    mr_buf_write_align(&b, 0, 8);
    assert_int_equal(b.len, 0);
    assert_int_equal(mr_buf_error(&b), 0);
    mr_buf_deinit(&b);
    mr_cursor c = mr_cursor_of(MR_SLICE_NULL);
    assert_int_equal(mr_cursor_read(&c, 0).len, 0);
    assert_true(mr_cursor_ok(&c));
}

static void buf_formats_and_aligns(void **state) {
    (void)state;
    mr_buf b;
    mr_buf_init(&b, NULL, 0, 4096);
    mr_buf_write_str(&b, "abc");
    mr_buf_write_align(&b, 0, 4);
    assert_int_equal(b.len, 4);
    mr_buf_write_align(&b, 0, 4);
    assert_int_equal(b.len, 4);
    mr_buf_write_fmt(&b, "%0500d", 7);
    assert_int_equal(b.len, 504);
    assert_int_equal(b.data[503], '7');
    assert_int_equal(mr_buf_error(&b), 0);
    mr_buf_deinit(&b);
}

static void cursor_is_sticky(void **state) {
    (void)state;
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    mr_cursor c = mr_cursor_of(mr_slice_of(in, sizeof in));
    assert_int_equal(mr_cursor_read_u16(&c), 0x0201);
    c.big = true;
    assert_int_equal(mr_cursor_read_u16(&c), 0x0304);
    mr_cursor w = mr_cursor_window(&c, 3);
    assert_int_equal(mr_cursor_read_u16(&w), 0x0506);
    assert_int_equal(mr_cursor_read_u16(&w), 0);
    assert_false(mr_cursor_ok(&w));
    assert_int_equal(w.bad_at, 6);
    assert_int_equal(mr_cursor_read_u8(&w), 0); /* although one octet is left in its window */
    assert_true(mr_cursor_ok(&c));
    assert_int_equal(mr_cursor_left(&c), 2);
    mr_cursor_align(&c, 0, 8);
    assert_int_equal(c.pos, 8);
    assert_int_equal(mr_cursor_read_u64(&c), 0);
    assert_int_equal(c.bad_at, 8);
    assert_int_equal(mr_cursor_left(&c), 0);
    assert_null(mr_cursor_take(&c, 0));
}

static void cursor_refuses_huge_lengths(void **state) {
    (void)state;
    static const uint8_t in[4] = {0};
    mr_cursor c = mr_cursor_of(mr_slice_of(in, sizeof in));
    mr_cursor_skip(&c, 2);
    assert_int_equal(mr_cursor_read(&c, SIZE_MAX).len, 0);
    assert_false(mr_cursor_ok(&c));
    c = mr_cursor_of(mr_slice_of(in, sizeof in));
    mr_cursor w = mr_cursor_window(&c, 5);
    assert_false(mr_cursor_ok(&w));
    assert_false(mr_cursor_ok(&c));
}

static void uuid_text_and_order(void **state) {
    (void)state;
    mr_uuid u, v;
    char text[MR_UUID_TEXT];
    assert_int_equal(mr_uuid_decode(MR_SLICE_LIT("E1AF8308-5D1F-11C9-91A4-08002B14A0FA"), &u), 0);
    assert_string_equal(mr_uuid_text(&u, text), "e1af8308-5d1f-11c9-91a4-08002b14a0fa");
    assert_int_equal(mr_uuid_decode(MR_SLICE_LIT("{e1af8308-5d1f-11c9-91a4-08002b14a0fb}"), &v), 0);
    assert_true(mr_uuid_cmp(&u, &v) < 0);
    assert_false(mr_uuid_eq(&u, &v));
    assert_true(mr_uuid_is_nil(&MR_UUID_NIL));
    static const char *const bad[] = {"", "e1af8308", "e1af8308-5d1f-11c9-91a4-08002b14a0fg",
                                      "e1af8308x5d1f-11c9-91a4-08002b14a0fa",
                                      "{e1af8308-5d1f-11c9-91a4-08002b14a0fa"};
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(mr_uuid_decode(mr_slice_str(bad[i]), &u), MR_ERR_SYNTAX);

    uint8_t wire[16];
    mr_buf b;
    mr_buf_init(&b, wire, sizeof wire, sizeof wire);
    mr_buf_write_uuid(&b, &v);
    assert_int_equal(wire[0], 0x08);
    mr_cursor c = mr_cursor_of(mr_buf_slice(&b));
    u = mr_cursor_read_uuid(&c);
    assert_true(mr_uuid_eq(&u, &v));
    c = mr_cursor_of(mr_slice_of(wire, 15));
    u = mr_cursor_read_uuid(&c);
    assert_true(mr_uuid_is_nil(&u));
}

static void syntax_versions(void **state) {
    (void)state;
    mr_syntax s;
    bool has;
    assert_int_equal(
        mr_syntax_decode(MR_SLICE_LIT("e1af8308-5d1f-11c9-91a4-08002b14a0fa:3.1"), &s, &has), 0);
    assert_true(has);
    assert_int_equal(s.major, 3);
    assert_int_equal(s.minor, 1);
    assert_int_equal(
        mr_syntax_decode(MR_SLICE_LIT("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), &s, &has), 0);
    assert_false(has);
    assert_int_equal(mr_syntax_decode(MR_SLICE_LIT("e1af8308-5d1f-11c9-91a4-08002b14a0fa:"), &s,
                                      &has), MR_ERR_SYNTAX);
    assert_int_equal(mr_syntax_decode(MR_SLICE_LIT("e1af8308-5d1f-11c9-91a4-08002b14a0fa:3.70000"),
                                      &s, &has), MR_ERR_SYNTAX);
}

static void numbers(void **state) {
    (void)state;
    uint64_t v = 9;
    assert_int_equal(mr_slice_get_number(MR_SLICE_LIT("0x1F"), 255, &v), 0);
    assert_int_equal(v, 31);
    assert_int_equal(mr_slice_get_number(MR_SLICE_LIT("18446744073709551615"), UINT64_MAX, &v), 0);
    assert_true(v == UINT64_MAX);
    static const char *const bad[] = {"", "0x", "12a", "-1", "18446744073709551616", " 1", "256"};
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(mr_slice_get_number(mr_slice_str(bad[i]), 255, &v), MR_ERR_SYNTAX);
}

static void utf16_round_trip(void **state) {
    (void)state;
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    mr_arena a;
    mr_arena_init(&a, 4096);
    uint16_t *units;
    size_t count;
    assert_int_equal(mr_utf16_encode(mr_slice_str(text), &a, &units, &count), 0);
    assert_int_equal(count, 5);
    assert_int_equal(units[3], 0xd83d);
    assert_int_equal(units[5], 0);
    mr_buf b;
    mr_buf_init(&b, NULL, 0, 100);
    assert_int_equal(mr_utf16_decode(units, count, &b), 0);
    assert_true(mr_slice_eq(mr_buf_slice(&b), mr_slice_str(text)));
    mr_buf_reset(&b);
    static const uint16_t lone[] = {'x', 0xdc00, 0xd800};
    assert_false(mr_utf16_ok(lone, 3));
    assert_int_equal(mr_utf16_decode(lone, 3, &b), 2);
    static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                                      "\x80"};
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(mr_utf16_encode(mr_slice_str(bad[i]), &a, &units, &count), MR_ERR_SYNTAX);
    mr_buf_deinit(&b);
    mr_arena_deinit(&a);
}

static void times(void **state) {
    (void)state;
    char text[MR_TIME_TEXT];
    int64_t sec;
    uint32_t nsec;
    assert_true(mr_time_filetime(0, 0) == 116444736000000000u);
    mr_time_unix(116444736000000000u + 12345678, &sec, &nsec);
    assert_int_equal(sec, 1);
    assert_int_equal(nsec, 234567800);
    assert_string_equal(mr_time_text(951782400, 5000000, text), "2000-02-29T00:00:00.005Z");
    assert_string_equal(mr_time_text(INT64_MAX, 0, text), "9999-12-31T23:59:59.999Z");
    assert_true(mr_time_filetime(INT64_MAX, 0) == INT64_MAX);
    assert_true(mr_time_filetime(INT64_MIN, 0) == 0);
}

static void errors_tell_where(void **state) {
    (void)state;
    mr_error e = MR_ERROR_INIT;
    char text[300];
    assert_int_equal(mr_fail(&e, MR_ERR_TRUNCATED, MR_FLOOR_NDR, 17, "%s ends", "stub"),
                     MR_ERR_TRUNCATED);
    mr_error_text(&e, text, sizeof text);
    assert_string_equal(text, "ndr: stub ends (at octet 17)");
    assert_int_equal(mr_fail_peer(&e, MR_ERR_FAULT, MR_FLOOR_RPC, MR_PEER_FAULT, 5, "no"),
                     MR_ERR_FAULT);
    assert_int_equal(e.peer, 5);
    assert_int_equal(mr_fail(NULL, MR_ERR_LIMIT, MR_FLOOR_NDR, 0, "x"), MR_ERR_LIMIT);
    assert_string_equal(mr_result_symbol(MR_ERR_LIMIT), "MR_ERR_LIMIT");
    for (int code = 0; code >= MR_ERR_OUTPUT; code--)
        assert_string_not_equal(mr_result_text(code), "unknown result");
    assert_string_equal(mr_result_text(-9999), "unknown result");
    assert_string_equal(mr_result_text(1), "unknown result");
}

static void sample(mr_writer *w) {
    static const uint16_t lone[] = {'x', 0xd800};
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_text(w, "for people");
    mr_writer_str(w, "s", "a\"\\\n\x01\xff\x1b[0m");
    mr_writer_uint(w, "u", 4294967295u);
    mr_writer_value(w, "w", &(mr_value){.kind = MR_VALUE_UINT64, .u.uinteger = UINT64_MAX});
    mr_writer_open(w, "a", MR_SHAPE_ARRAY);
    mr_writer_null(w, NULL);
    mr_writer_bool(w, NULL, true);
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_close(w);
    mr_writer_close(w);
    mr_writer_value(w, "l", &(mr_value){.kind = MR_VALUE_UTF16, .u.utf16 = {lone, 2}});
    mr_writer_value(w, "h", &(mr_value){.kind = MR_VALUE_HEX,
                                        .u.string = MR_SLICE_LIT("\x01\xfe")});
    mr_writer_real(w, "r", 0.5);
    mr_writer_close(w);
}

static void json_form(void **state) {
    (void)state;
    mr_buf out;
    mr_writer w;
    mr_buf_init(&out, NULL, 0, 1 << 20);
    mr_writer_init_json(&w, mr_sink_buf, &out, false);
    sample(&w);
    assert_int_equal(mr_writer_flush(&w), 0);
    mr_buf_write_u8(&out, 0);
    assert_string_equal((char *)out.data,
        "{\"s\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\u001b[0m\",\"u\":4294967295,"
        "\"w\":\"18446744073709551615\",\"a\":[null,true,{}],\"l\":{\"utf16\":\"0078d800\"},"
        "\"h\":\"01fe\",\"r\":0.5}\n");
    mr_writer_deinit(&w);
    mr_buf_deinit(&out);
}

static void text_form(void **state) {
    (void)state;
    mr_buf out;
    mr_writer w;
    mr_buf_init(&out, NULL, 0, 1 << 20);
    mr_writer_init_text(&w, mr_sink_buf, &out);
    sample(&w);
    assert_int_equal(mr_writer_flush(&w), 0);
    mr_buf_write_u8(&out, 0);
    assert_string_equal((char *)out.data,
        "for people\ns: a\"\\\\x0a\\x01\\xff\\x1b[0m\nu: 4294967295\nw: 18446744073709551615\n"
        "a:\n  - (none)\n  - yes\n  -\nl: x\xef\xbf\xbd\nh: 01fe\nr: 0.5\n");
    mr_writer_deinit(&w);
    mr_buf_deinit(&out);
}

static void writer_limits(void **state) {
    (void)state;
    mr_buf out;
    mr_writer w;
    mr_buf_init(&out, NULL, 0, 1 << 20);
    mr_writer_init_json(&w, mr_sink_buf, &out, true);
    for (int i = 0; i <= MR_WRITER_DEPTH; i++)
        mr_writer_open(&w, NULL, MR_SHAPE_ARRAY);
    assert_int_equal(mr_writer_flush(&w), MR_ERR_LIMIT);
    mr_writer_deinit(&w);
    mr_writer_init_json(&w, mr_sink_buf, &out, true);
    mr_writer_open(&w, NULL, MR_SHAPE_ARRAY);
    assert_int_equal(mr_writer_flush(&w), MR_ERR_STATE);
    mr_writer_deinit(&w);
    mr_writer_init_json(&w, mr_sink_buf, &out, true);
    mr_writer_close(&w);
    assert_int_equal(mr_writer_flush(&w), MR_ERR_STATE);
    mr_writer_deinit(&w);
    mr_buf_deinit(&out);
}

static int failing_sink(void *user, mr_slice s) {
    (void)s;
    ++*(int *)user;
    return MR_ERR_OUTPUT;
}

static void writer_reports_its_sink(void **state) {
    (void)state;
    mr_writer w;
    int calls = 0;
    mr_writer_init_json(&w, failing_sink, &calls, false);
    mr_writer_open(&w, NULL, MR_SHAPE_ARRAY);
    for (int i = 0; i < 100000; i++)
        mr_writer_int(&w, NULL, i);
    mr_writer_close(&w);
    assert_int_equal(mr_writer_flush(&w), MR_ERR_OUTPUT);
    assert_int_equal(calls, 1);
    mr_writer_deinit(&w);
}

static void tokens(void **state) {
    (void)state;
    mr_token b = {.kind = MR_TOKEN_INT, .key = MR_SLICE_LIT("b")};
    mr_token a = {.kind = MR_TOKEN_NULL, .key = MR_SLICE_LIT("a"), .next = &b};
    mr_token o = {.kind = MR_TOKEN_OBJECT, .count = 2, .child = &a};
    assert_ptr_equal(mr_token_find(&o, "b"), &b);
    assert_null(mr_token_find(&o, "c"));
    assert_null(mr_token_find(&b, "c"));
    assert_null(mr_token_find(NULL, "c"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_is_capped_and_zeroed),
        cmocka_unit_test(arena_aligns),
        cmocka_unit_test(buf_grows_to_its_cap),
        cmocka_unit_test(buf_takes_another_cap),
        cmocka_unit_test(buf_takes_nothing),
        cmocka_unit_test(buf_formats_and_aligns),
        cmocka_unit_test(cursor_is_sticky),
        cmocka_unit_test(cursor_refuses_huge_lengths),
        cmocka_unit_test(uuid_text_and_order),
        cmocka_unit_test(syntax_versions),
        cmocka_unit_test(numbers),
        cmocka_unit_test(utf16_round_trip),
        cmocka_unit_test(times),
        cmocka_unit_test(errors_tell_where),
        cmocka_unit_test(json_form),
        cmocka_unit_test(text_form),
        cmocka_unit_test(writer_limits),
        cmocka_unit_test(writer_reports_its_sink),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
