/* String bindings: what is read, how it is written again, where an error is placed, the limits. */
#include "wire_test.h"

#define UUID_TEXT "12345678-1234-abcd-ef00-0123456789ab"

static const struct {
    const char *text;
    enum mr_protseq protseq;
    const char *host;
    const char *endpoint;
    const char *again; /* NULL: as it was */
} good[] = {
    {"ncacn_ip_tcp:dc01.corp.example", MR_PROTSEQ_NCACN_IP_TCP, "dc01.corp.example", "", NULL},
    {"ncacn_ip_tcp:10.1.0.10[135]", MR_PROTSEQ_NCACN_IP_TCP, "10.1.0.10", "135", NULL},
    {"NCACN_IP_TCP:h[135]", MR_PROTSEQ_NCACN_IP_TCP, "h", "135", "ncacn_ip_tcp:h[135]"},
    {"ncacn_ip_tcp:", MR_PROTSEQ_NCACN_IP_TCP, "", "", NULL},
    {"ncacn_ip_tcp:[135]", MR_PROTSEQ_NCACN_IP_TCP, "", "135", NULL},
    {"ncacn_ip_tcp:h[]", MR_PROTSEQ_NCACN_IP_TCP, "h", "", "ncacn_ip_tcp:h"},
    {"ncacn_ip_tcp:[fe80::1%eth0][135]", MR_PROTSEQ_NCACN_IP_TCP, "fe80::1%eth0", "135", NULL},
    {"ncacn_ip_tcp:[::ffff:10.0.0.1]", MR_PROTSEQ_NCACN_IP_TCP, "::ffff:10.0.0.1", "", NULL},
    {"ncacn_ip_tcp:fe80::1[135]", MR_PROTSEQ_NCACN_IP_TCP, "fe80::1", "135",
     "ncacn_ip_tcp:[fe80::1][135]"},
    {"ncacn_np:\\\\DC1[\\pipe\\lsass]", MR_PROTSEQ_NCACN_NP, "DC1", "\\pipe\\lsass",
     "ncacn_np:DC1[\\pipe\\lsass]"},
    {"ncacn_np:\\\\\\\\DC1[\\\\pipe\\\\lsass]", MR_PROTSEQ_NCACN_NP, "DC1", "\\pipe\\lsass",
     "ncacn_np:DC1[\\pipe\\lsass]"},
    {"ncalrpc:[a\\,b\\]\\=c\\\\]", MR_PROTSEQ_NCALRPC, "", "a,b]=c\\", NULL},
    {"ncalrpc:[a\\:\\:b]", MR_PROTSEQ_NCALRPC, "", "a::b", NULL},
    {"ncalrpc:[\\\\\\,]", MR_PROTSEQ_NCALRPC, "", "\\,", NULL},
    {"ncacn_ip_tcp:h[endpoint=135]", MR_PROTSEQ_NCACN_IP_TCP, "h", "135", "ncacn_ip_tcp:h[135]"},
    {"ncacn_ip_tcp:h[,Endpoint=135]", MR_PROTSEQ_NCACN_IP_TCP, "h", "135",
     "ncacn_ip_tcp:h[135]"},
    {"ncacn_magic:h[7]", MR_PROTSEQ_UNKNOWN, "h", "7", NULL},
    {UUID_TEXT "@ncacn_ip_tcp:h[135]", MR_PROTSEQ_NCACN_IP_TCP, "h", "135", NULL},
    {"ncacn_ip_tcp:h[135,sign,RpcProxy=gw:443]", MR_PROTSEQ_NCACN_IP_TCP, "h", "135",
     "ncacn_ip_tcp:h[135,sign,RpcProxy=gw\\:443]"},
};

static void good_ones(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(good); i++) {
        mr_slice text = exact_copy(mr_slice_str(good[i].text));
        mr_error err = MR_ERROR_INIT;
        mr_binding binding;
        mr_arena arena;
        mr_buf buf;

        mr_arena_init(&arena, 4096);
        mr_buf_init(&buf, NULL, 0, 4096);
        if (mr_binding_decode(text, &arena, &binding, &err) != 0)
            fail_msg("%s: %s (at octet %zu)", good[i].text, err.text, err.offset);
        unhex_free(text); /* nothing of it is borrowed */
        assert_int_equal(binding.protseq, good[i].protseq);
        assert_text(binding.host, good[i].host);
        assert_text(binding.endpoint, good[i].endpoint);
        mr_binding_text(&binding, &buf);
        assert_text(mr_buf_slice(&buf), good[i].again ? good[i].again : good[i].text);
        mr_buf_deinit(&buf);
        mr_arena_deinit(&arena);
    }
}

static void object_and_options(void **state) {
    (void)state;
    char uuid[MR_UUID_TEXT];
    mr_binding binding;
    mr_arena arena;

    mr_arena_init(&arena, 4096);
    assert_int_equal(mr_binding_decode(
        MR_SLICE_LIT(UUID_TEXT "@ncacn_http:h[593,HttpProxy=gw,flag,empty=]"), &arena, &binding,
        NULL), 0);
    assert_true(binding.has_object);
    assert_string_equal(mr_uuid_text(&binding.object, uuid), UUID_TEXT);
    assert_int_equal(binding.option_count, 3);
    assert_text(binding.options[0].name, "HttpProxy");
    assert_text(mr_binding_get_option(&binding, "httpproxy"), "gw");
    assert_null(mr_binding_get_option(&binding, "flag").data);
    assert_non_null(mr_binding_get_option(&binding, "empty").data);
    assert_int_equal(mr_binding_get_option(&binding, "empty").len, 0);
    assert_null(mr_binding_get_option(&binding, "other").data);
    mr_arena_deinit(&arena);
}

static void bad_ones(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"", 0},
        {"host", 4},
        {":h", 0},
        {"ncacn-ip:h", 5},
        {"nope@ncacn_ip_tcp:h", 0},
        {UUID_TEXT "@", 37},
        {UUID_TEXT "@h", 38},
        {"ncacn_ip_tcp:h[135", 18},
        {"ncacn_ip_tcp:h[", 15},
        {"ncacn_ip_tcp:h[135]x", 19},
        {"ncacn_ip_tcp:h]", 14},
        {"ncacn_ip_tcp:[::1", 17},
        {"ncacn_ip_tcp:[::1]x", 18},
        {"ncacn_ip_tcp:h[135,]", 19},
        {"ncacn_ip_tcp:h[135,=x]", 19},
        {"ncacn_ip_tcp:h[135,endpoint=136]", 19},
        {"ncacn_ip_tcp:h[135,endpoint]", 27},
        {"ncacn_ip_tcp:h[13\n5]", 17},
        {"ncacn_ip_tcp:h[135\\]", 20},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice text = exact_copy(mr_slice_str(cases[i].text));
        mr_error err = MR_ERROR_INIT;
        mr_binding binding = {.option_count = 77};
        mr_arena arena;
        mr_arena_init(&arena, 4096);
        int r = mr_binding_decode(text, &arena, &binding, &err);
        if (err.offset != cases[i].offset)
            print_error("%s: %s\n", cases[i].text, err.text);
        assert_failed(&err, r, MR_ERR_SYNTAX, cases[i].offset);
        assert_int_equal(binding.option_count, 77);
        mr_arena_deinit(&arena);
        unhex_free(text);
    }
}

/* Cutting a binding anywhere gives a binding or an error within it, never more than it holds. */
static void truncated(void **state) {
    (void)state;
    mr_slice whole = MR_SLICE_LIT(UUID_TEXT "@ncacn_np:[fe80::1][\\\\pipe\\x,a=b\\,c,flag]");
    size_t accepted = 0;
    for (size_t len = 0; len < whole.len; len++) {
        mr_slice cut = exact_copy(mr_slice_sub(whole, 0, len));
        mr_error err = MR_ERROR_INIT;
        mr_binding binding;
        mr_arena arena;
        mr_arena_init(&arena, 4096);
        if (mr_binding_decode(cut, &arena, &binding, &err) == 0)
            accepted++;
        else
            assert_true(err.offset <= len);
        mr_arena_deinit(&arena);
        unhex_free(cut);
    }
    assert_int_equal(accepted, 2); /* after the ':' and after the host */
}

static void limits(void **state) {
    (void)state;
    mr_error err = MR_ERROR_INIT;
    mr_binding binding;
    mr_arena arena;
    mr_buf text;

    mr_arena_init(&arena, 65536);
    mr_buf_init(&text, NULL, 0, 65536);
    mr_buf_write_str(&text, "ncalrpc:[x");
    for (int i = 0; i < MR_BINDING_OPTIONS_MAX; i++)
        mr_buf_write_fmt(&text, ",o%d=%d", i, i);
    mr_buf_write_str(&text, "]");
    assert_int_equal(mr_binding_decode(mr_buf_slice(&text), &arena, &binding, &err), 0);
    assert_int_equal(binding.option_count, MR_BINDING_OPTIONS_MAX);
    text.data[text.len - 1] = ',';
    mr_buf_write_str(&text, "p]");
    int r = mr_binding_decode(mr_buf_slice(&text), &arena, &binding, &err);
    assert_failed(&err, r, MR_ERR_LIMIT, text.len - 2);

    mr_buf_reset(&text);
    mr_buf_write_str(&text, "ncalrpc:");
    while (text.len < MR_BINDING_TEXT_MAX)
        mr_buf_write_u8(&text, 'h');
    assert_int_equal(mr_binding_decode(mr_buf_slice(&text), &arena, &binding, &err), 0);
    mr_buf_write_u8(&text, 'h');
    r = mr_binding_decode(mr_buf_slice(&text), &arena, &binding, &err);
    assert_failed(&err, r, MR_ERR_LIMIT, MR_BINDING_TEXT_MAX);

    mr_arena none;
    mr_arena_init(&none, 0);
    r = mr_binding_decode(MR_SLICE_LIT("ncalrpc:[x]"), &none, &binding, &err);
    assert_int_equal(r, MR_ERR_MEMORY);
    mr_arena_deinit(&none);
    mr_buf_deinit(&text);
    mr_arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones), cmocka_unit_test(object_and_options),
        cmocka_unit_test(bad_ones),  cmocka_unit_test(truncated),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
