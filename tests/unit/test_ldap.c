/* BER, LDAP searches and the locator's answer, against what a Samba controller really said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/ber.h>
#include <msrpc/wire/ldap.h>

#include "sample.h"

static void test_ber_lengths(void **state) {
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    static const size_t heads[] = {2, 2, 2, 3, 3, 4, 4, 5};

    (void)state;
    uint8_t *zeros = calloc(1, 65536);
    assert_non_null(zeros);
    for (size_t i = 0; i < MR_COUNT(lengths); i++) {
        mr_buf buf;
        size_t size;
        mr_buf_init(&buf, NULL, 0, 1 << 20);
        mr_ber_write(&buf, MR_BER_OCTET_STRING, mr_slice_of(zeros, lengths[i]));
        assert_int_equal(mr_buf_error(&buf), 0);
        assert_int_equal(buf.len, lengths[i] + heads[i]);
        assert_int_equal(mr_ber_get_size(mr_buf_slice(&buf), &size), 0);
        assert_int_equal(size, buf.len);
        mr_cursor c = mr_cursor_of(mr_buf_slice(&buf));
        assert_int_equal(mr_ber_read_octets(&c, MR_BER_OCTET_STRING).len, lengths[i]);
        assert_true(mr_cursor_ok(&c));
        mr_buf_deinit(&buf);
    }
    free(zeros);
}

static void test_ber_numbers(void **state) {
    static const int32_t numbers[] = {0, 1, 127, 128, -1, -128, -129, 65535, INT32_MAX, INT32_MIN};
    static const size_t octets[] = {1, 1, 1, 2, 1, 1, 2, 3, 4, 4};
    uint8_t room[16];
    mr_buf buf;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(numbers); i++) {
        mr_buf_init(&buf, room, sizeof room, sizeof room);
        mr_ber_write_int(&buf, MR_BER_INTEGER, numbers[i]);
        assert_int_equal(buf.len, 2 + octets[i]);
        mr_cursor c = mr_cursor_of(mr_buf_slice(&buf));
        assert_int_equal(mr_ber_read_int(&c, MR_BER_INTEGER), numbers[i]);
        assert_true(mr_cursor_ok(&c));
    }
}

static void test_ber_refuses(void **state) {
    static const struct {
        const char *octets;
        size_t len;
        int size;
    } bad[] = {
        {"\x30\x80\x00\x00", 4, MR_ERR_MALFORMED},           /* indefinite */
        {"\x3f\x81\x01\x00", 4, MR_ERR_MALFORMED},           /* a long tag */
        {"\x30\x85\x01\x00\x00\x00\x00", 7, MR_ERR_MALFORMED}, /* a length of five octets */
        {"\x30", 1, 1},
        {"\x30\x82\x01", 3, 1},
    };
    size_t size;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(bad); i++) {
        mr_slice s = mr_slice_of(bad[i].octets, bad[i].len);
        mr_cursor c = mr_cursor_of(s);
        assert_int_equal(mr_ber_get_size(s, &size), bad[i].size);
        (void)mr_ber_read(&c, s.data[0]);
        assert_false(mr_cursor_ok(&c));
    }
    /* a length past the window, and a tag that is not the wanted one */
    mr_cursor c = mr_cursor_of(MR_SLICE_LIT("\x04\x05zzzz"));
    assert_int_equal(mr_ber_read_octets(&c, MR_BER_OCTET_STRING).len, 0);
    assert_false(mr_cursor_ok(&c));
    c = mr_cursor_of(MR_SLICE_LIT("\x04\x01z"));
    assert_int_equal(mr_ber_read_int(&c, MR_BER_INTEGER), 0);
    assert_false(mr_cursor_ok(&c));
}

static void test_questions(void **state) {
    static const char *const names[] = {"dnsHostName", "vendorName"};
    uint8_t room[256];
    size_t size;
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_ldap_encode_root_dse(7, names, MR_COUNT(names), &buf), 0);
    static const char head[] = "\x30\x3e\x02\x01\x07\x63\x39\x04\x00\x0a\x01\x00\x0a\x01\x00\x02"
                               "\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x19\x04";
    assert_memory_equal(buf.data, head, sizeof head - 1);
    assert_int_equal(mr_ber_get_size(mr_buf_slice(&buf), &size), 0);
    assert_int_equal(size, buf.len);

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    const mr_ldap_ping ping = {.dns_domain = "lab.test", .host = "client", .account = "dc1$",
                               .account_control = MR_ACCOUNT_SERVER, .nt_version = 0x16};
    assert_int_equal(mr_ldap_encode_ping(1, &ping, &buf), 0);
    assert_non_null(memmem(buf.data, buf.len, "\x04\x04Host\x04\x06""client", 14));
    assert_non_null(memmem(buf.data, buf.len, "\x04\x04User\x04\x04""dc1$", 12));
    assert_non_null(memmem(buf.data, buf.len, "\x04\x03""AAC\x04\x04\0\x01\0\0", 11));
    assert_non_null(memmem(buf.data, buf.len, "\x04\x09""DnsDomain\x04\x08lab.test", 21));
    assert_non_null(memmem(buf.data, buf.len, "\x04\x05NtVer\x04\x04\x16\0\0\0", 13));
    mr_buf_init(&buf, room, 16, 16);
    assert_int_equal(mr_ldap_encode_ping(1, &(mr_ldap_ping){.nt_version = 0x16}, &buf),
                     MR_ERR_LIMIT);
}

/* MS-ADTS 3.1.1.3.4.1.5: the control, and the GUID in front of a name. */
static void test_extended_names(void **state) {
    static const char *const names[] = {"dsServiceName"};
    mr_uuid guid = MR_UUID_NIL;
    char text[MR_UUID_TEXT];
    uint8_t room[256];
    mr_buf buf;

    (void)state;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    assert_int_equal(mr_ldap_encode_root_dse_extended(3, names, 1, &buf), 0);
    assert_non_null(memmem(buf.data, buf.len, "\x04\x16""1.2.840.113556.1.4.529\x04\x05\x30\x03"
                           "\x02\x01\x01", 31));
    assert_int_equal(mr_ldap_get_dn_guid(
        MR_SLICE_LIT("<GUID=d5b29322-63ed-4339-93a3-6d1865a298fa>;CN=NTDS Settings"), &guid), 0);
    assert_string_equal(mr_uuid_text(&guid, text), "d5b29322-63ed-4339-93a3-6d1865a298fa");
    assert_int_equal(mr_ldap_get_dn_guid(MR_SLICE_LIT("CN=NTDS Settings,CN=DC1,CN=Servers"), &guid),
                     MR_ERR_NOT_FOUND);
    assert_int_equal(mr_ldap_get_dn_guid(MR_SLICE_LIT("<GUID=d5b29322-63ed-4339-93a3-6d18>"),
                                         &guid), MR_ERR_NOT_FOUND);
}

static void test_flag_names(void **state) {
    uint32_t flag, all = 0;
    size_t i = 0;

    (void)state;
    for (const char *name; (name = mr_ds_flag_get(i, &flag)) != NULL; i++) {
        assert_false(all & flag);
        all |= flag;
    }
    assert_int_equal(all, 0xe007fffd);
    assert_string_equal(mr_ds_flag_get(0, &flag), "PDC");
}

static void test_root_dse(void **state) {
    mr_slice s = sample_get("ldap/root_dse");
    mr_ldap_message m;
    mr_arena arena;
    size_t used;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_ldap_decode(s, &arena, &m, &used, NULL), 0);
    assert_int_equal(m.op, MR_LDAP_SEARCH_ENTRY);
    const mr_ldap_attribute *a = mr_ldap_find(&m, "DNSHOSTNAME");
    assert_non_null(a);
    assert_int_equal(a->count, 1);
    assert_true(mr_slice_eq(a->values[0], MR_SLICE_LIT("dc1.lab.test")));
    assert_int_equal(mr_ldap_find(&m, "namingContexts")->count, 5);
    assert_null(mr_ldap_find(&m, "none"));
    mr_slice rest = mr_slice_sub(s, used, s.len);
    assert_int_equal(mr_ldap_decode(rest, &arena, &m, &used, NULL), 0);
    assert_int_equal(m.op, MR_LDAP_SEARCH_DONE);
    assert_int_equal(m.result, 0);
    assert_int_equal(used, rest.len);
    mr_arena_deinit(&arena);
    sample_free(s);
}

static void test_cut_everywhere(void **state) {
    mr_slice s = sample_get("ldap/ping");
    mr_ldap_message m;
    mr_arena arena;
    size_t used = 0;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_ldap_decode(s, &arena, &m, &used, NULL), 0);
    size_t whole = used;
    for (size_t n = 0; n < whole; n++) {
        mr_slice cut = sample_cut(s, n);
        assert_int_equal(mr_ldap_decode(cut, &arena, &m, &used, NULL), 1);
        sample_free(cut);
    }
    /* lengths that lie, inside a message that is whole */
    for (size_t at = 2; at < whole; at++) {
        mr_slice bad = sample_cut(s, whole);
        uint8_t *d = (uint8_t *)(uintptr_t)bad.data;
        d[at] ^= 0x7f;
        int r = mr_ldap_decode(bad, &arena, &m, &used, NULL);
        assert_true(r == 0 || r == MR_ERR_MALFORMED);
        sample_free(bad);
    }
    mr_arena_deinit(&arena);
    mr_arena_init(&arena, 32);
    assert_int_equal(mr_ldap_decode(s, &arena, &m, &used, NULL), MR_ERR_MEMORY);
    mr_arena_deinit(&arena);
    sample_free(s);
}

/* MS-ADTS 6.3.1.9: what stands between the names and the version, as the version says. */
static void check_tail(mr_slice value, const void *tail, size_t len, const char *next_site) {
    mr_netlogon_answer a;
    mr_arena arena;
    mr_buf buf;

    mr_arena_init(&arena, 1 << 16);
    mr_buf_init(&buf, NULL, 0, 1024);
    mr_buf_write(&buf, mr_slice_sub(value, 0, value.len - 8));
    mr_buf_write(&buf, mr_slice_of(tail, len));
    assert_int_equal(mr_netlogon_answer_decode(mr_buf_slice(&buf), &arena, &a, NULL), 0);
    assert_string_equal(a.client_site, "Default-First-Site-Name");
    assert_string_equal(a.next_site, next_site);
    mr_buf_deinit(&buf);
    mr_arena_deinit(&arena);
}

static void test_ping_answer(void **state) {
    mr_slice s = sample_get("ldap/ping");
    mr_error err = MR_ERROR_INIT;
    mr_ldap_message m;
    mr_netlogon_answer a;
    mr_arena arena;
    size_t used;

    (void)state;
    mr_arena_init(&arena, 1 << 16);
    assert_int_equal(mr_ldap_decode(s, &arena, &m, &used, NULL), 0);
    mr_slice value = mr_ldap_find(&m, "Netlogon")->values[0];
    assert_int_equal(mr_netlogon_answer_decode(value, &arena, &a, &err), 0);
    assert_int_equal(a.opcode, MR_NETLOGON_SAM_LOGON_RESPONSE_EX);
    assert_string_equal(a.forest, "lab.test");
    assert_string_equal(a.domain, "lab.test"); /* a pointer to the forest */
    assert_string_equal(a.host, "dc1.lab.test");
    assert_string_equal(a.netbios_domain, "LAB");
    assert_string_equal(a.netbios_host, "DC1");
    assert_string_equal(a.user, "");
    assert_string_equal(a.dc_site, "Default-First-Site-Name");
    assert_string_equal(a.client_site, "Default-First-Site-Name");
    assert_true(a.flags & MR_DS_PDC);
    assert_int_equal(a.nt_version, 5);
    assert_string_equal(a.next_site, "");
#define CHECK_TAIL(octets, next) check_tail(value, octets, sizeof octets - 1, next)
    CHECK_TAIL("\6Berlin\0" "\x14\0\0\0\xff\xff\xff\xff", "Berlin");
    CHECK_TAIL("\x10sixteen octets!!\6Berlin\0" "\x1c\0\0\0\xff\xff\xff\xff", "Berlin");
    CHECK_TAIL("\x10sixteen octets!!" "\x0c\0\0\0\xff\xff\xff\xff", "");
    for (size_t n = 0; n < value.len - 8; n++) {
        mr_slice cut = sample_cut(value, n);
        int r = mr_netlogon_answer_decode(cut, &arena, &a, &err);
        assert_true(r == MR_ERR_TRUNCATED || r == MR_ERR_MALFORMED);
        assert_true(err.offset <= n);
        sample_free(cut);
    }
    mr_slice loop = sample_cut(value, value.len);
    uint8_t *d = (uint8_t *)(uintptr_t)loop.data;
    d[24] = 0xc0; /* the forest's name points to itself */
    d[25] = 24;
    assert_int_equal(mr_netlogon_answer_decode(loop, &arena, &a, &err), MR_ERR_MALFORMED);
    d[0] = MR_NETLOGON_SAM_LOGON_RESPONSE;
    assert_int_equal(mr_netlogon_answer_decode(loop, &arena, &a, &err), MR_ERR_UNSUPPORTED);
    sample_free(loop);
    mr_arena_deinit(&arena);
    sample_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ber_lengths),   cmocka_unit_test(test_ber_numbers),
        cmocka_unit_test(test_ber_refuses),   cmocka_unit_test(test_questions),
        cmocka_unit_test(test_extended_names),
        cmocka_unit_test(test_flag_names),
        cmocka_unit_test(test_root_dse),      cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_ping_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
