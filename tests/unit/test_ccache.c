/* Ticket caches in files: the owner, the ticket-granting ticket's end, and every cut refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <msrpc/wire/ccache.h>

static void put_data(mr_buf *b, const char *text) {
    mr_buf_write_u32(b, (uint32_t)strlen(text));
    mr_buf_write(b, mr_slice_str(text));
}

static void put_name(mr_buf *b, const char *first, const char *second, const char *realm) {
    mr_buf_write_u32(b, 1);
    mr_buf_write_u32(b, second ? 2 : 1);
    put_data(b, realm);
    put_data(b, first);
    if (second)
        put_data(b, second);
}

static void put_credential(mr_buf *b, unsigned version, const char *service, const char *host,
                           const char *realm, uint32_t end) {
    put_name(b, "alice", NULL, "LAB.TEST");
    put_name(b, service, host, realm);
    mr_buf_write_u16(b, 18);
    if (version == 3)
        mr_buf_write_u16(b, 18);
    put_data(b, "a key of any length");
    mr_buf_write_u32(b, 1000);
    mr_buf_write_u32(b, 1000);
    mr_buf_write_u32(b, end);
    mr_buf_write_u32(b, 0);
    mr_buf_write_u8(b, 0);
    mr_buf_write_u32(b, 0x40e10000);
    mr_buf_write_u32(b, 1); /* an address */
    mr_buf_write_u16(b, 2);
    put_data(b, "\x0a\x58\x01\x14");
    mr_buf_write_u32(b, 0);
    put_data(b, "the ticket");
    put_data(b, "");
}

static void put_head(mr_buf *b, unsigned version, const char *user) {
    b->big = true;
    mr_buf_write_u8(b, 5);
    mr_buf_write_u8(b, (uint8_t)version);
    if (version == 4) {
        mr_buf_write_u16(b, 12);
        mr_buf_write_u16(b, 1);
        mr_buf_write_u16(b, 8);
        mr_buf_write_u32(b, 0xffffffff);
        mr_buf_write_u32(b, 0);
    }
    put_name(b, user, NULL, "LAB.TEST");
}

static void test_caches(void **state) {
    (void)state;
    for (unsigned version = 3; version <= 4; version++) {
        mr_buf b;
        mr_ccache cache;
        mr_buf_init(&b, NULL, 0, 4096);
        put_head(&b, version, "alice");
        size_t head = b.len;
        assert_int_equal(mr_ccache_decode(mr_buf_slice(&b), &cache, NULL), 0);
        assert_string_equal(cache.client, "alice@LAB.TEST");
        assert_int_equal(cache.tgt_end, 0);
        put_credential(&b, version, "host", "dc1.lab.test", "LAB.TEST", 9000);
        size_t first = b.len;
        put_credential(&b, version, "krbtgt", "LAB.TEST", "LAB.TEST", 2000);
        size_t second = b.len;
        put_credential(&b, version, "krbtgt", "OTHER.TEST", "LAB.TEST", 5000);
        assert_int_equal(mr_ccache_decode(mr_buf_slice(&b), &cache, NULL), 0);
        assert_int_equal(cache.tgt_end, 2000);
        for (size_t len = 0; len < b.len; len++) { /* in memory of just that size */
            uint8_t *cut = malloc(len + !len);
            assert_non_null(cut);
            memcpy(cut, b.data, len);
            mr_error err = MR_ERROR_INIT;
            int want = len == head || len == first || len == second ? 0 : MR_ERR_TRUNCATED;
            assert_int_equal(mr_ccache_decode(mr_slice_of(cut, len), &cache, &err), want);
            free(cut);
        }
        mr_buf_deinit(&b);
    }
}

static void test_strange(void **state) {
    static const char *const users[] = {"al\nice", "\xff\xfe", NULL};
    char longer[MR_CCACHE_NAME + 1];
    mr_ccache cache;
    mr_buf b;

    (void)state;
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t i = 0; i < MR_COUNT(users); i++) {
        mr_buf_init(&b, NULL, 0, 4096);
        put_head(&b, 4, users[i] ? users[i] : longer);
        assert_int_equal(mr_ccache_decode(mr_buf_slice(&b), &cache, NULL), MR_ERR_MALFORMED);
        mr_buf_deinit(&b);
    }
    assert_int_equal(mr_ccache_decode(MR_SLICE_LIT("\x05\x01\0\0"), &cache, NULL),
                     MR_ERR_UNSUPPORTED);
    assert_int_equal(mr_ccache_decode(MR_SLICE_LIT("#!/bin/sh"), &cache, NULL),
                     MR_ERR_UNSUPPORTED);
}

/* A name and its realm have 255 octets at most, the @ counted. */
static void test_longest(void **state) {
    char user[MR_CCACHE_NAME + 1];
    mr_ccache cache;
    mr_buf b;

    (void)state;
    for (size_t len = MR_CCACHE_NAME - 3; len <= MR_CCACHE_NAME + 1; len++) {
        size_t user_len = len - sizeof "@LAB.TEST" + 1;
        memset(user, 'a', user_len);
        user[user_len] = '\0';
        mr_buf_init(&b, NULL, 0, 4096);
        put_head(&b, 4, user);
        int r = mr_ccache_decode(mr_buf_slice(&b), &cache, NULL);
        assert_int_equal(r, len < MR_CCACHE_NAME ? 0 : MR_ERR_MALFORMED);
        if (!r)
            assert_int_equal(strlen(cache.client), len);
        mr_buf_deinit(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_caches),
                                       cmocka_unit_test(test_strange),
                                       cmocka_unit_test(test_longest)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
