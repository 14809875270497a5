/*
 * Pasted text: every sample of tests/golden/paste gives exactly what its .want says, whatever the
 * size of the pieces it is fed in and whatever its encoding; the tables behind it name rules that
 * exist; memory stays bounded.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <msrpc/base/buf.h>
#include <msrpc/base/utf16.h>
#include <msrpc/diag/paste.h>
#include <msrpc/diag/rule.h>

static mr_paste_result paste(mr_arena *arena, mr_slice text, size_t piece) {
    mr_paste_result result;
    mr_paste *reader;

    assert_int_equal(mr_paste_new(arena, &reader), 0);
    for (size_t at = 0; at < text.len; at += piece)
        assert_int_equal(mr_paste_feed(reader, mr_slice_sub(text, at, piece)), 0);
    assert_int_equal(mr_paste_end(reader, &result), 0);
    return result;
}

/* The verdict, what else stands, the next command: as a .want file says it. */
static void describe(const mr_paste_result *result, mr_buf *out) {
    mr_buf_write_fmt(out, "exit %d\n", result->exit);
    for (size_t i = 0; i < result->finding_count; i++) {
        const mr_paste_finding *f = &result->findings[i];
        if (!f->explained_by)
            mr_buf_write_fmt(out, "finding %s %s%s%s\n", mr_text_get(f->rule->id),
                             mr_confidence_name(f->confidence), f->subject ? " " : "",
                             f->subject ? f->subject : "");
    }
    if (result->symptom)
        mr_buf_write_fmt(out, "symptom phase %d\n", (int)result->symptom->phase);
    if (!result->item_count)
        mr_buf_write_str(out, "nothing known\n");
    if (result->next)
        mr_buf_write_fmt(out, "next %s\n", result->next);
}

static const char *folder(void) {
    static char path[512];
    const char *source = getenv("MSRPC_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/paste", source ? source : ".");
    return path;
}

/* A file of the folder, or an empty slice. */
static mr_slice slurp(mr_arena *arena, const char *name, const char *end) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s", folder(), name, end);
    FILE *in = fopen(path, "re");
    char *data = mr_arena_get_raw(arena, 1, 1 << 20);
    if (!in)
        return MR_SLICE_NULL;
    size_t len = fread(data, 1, 1 << 20, in);
    fclose(in);
    return mr_slice_of(data, len);
}

static size_t check_sample(const char *name, size_t piece) {
    mr_arena arena;
    mr_buf got;

    mr_arena_init(&arena, 64 << 20);
    mr_slice text = slurp(&arena, name, ".txt"), want = slurp(&arena, name, ".want");
    mr_buf_init(&got, NULL, 0, 65536);
    mr_paste_result result = paste(&arena, text, piece);
    describe(&result, &got);
    size_t bad = !mr_slice_eq(mr_buf_slice(&got), want);
    if (bad)
        print_error("==> %s (pieces of %zu)\nwant:\n%.*sgot:\n%.*s", name, piece, (int)want.len,
                    (const char *)want.data, (int)got.len, (const char *)got.data);
    mr_buf_deinit(&got);
    mr_arena_deinit(&arena);
    return bad;
}

static void test_samples(void **state) {
    (void)state;
    DIR *dir = opendir(folder());
    struct dirent *entry;
    size_t count = 0, bad = 0;
    char name[256];

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 4, ".txt") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(len - 4), entry->d_name);
        bad += check_sample(name, SIZE_MAX / 2);
        bad += check_sample(name, 7);
        count++;
    }
    closedir(dir);
    assert_int_equal(bad, 0);
    assert_true(count >= 90);
}

static void assert_ids(const mr_phrase *row, const char *what) {
    const char *list = mr_phrase_findings(row);
    mr_slice id;

    while (mr_finding_list_next(&list, &id))
        if (!mr_rule_find(id))
            fail_msg("%s names %.*s, which no rule gives", what, (int)id.len,
                     (const char *)id.data);
    if ((row->kind == MR_PHRASE_CAUSE || row->kind == MR_PHRASE_SYMPTOM) &&
        !*mr_phrase_findings(row))
        fail_msg("%s accuses nobody", what);
    const char *next = mr_phrase_next(row);
    assert_true(!*next || !strncmp(next, "msrpc ", 6));
}

static void test_tables(void **state) {
    (void)state;
    size_t count;
    const mr_phrase *rows = mr_phrase_all(&count);
    char what[64];

    assert_true(count > 150);
    for (size_t i = 0; i < count; i++) {
        const char *pattern = mr_phrase_pattern(&rows[i]);
        char first = pattern[strspn(pattern, "<=")];
        assert_ids(&rows[i], pattern);
        /* found by its first word, compared in lower case */
        assert_true((first >= 'a' && first <= 'z') || (first >= '0' && first <= '9'));
        for (const char *p = pattern; *p; p++)
            assert_false(*p >= 'A' && *p <= 'Z');
        if (rows[i].kind != MR_PHRASE_MARK)
            assert_true(*mr_phrase_meaning(&rows[i]));
        for (size_t k = 0; k < i; k++)
            if (!strcmp(pattern, mr_phrase_pattern(&rows[k])))
                fail_msg("twice: %s", pattern);
    }
    rows = mr_phrase_codes(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(what, sizeof what, "%s %u", mr_code_space_name(rows[i].space), rows[i].value);
        assert_ids(&rows[i], what);
        if (!mr_code_find((enum mr_code_space)rows[i].space, rows[i].value))
            fail_msg("%s is not in the table of codes", what);
        assert_ptr_equal(mr_phrase_find_code((enum mr_code_space)rows[i].space, rows[i].value),
                         &rows[i]);
    }
    rows = mr_phrase_events(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(what, sizeof what, "event %u", rows[i].value);
        assert_ids(&rows[i], what);
        if (!mr_winevent_find(rows[i].value))
            fail_msg("%s is not in the table of events", what);
    }
}

static const char english[] =
    "The host could not be resolved to an IP address. \xe2\x80\x9cx\xe2\x80\x9d\r\n";

static void test_encodings(void **state) {
    (void)state;
    mr_arena arena;
    uint16_t *units;
    size_t count;

    mr_arena_init(&arena, 64 << 20);
    assert_int_equal(mr_utf16_encode(MR_SLICE_LIT(english), &arena, &units, &count), 0);
    for (int form = 0; form < 4; form++) {
        bool mark = form & 1, big = form & 2;
        uint8_t octets[512];
        size_t len = 0;
        if (mark) {
            octets[len++] = big ? 0xfe : 0xff;
            octets[len++] = big ? 0xff : 0xfe;
        }
        for (size_t i = 0; i < count; i++) {
            octets[len++] = (uint8_t)(big ? units[i] >> 8 : units[i]);
            octets[len++] = (uint8_t)(big ? units[i] : units[i] >> 8);
        }
        for (size_t piece = 1; piece < 5; piece++) {
            mr_paste_result r = paste(&arena, mr_slice_of(octets, len), piece);
            assert_non_null(r.verdict);
            assert_string_equal(mr_text_get(r.verdict->rule->id), "NAME.NXDOMAIN");
            assert_int_equal(r.lines, 1);
        }
    }
    mr_arena_deinit(&arena);
}

static const char *verdict_of(mr_arena *arena, const char *text) {
    mr_paste_result r = paste(arena, mr_slice_str(text), SIZE_MAX / 2);
    return r.verdict ? mr_text_get(r.verdict->rule->id) : "";
}

static void test_forms(void **state) {
    (void)state;
    mr_arena arena;
    mr_arena_init(&arena, 64 << 20);
    /* quoting, wrapping, typographic quotes, code pages */
    assert_string_equal(verdict_of(&arena, "> could not be\n> resolved to an\n> IP address"),
                        "NAME.NXDOMAIN");
    assert_string_equal(verdict_of(&arena, "*** can\xe2\x80\x99t find x1: Non-existent domain"),
                        "NAME.NXDOMAIN");
    assert_string_equal(verdict_of(&arena, "*** can\x92t find x1: Non-existent domain"),
                        "NAME.NXDOMAIN");
    assert_string_equal(verdict_of(&arena,
                                   "A short line: there are no more endpoints availa\nble from the "
                                   "endpoint mapper"),
                        "");
    assert_string_equal(verdict_of(&arena,
                                   "This line is just as wide as the window was: there are no more "
                                   "endpoints availa\nble from the endpoint mapper."),
                        "EPM.NOT_REGISTERED");
    assert_string_equal(verdict_of(&arena, "no more endpoints available from\n\n"
                                           "the endpoint mapper"),
                        "");
    /* numbers need neighbours */
    assert_string_equal(verdict_of(&arena, "It was 5 o'clock on 1.2.1722 in room 1753."), "");
    assert_string_equal(verdict_of(&arena, "1722 packets, port 1753, 53 users, code 5"), "");
    assert_string_equal(verdict_of(&arena, "error 5"), "RPC.ACCESS_DENIED");
    assert_string_equal(verdict_of(&arena, "It failed with code 1753."), "EPM.NOT_REGISTERED");
    assert_string_equal(verdict_of(&arena, "0x800706ba"), "TCP.MAPPER_FILTERED");
    assert_string_equal(verdict_of(&arena, "(-2146893022)"), "KRB.MODIFIED");
    assert_string_equal(verdict_of(&arena, "error 5.1.7 of 2026"), "");
    assert_string_equal(verdict_of(&arena, "exit code 1722"), "");
    assert_string_equal(verdict_of(&arena, "Status = 0 0x0 NERR_Success"), "");
    assert_string_equal(verdict_of(&arena, "Error Code: 0x7 KDC_ERR_S_PRINCIPAL_UNKNOWN"),
                        "KRB.SERVICE_UNKNOWN");
    mr_arena_deinit(&arena);
}

/* A million lines take no more memory than a few. */
static void test_bounded(void **state) {
    (void)state;
    static const char line[] = "Error 1722 at host%u.corp.example, error contacting server "
                               "dc%u.corp.example (network error): 1722 (0x6ba):\r\n\r\n";
    mr_paste_result result;
    mr_paste *reader;
    mr_arena arena;
    char text[256];

    mr_arena_init(&arena, 400 << 10);
    assert_int_equal(mr_paste_new(&arena, &reader), 0);
    for (unsigned i = 0; i < 20000; i++) {
        int n = snprintf(text, sizeof text, line, i, i % 4000);
        assert_int_equal(mr_paste_feed(reader, mr_slice_of(text, (size_t)n)), 0);
    }
    assert_int_equal(mr_paste_end(reader, &result), 0);
    assert_int_equal(result.item_count, MR_PASTE_ITEMS_MAX);
    assert_true(result.more_items > 1000);
    assert_int_equal(result.lines, 40000);
    mr_arena_deinit(&arena);
}

static void test_command(void **state) {
    (void)state;
    mr_arena arena;
    mr_arena_init(&arena, 1 << 20);
    assert_string_equal(mr_paste_command(&arena, "msrpc port {host} --ports {port}", "dc1", NULL),
                        "msrpc port dc1 --ports PORT");
    assert_string_equal(mr_paste_command(&arena, "msrpc serve", NULL, NULL), "msrpc serve");
    mr_arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),   cmocka_unit_test(test_tables),
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_bounded),   cmocka_unit_test(test_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
