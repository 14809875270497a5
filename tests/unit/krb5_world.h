/*
 * A realm without a KDC: tickets made by hand for a service whose key lies in a key table in
 * memory, in a ticket cache in memory. Whatever reads tickets and keys finds them real.
 */
#ifndef KRB5_WORLD_H
#define KRB5_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <krb5/krb5.h>

#include <msrpc/auth/krb5.h>
#include <msrpc/wire/ber.h>
#include <msrpc/wire/krb.h>

#define REALM "TEST.EXAMPLE"
#define SERVICE "host/srv.test.example"
#define SERVICE_FULL SERVICE "@" REALM
#define CLIENT_FULL "alice@" REALM

typedef struct krb5_world {
    krb5_context context;
    krb5_ccache cache;
    krb5_keytab table, other; /* the service's keys; keys of no use */
    char cache_name[64], table_name[64], other_name[64];
} krb5_world;

/* ---- the library's configuration, a file for the tests of a group ---- */

static char config_name[] = "/tmp/msrpc-krb5-XXXXXX";

static inline int make_config(void **state) {
    int fd = mkstemp(config_name);

    (void)state;
    return fd < 0 || close(fd) != 0 || setenv("KRB5_CONFIG", config_name, 1) != 0;
}

static inline int remove_config(void **state) {
    (void)state;
    return unlink(config_name);
}

/* ---- messages ---- */

static inline void field_int(mr_buf *b, unsigned field, int32_t v) {
    size_t at = mr_ber_open(b, (uint8_t)MR_BER_CONTEXT(field));
    mr_ber_write_int(b, MR_BER_INTEGER, v);
    mr_ber_close(b, at);
}

static inline void field_bytes(mr_buf *b, unsigned field, uint8_t tag, mr_slice bytes) {
    size_t at = mr_ber_open(b, (uint8_t)MR_BER_CONTEXT(field));
    mr_ber_write(b, tag, bytes);
    mr_ber_close(b, at);
}

static inline void field_time(mr_buf *b, unsigned field, time_t when) {
    char text[32];
    struct tm tm;
    size_t n = strftime(text, sizeof text, "%Y%m%d%H%M%SZ", gmtime_r(&when, &tm));
    field_bytes(b, field, MR_BER_GENERALIZED_TIME, mr_slice_of(text, n));
}

static inline void field_name(mr_buf *b, unsigned field, int32_t type, const char *one,
                              const char *two) {
    size_t at = mr_ber_open(b, (uint8_t)MR_BER_CONTEXT(field));
    size_t name = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, type);
    size_t strings = mr_ber_open(b, MR_BER_CONTEXT(1)), list = mr_ber_open(b, MR_BER_SEQUENCE);
    mr_ber_write_str(b, MR_BER_GENERAL_STRING, one);
    if (two)
        mr_ber_write_str(b, MR_BER_GENERAL_STRING, two);
    mr_ber_close(b, list);
    mr_ber_close(b, strings);
    mr_ber_close(b, name);
    mr_ber_close(b, at);
}

static inline void field_key(mr_buf *b, unsigned field, const krb5_keyblock *key) {
    size_t at = mr_ber_open(b, (uint8_t)MR_BER_CONTEXT(field));
    size_t seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, key->enctype);
    field_bytes(b, 1, MR_BER_OCTET_STRING, mr_slice_of(key->contents, key->length));
    mr_ber_close(b, seq);
    mr_ber_close(b, at);
}

/* EncTicketPart (RFC 4120 5.3). */
static inline void write_ticket_part(mr_buf *b, const krb5_keyblock *session, time_t now) {
    size_t app = mr_ber_open(b, MR_BER_APPLICATION(3)), seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_bytes(b, 0, MR_BER_BIT_STRING, MR_SLICE_LIT("\0\x40\x20\0\0"));
    field_key(b, 1, session);
    field_bytes(b, 2, MR_BER_GENERAL_STRING, MR_SLICE_LIT(REALM));
    field_name(b, 3, 1, "alice", NULL);
    size_t transited = mr_ber_open(b, MR_BER_CONTEXT(4)), t_seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 1);
    field_bytes(b, 1, MR_BER_OCTET_STRING, MR_SLICE_NULL);
    mr_ber_close(b, t_seq);
    mr_ber_close(b, transited);
    field_time(b, 5, now - 60);
    field_time(b, 7, now + 36000);
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
}

/* EncryptedData (RFC 4120 5.2.9) of @plain under @key as field @field. */
static inline void field_sealed(mr_buf *b, unsigned field, krb5_context context,
                                const krb5_keyblock *key, krb5_keyusage usage, int32_t kvno,
                                mr_slice plain) {
    uint8_t room[1024];
    size_t need;

    assert_int_equal(krb5_c_encrypt_length(context, key->enctype, plain.len, &need), 0);
    assert_true(need <= sizeof room);
    krb5_data in = {.data = (char *)plain.data, .length = (unsigned)plain.len};
    krb5_enc_data out = {.ciphertext = {.data = (char *)room, .length = (unsigned)need}};
    assert_int_equal(krb5_c_encrypt(context, key, usage, NULL, &in, &out), 0);
    size_t at = mr_ber_open(b, (uint8_t)MR_BER_CONTEXT(field));
    size_t seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, key->enctype);
    if (kvno)
        field_int(b, 1, kvno);
    field_bytes(b, 2, MR_BER_OCTET_STRING, mr_slice_of(room, need));
    mr_ber_close(b, seq);
    mr_ber_close(b, at);
}

/* A ticket for @one/@two@@realm, sealed with the service's key. */
static inline void write_ticket(mr_buf *b, krb5_context context, const krb5_keyblock *key,
                                const krb5_keyblock *session, time_t now, const char *realm,
                                const char *one, const char *two) {
    uint8_t room[512];
    mr_buf plain;

    mr_buf_init(&plain, room, sizeof room, sizeof room);
    write_ticket_part(&plain, session, now);
    assert_int_equal(mr_buf_error(&plain), 0);
    size_t app = mr_ber_open(b, MR_BER_APPLICATION(1)), seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 5);
    field_bytes(b, 1, MR_BER_GENERAL_STRING, mr_slice_str(realm));
    field_name(b, 2, 2, one, two);
    field_sealed(b, 3, context, key, 2, 7, mr_buf_slice(&plain));
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
    assert_int_equal(mr_buf_error(b), 0);
}

static inline void add_key(krb5_world *w, krb5_keytab table, const krb5_keyblock *key) {
    krb5_keytab_entry entry = {.vno = 7, .key = *key};
    assert_int_equal(krb5_parse_name(w->context, SERVICE_FULL, &entry.principal), 0);
    assert_int_equal(krb5_kt_add_entry(w->context, table, &entry), 0);
    krb5_free_principal(w->context, entry.principal);
}

/* A world whose ticket and session key are of @etype. */
static inline void krb5_world_init(krb5_world *w, krb5_enctype etype) {
    krb5_keyblock key, unused, session;
    krb5_creds creds = {0};
    time_t now = time(NULL);
    uint8_t room[1024];
    mr_buf ticket;

    memset(w, 0, sizeof *w);
    assert_int_equal(krb5_init_context(&w->context), 0);
    assert_int_equal(krb5_c_make_random_key(w->context, etype, &key), 0);
    assert_int_equal(krb5_c_make_random_key(w->context, etype, &unused), 0);
    assert_int_equal(krb5_c_make_random_key(w->context, etype, &session), 0);
    (void)snprintf(w->table_name, sizeof w->table_name, "MEMORY:srv-%p", (void *)w);
    (void)snprintf(w->other_name, sizeof w->other_name, "MEMORY:other-%p", (void *)w);
    (void)snprintf(w->cache_name, sizeof w->cache_name, "MEMORY:alice-%p", (void *)w);
    assert_int_equal(krb5_kt_resolve(w->context, w->table_name, &w->table), 0);
    assert_int_equal(krb5_kt_resolve(w->context, w->other_name, &w->other), 0);
    add_key(w, w->table, &key);
    add_key(w, w->other, &unused);
    mr_buf_init(&ticket, room, sizeof room, sizeof room);
    write_ticket(&ticket, w->context, &key, &session, now, REALM, "host", "srv.test.example");

    assert_int_equal(krb5_cc_resolve(w->context, w->cache_name, &w->cache), 0);
    assert_int_equal(krb5_parse_name(w->context, CLIENT_FULL, &creds.client), 0);
    assert_int_equal(krb5_parse_name(w->context, SERVICE_FULL, &creds.server), 0);
    creds.keyblock = session;
    creds.times = (krb5_ticket_times){.authtime = (krb5_timestamp)(now - 60),
                                      .endtime = (krb5_timestamp)(now + 36000)};
    creds.ticket = (krb5_data){.data = (char *)ticket.data, .length = (unsigned)ticket.len};
    assert_int_equal(krb5_cc_initialize(w->context, w->cache, creds.client), 0);
    assert_int_equal(krb5_cc_store_cred(w->context, w->cache, &creds), 0);
    krb5_free_principal(w->context, creds.client);
    krb5_free_principal(w->context, creds.server);
    krb5_free_keyblock_contents(w->context, &key);
    krb5_free_keyblock_contents(w->context, &unused);
    krb5_free_keyblock_contents(w->context, &session);
}

static inline void krb5_world_deinit(krb5_world *w) {
    krb5_cc_destroy(w->context, w->cache);
    krb5_kt_close(w->context, w->table);
    krb5_kt_close(w->context, w->other);
    krb5_free_context(w->context);
}

static inline mr_krb5 *make_side(krb5_world *w, enum mr_security_role role, uint8_t level) {
    mr_krb5_options o = {.role = role, .level = level, .now = (int64_t)time(NULL),
                         .entropy = {1, 2, 3}, .keytab = w->table_name};
    mr_error err = MR_ERROR_INIT;
    mr_krb5 *k = NULL;

    if (role == MR_SECURITY_INITIATOR) {
        o.service = SERVICE_FULL;
        o.ccache = w->cache_name;
    }
    if (mr_krb5_new(&o, &k, &err) < 0)
        fail_msg("%s", err.text);
    return k;
}

#endif
