/* The tables of codes, ports and events: sorted, free of duplicates, and right where it matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <msrpc/base/codes.h>

static void test_codes_sorted(void **state) {
    (void)state;
    size_t count;
    const mr_code_info *codes = mr_code_all(&count);
    assert_true(count > 1500);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            uint64_t a = (uint64_t)codes[i - 1].space << 32 | codes[i - 1].value;
            uint64_t b = (uint64_t)codes[i].space << 32 | codes[i].value;
            if (a >= b)
                fail_msg("%s is not before %s", mr_code_symbol(&codes[i - 1]),
                         mr_code_symbol(&codes[i]));
        }
        assert_ptr_equal(mr_code_find(codes[i].space, codes[i].value), &codes[i]);
        assert_true(codes[i].phase <= 4);
    }
}

static void test_symbols(void **state) {
    (void)state;
    size_t count;
    const mr_code_info *codes = mr_code_all(&count);
    for (size_t i = 0; i < count; i++) {
        const char *symbol = mr_code_symbol(&codes[i]);
        assert_true(strlen(symbol) > 1);
        assert_null(strchr(symbol, ' '));
        int seen = 0, in_space = 0;
        const mr_code_info *code = NULL;
        while ((code = mr_code_find_symbol(symbol, code))) {
            seen += code == &codes[i];
            in_space += code->space == codes[i].space;
        }
        if (seen != 1 || in_space != 1)
            fail_msg("%s stands %d times in its space", symbol, in_space);
    }
    assert_int_equal(mr_code_find_symbol("rpc_s_server_unavailable", NULL)->value, 1722);
    assert_null(mr_code_find_symbol("RPC_S_SERVER", NULL));
}

/* Sentences are ours: whole, ended by a stop, and not the text that Windows shows. */
static void test_sentences(void **state) {
    (void)state;
    size_t count, with_text = 0, shown = 0;
    const mr_code_info *codes = mr_code_all(&count);
    for (size_t i = 0; i < count; i++) {
        const char *text = mr_code_text(&codes[i]);
        size_t len = strlen(text);
        if (codes[i].space != MR_SPACE_NTSTATUS)
            assert_true(len > 0);
        if (len > 0) {
            with_text++;
            assert_int_equal(text[len - 1], '.');
            assert_true(len < 160);
        }
        if (*mr_code_shown(&codes[i])) {
            shown++;
            assert_string_not_equal(mr_code_shown(&codes[i]), text);
        }
        if (*mr_code_try(&codes[i]))
            assert_int_equal(strncmp(mr_code_try(&codes[i]), "msrpc ", 6), 0);
    }
    assert_true(with_text > 950);
    assert_in_range(shown, 25, 40);
    const mr_code_info *code = mr_code_find(MR_SPACE_WIN32, 1722);
    assert_string_equal(mr_code_shown(code), "The RPC server is unavailable.");
    assert_true(strlen(mr_code_meaning(code)) > 80);
    assert_string_equal(mr_code_try(code), "msrpc diagnose HOST");
}

static void test_meanings(void **state) {
    (void)state;
    const mr_code_info *code = mr_code_next(5, NULL);
    assert_int_equal(code->space, MR_SPACE_WIN32);
    code = mr_code_next(5, code);
    assert_int_equal(code->space, MR_SPACE_NCA);
    int more = 0;
    while ((code = mr_code_next(5, code)))
        more++;
    assert_true(more >= 4); /* bind_nak, Kerberos, DNS, NetBIOS, LDAP */
    assert_null(mr_code_next(0xdeadbeef, NULL));
    assert_null(mr_code_find(MR_SPACE_EPT, 1722));
    assert_string_equal(mr_code_space_name(MR_SPACE_BIND_NAK), "bind_nak");
    assert_string_equal(mr_code_space_title(MR_SPACE_KRB), "Kerberos error");
}

/* MS-RPCE 3.1.1.5.5, and the same failure in other spaces. */
static void test_win32(void **state) {
    (void)state;
    static const struct {
        enum mr_code_space space;
        uint32_t value, win32;
    } rows[] = {
        {MR_SPACE_NCA, 0x1c010001, 1820}, {MR_SPACE_NCA, 0x1c010002, 1745},
        {MR_SPACE_NCA, 0x1c010003, 1717}, {MR_SPACE_NCA, 0x1c010006, 0},
        {MR_SPACE_NCA, 0x1c010009, 1726}, {MR_SPACE_NCA, 0x1c01000b, 1728},
        {MR_SPACE_NCA, 0x1c010013, 1130}, {MR_SPACE_NCA, 0x1c010014, 1723},
        {MR_SPACE_NCA, 0x1c010017, 1732}, {MR_SPACE_NCA, 0x1c000001, 1767},
        {MR_SPACE_NCA, 0x1c000002, 1768}, {MR_SPACE_NCA, 0x1c000003, 1769},
        {MR_SPACE_NCA, 0x1c000004, 1770}, {MR_SPACE_NCA, 0x1c000005, 1771},
        {MR_SPACE_NCA, 0x1c000006, 1733}, {MR_SPACE_NCA, 0x1c000007, 1734},
        {MR_SPACE_NCA, 0x1c000008, 1728}, {MR_SPACE_NCA, 0x1c000009, 1726},
        {MR_SPACE_NCA, 0x1c00000a, 1727}, {MR_SPACE_NCA, 0x1c00000b, 1726},
        {MR_SPACE_NCA, 0x1c00000c, 1727}, {MR_SPACE_NCA, 0x1c00000d, 1818},
        {MR_SPACE_NCA, 0x1c00000e, 1768}, {MR_SPACE_NCA, 0x1c00000f, 1771},
        {MR_SPACE_NCA, 0x1c000010, 1768}, {MR_SPACE_NCA, 0x1c000012, 1726},
        {MR_SPACE_NCA, 0x1c000013, 0},    {MR_SPACE_NCA, 0x1c000014, 1918},
        {MR_SPACE_NCA, 0x1c000015, 1916}, {MR_SPACE_NCA, 0x1c000016, 1831},
        {MR_SPACE_NCA, 0x1c000017, 1917}, {MR_SPACE_NCA, 0x1c000018, 1820},
        {MR_SPACE_NCA, 0x1c00001a, 6},    {MR_SPACE_NCA, 0x1c00001d, 1821},
        {MR_SPACE_NCA, 5, 5},             {MR_SPACE_NCA, 0x6f7, 1783},
        {MR_SPACE_NCA, 8453, 8453}, /* a Win32 number in a fault stays itself */
        {MR_SPACE_NTSTATUS, 0xc0020017, 1722}, {MR_SPACE_NTSTATUS, 0xc0020036, 1753},
        {MR_SPACE_NTSTATUS, 0xc003000c, 1783}, {MR_SPACE_NTSTATUS, 0xc0000022, 5},
        {MR_SPACE_NTSTATUS, 0xc000006d, 1326}, {MR_SPACE_NTSTATUS, 0xc00706ba, 1722},
        {MR_SPACE_HRESULT, 0x800706ba, 1722},  {MR_SPACE_HRESULT, 0x80070005, 5},
        {MR_SPACE_HRESULT, 0x80010108, 0},     {MR_SPACE_EPT, 0x16c9a0d6, 1753},
        {MR_SPACE_BIND_NAK, 8, 1747},          {MR_SPACE_CONTEXT_REASON, 1, 1717},
        {MR_SPACE_ERRNO, 111, 10061},          {MR_SPACE_WSA, 11001, 11001},
        {MR_SPACE_KRB, 37, 1398},              {MR_SPACE_DNS_RCODE, 3, 9003},
        {MR_SPACE_WIN32, 1722, 1722},          {MR_SPACE_TLS_ALERT, 48, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t win32 = mr_code_win32(rows[i].space, rows[i].value);
        if (win32 != rows[i].win32)
            fail_msg("%s 0x%x gives %u", mr_code_space_name(rows[i].space), rows[i].value, win32);
        if (win32 >= 10004 && win32 <= 11999)
            assert_non_null(mr_code_find(MR_SPACE_WSA, win32));
        else if (win32)
            assert_non_null(mr_code_find(MR_SPACE_WIN32, win32));
    }
    assert_int_equal(mr_code_split_hresult((uint32_t)-2147023174), 1722);
    assert_int_equal(mr_code_split_hresult(0x80010105), 0);
    assert_int_equal(mr_code_split_hresult(1722), 0);
}

/* Every number a row shows up as is a row itself, so the chain of an explanation never breaks. */
static void test_same(void **state) {
    (void)state;
    size_t count;
    const mr_code_info *codes = mr_code_all(&count);
    for (size_t i = 0; i < count; i++) {
        uint32_t win32 = mr_code_win32(codes[i].space, codes[i].value);
        if (win32 && codes[i].space != MR_SPACE_NCA && codes[i].space != MR_SPACE_HRESULT)
            assert_true(mr_code_find(MR_SPACE_WIN32, win32) || mr_code_find(MR_SPACE_WSA, win32));
        size_t iter = 0;
        const mr_code_info *other;
        while ((other = mr_code_same_next(&codes[i], &iter)))
            assert_ptr_not_equal(other, &codes[i]);
    }
    const mr_code_info *code = mr_code_find(MR_SPACE_WIN32, 1717), *other;
    bool nca = false, ntstatus = false;
    size_t iter = 0;
    while ((other = mr_code_same_next(code, &iter))) {
        nca = nca || (other->space == MR_SPACE_NCA && other->value == 0x1c010003);
        ntstatus = ntstatus || (other->space == MR_SPACE_NTSTATUS && other->value == 0xc0020012);
    }
    assert_true(nca && ntstatus);
    /* a status without a sentence of its own speaks with that of its Win32 number */
    code = mr_code_find(MR_SPACE_NTSTATUS, 0xc002000b);
    assert_string_equal(mr_code_text(code), mr_code_text(mr_code_find(MR_SPACE_WIN32, 1710)));
}

/* Every row of the smaller tables belongs to a code and is reached through it. */
static void test_notes(void **state) {
    (void)state;
    static const struct {
        enum mr_code_space space;
        uint32_t value;
        const char *meaning;
    } advice[] = {
#define MR_ADVICE(space, value, meaning, next) {MR_SPACE_##space, (value), meaning},
#include "../../src/base/codes.def"
    };
    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        const mr_code_info *code = mr_code_find(advice[i].space, advice[i].value);
        assert_non_null(code);
        assert_string_equal(mr_code_meaning(code), advice[i].meaning);
    }
    static const struct {
        enum mr_code_space space;
        uint32_t value;
        const char *words;
    } shown[] = {
#define MR_SHOWN(space, value, words) {MR_SPACE_##space, (value), words},
#include "../../src/base/codes.def"
    };
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        const mr_code_info *code = mr_code_find(shown[i].space, shown[i].value);
        assert_non_null(code);
        assert_string_equal(mr_code_shown(code), shown[i].words);
    }
    static const struct {
        enum mr_code_space a, b;
        uint32_t of, as;
    } same[] = {
#define MR_SAME(space, value, as_space, as_value) \
    {MR_SPACE_##space, MR_SPACE_##as_space, (value), (as_value)},
#include "../../src/base/codes.def"
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_non_null(mr_code_find(same[i].a, same[i].of));
        assert_non_null(mr_code_find(same[i].b, same[i].as));
        assert_int_equal(mr_code_win32(same[i].a, same[i].of), same[i].as);
    }
}

static void test_ports(void **state) {
    (void)state;
    size_t count;
    const mr_port_info *ports = mr_port_all(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(ports[i].first <= ports[i].last);
        assert_true(ports[i].protocols > 0 && ports[i].protocols <= (MR_PORT_TCP | MR_PORT_UDP));
        assert_true(*mr_port_name(&ports[i]) && *mr_port_use(&ports[i]));
        if (i == 0)
            continue;
        const mr_port_info *a = &ports[i - 1], *b = &ports[i];
        bool a_range = a->first != a->last, b_range = b->first != b->last;
        assert_true(a_range <= b_range);
        if (a_range == b_range)
            assert_true(a->first < b->first ||
                        (a->first == b->first && !(a->protocols & b->protocols)));
    }
    assert_string_equal(mr_port_name(mr_port_find(135, MR_PORT_TCP)), "RPC endpoint mapper");
    assert_string_equal(mr_port_name(mr_port_find(389, MR_PORT_UDP)), "CLDAP");
    assert_string_equal(mr_port_name(mr_port_find(389, 0)), "LDAP");
    assert_null(mr_port_find(138, MR_PORT_TCP));
    assert_string_equal(mr_port_name(mr_port_find(49664, MR_PORT_TCP)), "RPC dynamic");
    assert_string_equal(mr_port_service(mr_port_find(5985, 0)), "WinRM");
    static const uint16_t known[] = {42,   53,   67,   80,   88,   102,  111,  123,  135,  137,
                                     138,  139,  143,  161,  389,  443,  445,  464,  500,  587,
                                     593,  636,  1433, 1434, 1512, 1645, 1723, 1812, 2049, 2179,
                                     3268, 3269, 3389, 3343, 4500, 5355, 5353, 5357, 5722, 5985,
                                     5986, 6001, 6002, 6004, 9389, 9100, 47001};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const mr_port_info *port = mr_port_find(known[i], 0);
        assert_non_null(port);
        assert_int_equal(port->first, port->last);
    }
    /* a single port before the ranges that cover it */
    const mr_port_info *port = mr_port_next(1433, NULL);
    assert_string_equal(mr_port_name(port), "SQL Server");
    assert_string_equal(mr_port_name(mr_port_next(1433, port)), "RPC dynamic, old Windows");
}

static void test_events(void **state) {
    (void)state;
    size_t count;
    const mr_winevent_info *events = mr_winevent_all(&count);
    assert_true(count > 200);
    for (size_t i = 0; i < count; i++) {
        const mr_winevent_info *event = &events[i];
        size_t len = strlen(mr_winevent_text(event));
        assert_true(len > 0 && mr_winevent_text(event)[len - 1] == '.');
        assert_true(*mr_winevent_source(event) && *mr_winevent_log(event));
        assert_true(event->phase <= 4);
        if (i > 0) {
            int order = strcmp(mr_winevent_source(event - 1), mr_winevent_source(event));
            assert_true(event[-1].id < event->id || (event[-1].id == event->id && order < 0));
        }
    }
    static const uint32_t known[] = {
        5719,  5722,  5723,  5774,  5775,  5781,  5783,  5805,  5807,  5809,  5817, 5820, 5827,
        5828,  5829,  5830,  5831,  5838,  5839,  5840,  5841,  1219,  40960, 40961, 10016, 10028,
        10036, 10037, 10038, 4,     3,     10,    14,    27,    1006,  1030,  1054, 1055, 1058,
        1126,  1173,  1311,  1865,  1925,  1988,  2042,  2087,  2088,  2092,  13508};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!mr_winevent_find(known[i]))
            fail_msg("event %u is missing", known[i]);
    assert_string_equal(mr_winevent_source(mr_winevent_find(5719)), "NETLOGON");
    assert_non_null(mr_winevent_next(14, mr_winevent_find(14)));
    assert_null(mr_winevent_find(999999));
}

/* The number that misleads: a Win32 error of the client and an event of a terminal server. */
static void test_1219(void **state) {
    (void)state;
    const mr_code_info *code = mr_code_find(MR_SPACE_WIN32, 1219);
    assert_string_equal(mr_code_symbol(code), "ERROR_SESSION_CREDENTIAL_CONFLICT");
    assert_int_equal(code->phase, 4);
    assert_non_null(strstr(mr_code_meaning(code), "event 1219"));
    assert_string_equal(mr_winevent_log(mr_winevent_find(1219)), "Application");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_sorted), cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_sentences),    cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_win32),        cmocka_unit_test(test_same),
        cmocka_unit_test(test_notes),        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_events),       cmocka_unit_test(test_1219),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
