/* A machine without libcrypto and MIT krb5: whoever needs one of them is told which package has it,
 * nothing crashes, and what needs neither works. */
#include "ntlm_world.h"

#include <msrpc/crypto.h>

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);

static bool there;

void *__wrap_dlopen(const char *name, int flags) {
    return __real_dlopen(there ? name : "libof-another-machine.so.0", flags);
}

static void assert_names(int rc, const mr_error *err, const char *package) {
    assert_int_equal(rc, MR_ERR_MISSING);
    if (!strstr(err->text, package) || !strstr(err->text, "libof-another-machine.so.0"))
        fail_msg("%s", err->text);
}

static void ntlm(void **state) {
    ntlm_ends e;
    (void)state;

    ntlm_ends_init(&e, MR_AUTH_LEVEL_PRIVACY);
    int rc = mr_ntlm_new(&e.client_options, &e.client, &e.err);
    assert_names(rc, &e.err, "libssl3");
    assert_null(e.client);
    ntlm_ends_deinit(&e);
}

static void netlogon(void **state) {
    mr_netlogon_options o = {.role = MR_SECURITY_INITIATOR, .domain = "LAB", .computer = "PC7",
                             .key = {.aes = true}};
    mr_error err = MR_ERROR_INIT;
    mr_netlogon *n = NULL;
    uint8_t room[64];
    mr_buf out;
    (void)state;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    int rc = mr_netlogon_new(&o, &n, &err);
    if (rc == 0) {
        mr_security *sec = mr_netlogon_get_security(n);
        rc = sec->class->step(sec, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, &err);
    }
    assert_names(rc, &err, "libssl3");
    mr_netlogon_free(n);
}

static void kerberos(void **state) {
    mr_krb5_options o = {.service = "host/srv@TEST", .ccache = "MEMORY:none",
                         .keytab = "MEMORY:none", .level = MR_AUTH_LEVEL_PRIVACY};
    static const enum mr_security_role roles[] = {MR_SECURITY_INITIATOR, MR_SECURITY_ACCEPTOR,
                                                  MR_SECURITY_OBSERVER};
    mr_krb5_kdc_options kdc_options = {.service = "host/srv@TEST"};
    mr_krb5_kdc *kdc = NULL;
    mr_krb5 *krb5 = NULL;
    mr_identity who;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(roles); i++) {
        mr_error err = MR_ERROR_INIT;
        o.role = roles[i];
        assert_names(mr_krb5_new(&o, &krb5, &err), &err, "libgssapi-krb5-2");
        assert_null(krb5);
    }
    mr_error err = MR_ERROR_INIT;
    assert_int_equal(mr_identity_init(&who, NULL), 0);
    kdc_options.identity = &who;
    assert_names(mr_krb5_kdc_new(&kdc_options, &kdc, &err), &err, "libgssapi-krb5-2");
    assert_null(kdc);
    mr_identity_deinit(&who);
}

/* What was missing at first is not looked for again: an answer is the same each time. */
static void once(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_hmac h;
    mr_aes aes;
    uint8_t block[16] = {0};
    (void)state;

    there = true;
    assert_names(mr_hmac_init(&h, MR_HASH_MD5, MR_SLICE_LIT("key"), &err), &err, "libssl3");
    assert_names(mr_aes_init(&aes, MR_AES_ECB, mr_slice_of(block, 16), &err), &err, "libssl3");
    assert_names(mr_des_block(block, block, block, &err), &err, "libssl3");
    mr_hmac_deinit(&h);
    mr_aes_deinit(&aes);
}

/* Our own algorithms need nobody. */
static void own(void **state) {
    uint8_t hash[MR_MD4_SIZE];
    (void)state;

    mr_md4(MR_SLICE_NULL, hash);
    assert_int_equal(hash[0], 0x31);
    assert_int_equal(mr_crc32(0, MR_SLICE_LIT("123456789")), 0xcbf43926);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntlm), cmocka_unit_test(netlogon), cmocka_unit_test(kerberos),
        cmocka_unit_test(once), cmocka_unit_test(own),
    };
    return cmocka_run_group_tests_name("auth_missing", tests, NULL, NULL);
}
