/*
 * Port ranges as Windows writes them down: entries and lists of Rpc\Internet\Ports, netsh's start
 * and num, and the facts that are made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/base.h>
#include <msrpc/facts.h>

static void test_entries(void **state) {
    static const struct {
        const char *text;
        enum mr_range_fault fault;
        uint16_t first, last;
    } rows[] = {
        {"5984", MR_RANGE_GOOD, 5984, 5984},
        {"5000-5100", MR_RANGE_GOOD, 5000, 5100},
        {"7-7", MR_RANGE_GOOD, 7, 7},
        {"1-65535", MR_RANGE_GOOD, 1, 65535},
        {"007", MR_RANGE_GOOD, 7, 7},
        {"", MR_RANGE_EMPTY, 0, 0},
        {"-", MR_RANGE_NO_NUMBER, 0, 0},
        {"5000-", MR_RANGE_NO_NUMBER, 0, 0},
        {"-5000", MR_RANGE_NO_NUMBER, 0, 0},
        {"5000-5100-5200", MR_RANGE_NO_NUMBER, 0, 0},
        {"5000 - 5100", MR_RANGE_NO_NUMBER, 0, 0},
        {"0x1388", MR_RANGE_NO_NUMBER, 0, 0},
        {"+5000", MR_RANGE_NO_NUMBER, 0, 0},
        {"epmap", MR_RANGE_NO_NUMBER, 0, 0},
        {"0", MR_RANGE_ZERO, 0, 0},
        {"0-100", MR_RANGE_ZERO, 0, 0},
        {"65536", MR_RANGE_TOO_LARGE, 0, 0},
        {"5000-70000", MR_RANGE_TOO_LARGE, 0, 0},
        {"99999999999999999999", MR_RANGE_TOO_LARGE, 0, 0},
        {"4294972296", MR_RANGE_TOO_LARGE, 0, 0}, /* 5000 once it is cut to 32 bits */
        {"5100-5000", MR_RANGE_BACKWARDS, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_port_range range = {0, 0};
        enum mr_range_fault fault = mr_range_decode(mr_slice_str(rows[i].text), &range);
        if (fault != rows[i].fault || range.first != rows[i].first || range.last != rows[i].last)
            fail_msg("\"%s\": fault %d, %u-%u", rows[i].text, fault, range.first, range.last);
        assert_true(*mr_range_fault_text(fault) != '\0');
    }
}

static void test_lists(void **state) {
    static const struct {
        const char *text;
        size_t count, bad; /* entries that are good; the first that is not, 0: none */
        uint32_t ports;
    } rows[] = {
        {"5000-5100", 1, 0, 101},
        {"5000-5100,5200", 2, 0, 102},
        {" 5000-5100 ; 5200 ", 2, 0, 102},
        {"5000-5100\\05200", 2, 0, 102}, /* as reg.exe parts strings */
        {"5000-5100\r\n5200\r\n", 2, 0, 102},
        {"5000-5100,", 1, 0, 101},
        {"5000-5100,5050-5150,5000", 3, 0, 151}, /* each port counts once */
        {"5200,5000-5100", 2, 0, 102},
        {"1-65535", 1, 0, 65535},
        {"5000-5100,,5200", 2, 2, 102},
        {"x,5000", 1, 1, 1},
        {"5000,70000,9-1", 1, 2, 1},
        {"", 0, 1, 0},
        {",", 0, 1, 0},
        {"5000\\1", 0, 1, 0},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_ranges ranges = {.count = 99};
        int r = mr_ranges_decode(mr_slice_str(rows[i].text), &ranges);
        size_t bad = ranges.bad_count ? ranges.bad[0].number : 0;
        if (r != (rows[i].bad ? MR_ERR_SYNTAX : 0) || ranges.count != rows[i].count ||
            bad != rows[i].bad || mr_ranges_count(&ranges) != rows[i].ports)
            fail_msg("\"%s\": %d, %zu entries, bad %zu, %u ports", rows[i].text, r, ranges.count,
                     bad, mr_ranges_count(&ranges));
    }
    /* REG_MULTI_SZ: NULs between and two at the end */
    mr_ranges ranges;
    assert_int_equal(mr_ranges_decode(MR_SLICE_LIT("5000-5100\0" "5200\0"), &ranges), 0);
    assert_int_equal(ranges.count, 2);
    assert_int_equal(mr_ranges_decode(MR_SLICE_LIT("5000,9-1,7,x"), &ranges), MR_ERR_SYNTAX);
    assert_int_equal(ranges.bad_count, 2);
    assert_int_equal(ranges.bad[0].offset, 5);
    assert_int_equal(ranges.bad[0].entry.len, 3);
    assert_int_equal(ranges.bad[0].fault, MR_RANGE_BACKWARDS);
    assert_int_equal(ranges.bad[1].number, 4);
    char letters[(MR_RANGES_BAD_MAX + 9) * 2];
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = i % 2 ? ',' : 'x';
    assert_int_equal(mr_ranges_decode(mr_slice_of(letters, sizeof letters), &ranges),
                     MR_ERR_SYNTAX);
    assert_int_equal(ranges.bad_count, MR_RANGES_BAD_MAX);

    char many[(MR_RANGES_MAX + 1) * 2];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ',' : '7';
    assert_int_equal(mr_ranges_decode(mr_slice_of(many, sizeof many), &ranges), MR_ERR_LIMIT);
    assert_int_equal(mr_ranges_decode(mr_slice_of(many, sizeof many - 2), &ranges), 0);
    assert_int_equal(mr_ranges_count(&ranges), 1);
}

static void test_questions(void **state) {
    mr_ranges ranges;
    (void)state;

    assert_int_equal(mr_ranges_decode(MR_SLICE_LIT("5000-5100,6000-6100,9"), &ranges), 0);
    assert_true(mr_ranges_find(&ranges, 5000));
    assert_true(mr_ranges_find(&ranges, 6100));
    assert_true(mr_ranges_find(&ranges, 9));
    assert_false(mr_ranges_find(&ranges, 5101));
    assert_int_equal(mr_ranges_get_widest(&ranges).first, 5000); /* the first of equals */
    ranges.count = 0;
    assert_int_equal(mr_ranges_get_widest(&ranges).first, 0);
    assert_false(mr_ranges_find(&ranges, 5000));
}

static void test_netsh(void **state) {
    static const struct {
        const char *text;
        int result;
        uint32_t start, num;
    } rows[] = {
        {"start=5200 num=10200", 0, 5200, 10200},
        {"netsh int ipv4 set dynamicport tcp start=5000 num=255 store=persistent", 0, 5000, 255},
        {"NUM=255 START=1025", 0, 1025, 255},
        {"startport=5000 numberofports=1000", 0, 5000, 1000},
        {"netsh int ipv6 set dynamic udp 10000 1000", 0, 10000, 1000},
        {"start=49152 num=4294967295", 0, 49152, UINT32_MAX},
        {"start=5200", MR_ERR_SYNTAX, 0, 0},
        {"num=5200", MR_ERR_SYNTAX, 0, 0},
        {"start=5200 start=5300 num=1", MR_ERR_SYNTAX, 0, 0},
        {"start=x num=1", MR_ERR_SYNTAX, 0, 0},
        {"start= num=1", MR_ERR_SYNTAX, 0, 0},
        {"start=5200 num=4294967296", MR_ERR_SYNTAX, 0, 0},
        {"startports=5200 num=1", MR_ERR_SYNTAX, 0, 0},
        {"", MR_ERR_SYNTAX, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        uint32_t start = 0, num = 0;
        mr_error err = MR_ERROR_INIT;
        int r = mr_netsh_decode(mr_slice_str(rows[i].text), &start, &num, &err);
        if (r != rows[i].result || start != rows[i].start || num != rows[i].num)
            fail_msg("\"%s\": %d, start %u, num %u", rows[i].text, r, start, num);
    }
}

static void test_netsh_nearest(void **state) {
    static const struct {
        mr_port_range range;
        uint32_t start, num;
    } rows[] = {
        {{50000, 51000}, 50000, 1001}, {{5000, 5200}, 5000, 255},    {{65500, 65535}, 65281, 255},
        {{1, 65535}, 1025, 64511},     {{100, 200}, 1025, 255},      {{49152, 65535}, 49152, 16384},
        {{1024, 1300}, 1025, 276},     {{65281, 65535}, 65281, 255},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        uint32_t start, num;
        mr_netsh_encode(rows[i].range, &start, &num);
        if (start != rows[i].start || num != rows[i].num)
            fail_msg("%u-%u: start %u, num %u", rows[i].range.first, rows[i].range.last, start,
                     num);
    }
}

/* ---- facts ---- */

/* The ids of the findings, blanks between. */
static void findings(mr_diag *diag, char *out, size_t size) {
    const mr_finding *f;

    assert_int_equal(mr_diag_run(diag), 0);
    *out = '\0';
    for (size_t i = 0; (f = mr_diag_get_finding(diag, i)) != NULL; i++) {
        size_t len = strlen(out);
        snprintf(out + len, size - len, "%s%s", len ? " " : "", f->id);
    }
}

static void test_traps(void **state) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"50000-51000", ""},
        {"49152-65535", ""},
        {"50000-50254", ""},
        {"50000-50253", "RANGE.NETSH_MINIMUM"},
        {"50000-50098", "RANGE.NETSH_MINIMUM RANGE.SMALL"},
        {"4000-4299", "RANGE.LOW RANGE.KNOWN"},
        {"5900-6000", "RANGE.NETSH_MINIMUM RANGE.KNOWN"},
        {"50000-50400,51000", "RANGE.SPLIT"},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_arena arena;
        mr_diag diag;
        mr_ranges ranges;
        char got[256];
        mr_arena_init(&arena, 1 << 20);
        assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
        assert_int_equal(mr_ranges_decode(mr_slice_str(rows[i].text), &ranges), 0);
        assert_int_equal(mr_facts_add_ranges(&diag, &ranges, MR_PORT_TCP | MR_PORT_UDP, "c"), 0);
        findings(&diag, got, sizeof got);
        if (strcmp(got, rows[i].want))
            fail_msg("%s: \"%s\", wanted \"%s\"", rows[i].text, got, rows[i].want);
        mr_arena_deinit(&arena);
    }
}

static void test_netsh_traps(void **state) {
    static const struct {
        uint32_t start, num;
        int result;
        const char *want;
    } rows[] = {
        {49152, 16384, 0, ""},
        {10000, 55536, 0, ""},                    /* up to 65535: a number of ports */
        {1025, 58976, 0, ""},                     /* up to 60000: likewise */
        {5200, 10200, 0, "RANGE.NUM_AS_END"},
        {5000, 6000, 0, "RANGE.NUM_AS_END"},
        {5000, 5999, 0, "RANGE.NUM_AS_END"},
        {5000, 5432, 0, ""},
        {5000, 254, MR_FACTS_REFUSED, "RANGE.NETSH_REFUSED"},
        {5000, 255, 0, ""},
        {1024, 1000, MR_FACTS_REFUSED, "RANGE.NETSH_REFUSED"},
        {65000, 1000, MR_FACTS_REFUSED, "RANGE.NETSH_REFUSED"},
        {49152, 65535, MR_FACTS_REFUSED, "RANGE.NUM_AS_END RANGE.NETSH_REFUSED"},
        {4294967295u, 4294967295u, MR_FACTS_REFUSED, "RANGE.NETSH_REFUSED"},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_arena arena;
        mr_diag diag;
        char got[256];
        mr_arena_init(&arena, 1 << 20);
        assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
        int r = mr_facts_add_netsh(&diag, rows[i].start, rows[i].num, "c");
        findings(&diag, got, sizeof got);
        if (r != rows[i].result || strcmp(got, rows[i].want))
            fail_msg("start=%u num=%u: %d \"%s\"", rows[i].start, rows[i].num, r, got);
        mr_arena_deinit(&arena);
    }
}

static void test_bad_entry(void **state) {
    mr_arena arena;
    mr_diag diag;
    mr_ranges ranges;
    (void)state;

    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_ranges_decode(MR_SLICE_LIT("50000-51000,,70000"), &ranges),
                     MR_ERR_SYNTAX);
    assert_int_equal(mr_facts_add_bad_range(&diag, &ranges.bad[0], "c"), 0);
    assert_int_equal(mr_diag_run(&diag), 0);
    const mr_finding *f = mr_diag_get_finding(&diag, 0);
    assert_non_null(f);
    assert_string_equal(f->id, "RANGE.BAD_ENTRY");
    assert_non_null(strstr(f->cause, "entry 2 "));
    assert_non_null(strstr(f->cause, "nothing stands there"));
    mr_arena_deinit(&arena);
}

/* The three settings of Rpc\Internet together with the range of the system. */
static void test_pool(void **state) {
    static const struct {
        const char *ports;
        enum mr_port_flag available, use;
        enum mr_port_use asked;
        const char *pool; /* NULL: refused */
    } rows[] = {
        {"", MR_PORT_UNSET, MR_PORT_UNSET, MR_PORT_USE_DEFAULT, "49152-65535"},
        {"", MR_PORT_UNSET, MR_PORT_UNSET, MR_PORT_USE_INTERNET, "49152-65535"},
        {"50000-50100,5984", MR_PORT_YES, MR_PORT_YES, MR_PORT_USE_DEFAULT, "50000-50100,5984"},
        {"50000-50100,5984", MR_PORT_NO, MR_PORT_NO, MR_PORT_USE_DEFAULT, "50000-50100,5984"},
        {"50000-50100,5984", MR_PORT_YES, MR_PORT_NO, MR_PORT_USE_DEFAULT,
         "49152-49999,50101-65535"},
        {"50000-50100,5984", MR_PORT_NO, MR_PORT_YES, MR_PORT_USE_DEFAULT,
         "49152-49999,50101-65535"},
        {"50000", MR_PORT_YES, MR_PORT_NO, MR_PORT_USE_INTERNET, "50000"},
        {"50000", MR_PORT_YES, MR_PORT_YES, MR_PORT_USE_INTRANET, "49152-49999,50001-65535"},
        {"65000-65535,49152-60000,50000-61000", MR_PORT_NO, MR_PORT_YES, MR_PORT_USE_DEFAULT,
         "61001-64999"},
        {"40000-65535", MR_PORT_NO, MR_PORT_YES, MR_PORT_USE_DEFAULT, NULL},
        {"50000", MR_PORT_YES, MR_PORT_UNSET, MR_PORT_USE_DEFAULT, NULL},
        {"50000", MR_PORT_UNSET, MR_PORT_YES, MR_PORT_USE_DEFAULT, NULL},
        {"", MR_PORT_YES, MR_PORT_YES, MR_PORT_USE_DEFAULT, NULL},
        {"50000,70000", MR_PORT_YES, MR_PORT_YES, MR_PORT_USE_DEFAULT, NULL},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_port_rules rules = {.dynamic = mr_port_era_range(MR_PORT_ERA_2008),
                               .available = rows[i].available, .use = rows[i].use};
        mr_ranges pool;
        char text[200] = "";
        if (*rows[i].ports)
            mr_ranges_decode(mr_slice_str(rows[i].ports), &rules.ports);
        int r = mr_port_pool(&rules, rows[i].asked, &pool, NULL);
        assert_int_equal(r == 0, rows[i].pool != NULL);
        for (size_t k = 0; r == 0 && k < pool.count; k++) {
            size_t at = strlen(text);
            mr_port_range range = pool.items[k];
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", k ? "," : "", range.first);
            if (range.last != range.first)
                snprintf(text + at, sizeof text - at, "-%u", range.last);
        }
        if (rows[i].pool)
            assert_string_equal(text, rows[i].pool);
    }
    mr_port_range old = mr_port_era_range(MR_PORT_ERA_2003);
    assert_true(old.first == 1024 && old.last == 5000);
    enum mr_port_flag flag;
    assert_int_equal(mr_port_flag_decode(MR_SLICE_LIT("y"), &flag), 0);
    assert_int_equal(flag, MR_PORT_YES);
    assert_int_equal(mr_port_flag_decode(MR_SLICE_LIT("N"), &flag), 0);
    assert_int_equal(flag, MR_PORT_NO);
    assert_int_equal(mr_port_flag_decode(MR_SLICE_LIT("yes"), &flag), MR_ERR_SYNTAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),   cmocka_unit_test(test_lists),
        cmocka_unit_test(test_questions), cmocka_unit_test(test_netsh),
        cmocka_unit_test(test_netsh_nearest), cmocka_unit_test(test_traps),
        cmocka_unit_test(test_netsh_traps), cmocka_unit_test(test_bad_entry),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
