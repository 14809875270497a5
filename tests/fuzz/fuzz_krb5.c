/*
 * Kerberos in all its roles fed by a stranger: tokens for an acceptor and an observer that have a
 * key, a server's answer for an observer, replies for both exchanges with the KDC, and fragments
 * for contexts of every encryption type. Nothing that is not sealed with the key may be taken.
 */
#include <stdio.h>
#include <stdlib.h>

#include <krb5/krb5.h>
#include <msrpc/auth.h>

#include "krb5_flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char table_name[] = "MEMORY:fuzz", cache_name[] = "MEMORY:tickets";

/* A ticket of krbtgt/TEST@TEST (RFC 4120 5.3); what is sealed in it nobody here opens. */
static uint8_t ticket[] = {
    0x61, 0x47, 0x30, 0x45, 0xa0, 3, 2, 1, 5, 0xa1, 6, 0x1b, 4, 0x54,
    0x45, 0x53, 0x54, 0xa2, 0x19, 0x30, 0x17, 0xa0, 3, 2, 1, 2, 0xa1, 0x10,
    0x30, 0x0e, 0x1b, 6, 0x6b, 0x72, 0x62, 0x74, 0x67, 0x74, 0x1b, 4, 0x54, 0x45,
    0x53, 0x54, 0xa3, 0x1b, 0x30, 0x19, 0xa0, 3, 2, 1, 0x12, 0xa2, 0x12, 4,
    0x10, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
    0x55, 0x55, 0x55};

static void must(bool so) {
    if (!so)
        __builtin_trap();
}

/* One key of a service, made once. */
static void make_table(void) {
    static krb5_context context;
    static krb5_keytab table;
    static krb5_octet octets[32] = {1, 2, 3};
    krb5_keytab_entry entry = {.vno = 1, .key = {.enctype = 18, .length = 32, .contents = octets}};

    if (context)
        return;
    setenv("KRB5_CONFIG", "/dev/null", 1);
    must(krb5_init_context(&context) == 0 && krb5_kt_resolve(context, table_name, &table) == 0 &&
         krb5_parse_name(context, "host/srv@TEST", &entry.principal) == 0 &&
         krb5_kt_add_entry(context, table, &entry) == 0);
    krb5_free_principal(context, entry.principal);
}

/* A cache with a ticket-granting ticket, made once. */
static void make_cache(void) {
    static krb5_context context;
    static krb5_ccache cache;
    static krb5_octet octets[32] = {4, 5, 6};
    krb5_creds creds = {.keyblock = {.enctype = 18, .length = 32, .contents = octets},
                        .times = {.endtime = INT32_MAX},
                        .ticket = {.length = sizeof ticket, .data = (char *)ticket}};

    if (context)
        return;
    must(krb5_init_context(&context) == 0 && krb5_cc_resolve(context, cache_name, &cache) == 0 &&
         krb5_parse_name(context, "alice@TEST", &creds.client) == 0 &&
         krb5_parse_name(context, "krbtgt/TEST@TEST", &creds.server) == 0 &&
         krb5_cc_initialize(context, cache, creds.client) == 0 &&
         krb5_cc_store_cred(context, cache, &creds) == 0);
    krb5_free_principal(context, creds.client);
    krb5_free_principal(context, creds.server);
}

static void feed_token(enum mr_security_role role, enum mr_dir dir, mr_slice token) {
    mr_krb5_options o = {.role = role, .keytab = table_name, .now = 1700000000, .entropy = {1}};
    mr_error err = MR_ERROR_INIT;
    uint8_t room[4096];
    mr_krb5_info info;
    mr_krb5 *k = NULL;
    mr_buf out;

    must(mr_krb5_new(&o, &k, &err) == 0);
    mr_security *s = mr_krb5_get_security(k);
    mr_buf_init(&out, room, sizeof room, sizeof room);
    must(s->class->step(s, dir, token, &out, &err) != 0);
    mr_krb5_get_info(k, &info);
    must(!info.complete);
    mr_krb5_free(k);
}

static void feed_reply(enum mr_krb5_stage stage, mr_slice reply) {
    mr_krb5_kdc_request request;
    mr_error err = MR_ERROR_INIT;
    mr_krb5_kdc_info info;
    mr_krb5_kdc *kdc = NULL;
    mr_identity id;

    must(mr_identity_init(&id, &err) == 0 &&
         mr_identity_set_name(&id, MR_SLICE_LIT("alice@TEST"), &err) == 0 &&
         (stage == MR_KRB5_STAGE_AS
              ? mr_identity_set_password(&id, MR_SLICE_LIT("x"), &err)
              : mr_identity_set_ccache(&id, mr_slice_str(cache_name), &err)) == 0);
    mr_krb5_kdc_options o = {.identity = &id, .service = "host/srv", .now = 1700000000};
    must(mr_krb5_kdc_new(&o, &kdc, &err) == 0);
    must(mr_krb5_kdc_step(kdc, MR_SLICE_NULL, &request, &err) == MR_KRB5_KDC_SEND);
    if (reply.len > 0)
        must(mr_krb5_kdc_step(kdc, reply, &request, &err) != 0);
    mr_krb5_kdc_get_info(kdc, &info);
    must(info.stage == stage);
    mr_krb5_kdc_free(kdc);
    mr_identity_deinit(&id);
}

/* The first octets choose level, direction, header signing and the length of the verifier. */
static void feed_fragment(int32_t etype, mr_slice in) {
    static uint8_t plain[1 << 16];
    mr_krb5_secret secret = {.etype = etype, .key = {7}, .len = 32, .acceptor_subkey = true};
    mr_krb5_flow flow;

    if (in.len < 2 || in.len > sizeof plain)
        return;
    if (etype != MR_KRB5_AES256_SHA1 && etype != MR_KRB5_AES256_SHA2)
        secret.len = 16;
    uint8_t how = in.data[0];
    mr_slice rest = mr_slice_sub(in, 2, SIZE_MAX);
    size_t value = in.data[1] < rest.len ? in.data[1] : rest.len, body = rest.len - value;
    mr_security_frag f = {
        .header = mr_slice_of("header", 6), .trailer = mr_slice_of("trailer!", 8),
        .body = mr_slice_sub(rest, value, body), .value = mr_slice_sub(rest, 0, value),
        .level = (uint8_t)(MR_AUTH_LEVEL_PACKET + how % 3), .sign_header = how & 4,
        .dir = how & 8 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER};
    must(mr_krb5_flow_init(&flow, &secret, f.dir, NULL, NULL) == 0);
    must(mr_krb5_flow_unprotect(&flow, &f, plain, NULL) < 0);
    mr_krb5_flow_deinit(&flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice rest = {data + (size > 0), size > 0 ? size - 1 : 0};

    make_table();
    make_cache();
    switch (size > 0 ? data[0] % 10 : 0) {
    case 0: feed_token(MR_SECURITY_ACCEPTOR, MR_DIR_TO_SERVER, rest); break;
    case 1: feed_token(MR_SECURITY_OBSERVER, MR_DIR_TO_SERVER, rest); break;
    case 2: feed_token(MR_SECURITY_OBSERVER, MR_DIR_TO_CLIENT, rest); break;
    case 3: feed_reply(MR_KRB5_STAGE_AS, rest); break;
    case 4: feed_fragment(MR_KRB5_AES128_SHA1, rest); break;
    case 5: feed_fragment(MR_KRB5_AES256_SHA1, rest); break;
    case 6: feed_fragment(MR_KRB5_AES128_SHA2, rest); break;
    case 7: feed_fragment(MR_KRB5_AES256_SHA2, rest); break;
    case 8: feed_fragment(MR_KRB5_RC4, rest); break;
    case 9: feed_reply(MR_KRB5_STAGE_TGS, rest); break;
    }
    return 0;
}
