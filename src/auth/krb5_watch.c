/*
 * Kerberos as an observer sees it (RFC 4120 5.5, 7.5.1): with the service's key from a key table
 * the ticket of the AP-REQ opens, its session key opens the authenticator and the AP-REP, and the
 * subkeys in these protect the fragments. No clock and no replay is looked at: what is observed
 * happened before.
 */
#include <stdlib.h>

#include <msrpc/wire/ber.h>

#include "krb5_private.h"

enum { /* key usage numbers (RFC 4120 7.5.1) */
    USAGE_AP_REQ = 11,
    USAGE_AP_REP = 12,
    PART_AUTHENTICATOR = 2, /* application numbers of what is encrypted (RFC 4120 5.5) */
    PART_AP_REP = 27,
};

struct mr_krb5_watch {
    krb5_context context;
    krb5_keytab keytab;
    krb5_keyblock *session; /* of the ticket, once it was opened */
    bool answered;
};

static int unread(mr_error *err, const char *what) {
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: %s breaks its form", what);
}

int mr_krb5_watch_init(mr_krb5 *k, const mr_krb5_options *options, mr_error *err) {
    struct mr_krb5_watch *w = calloc(1, sizeof *w);

    k->watch = w;
    if (!w)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    int rc = mr_krb5_library_init(&w->context, false, err);
    if (rc < 0 || !options->keytab)
        return rc;
    krb5_error_code code = krb5->kt_resolve(w->context, options->keytab, &w->keytab);
    if (code == 0)
        code = krb5->kt_have_content(w->context, w->keytab);
    return code ? mr_krb5_fail(err, w->context, code, &k->reason, "Kerberos: the key table") : 0;
}

void mr_krb5_watch_deinit(mr_krb5 *k) {
    struct mr_krb5_watch *w = k->watch;

    if (!w)
        return;
    if (w->session)
        krb5->free_keyblock(w->context, w->session);
    if (w->keytab)
        krb5->kt_close(w->context, w->keytab);
    if (w->context)
        krb5->free_context(w->context);
    free(w);
    k->watch = NULL;
}

/* ---- what is sealed inside the messages ---- */

/* EncryptedData (RFC 4120 5.2.9). */
static krb5_enc_data read_sealed(mr_cursor *c) {
    mr_cursor seq = mr_ber_read(c, MR_BER_SEQUENCE);
    krb5_enc_data sealed = {0};

    while (mr_cursor_left(&seq)) {
        uint8_t tag = mr_ber_peek(&seq);
        mr_cursor field = mr_ber_read(&seq, tag);
        if (tag == MR_BER_CONTEXT(0))
            sealed.enctype = (krb5_enctype)mr_ber_read_int(&field, MR_BER_INTEGER);
        if (tag == MR_BER_CONTEXT(2)) {
            mr_slice bytes = mr_ber_read_octets(&field, MR_BER_OCTET_STRING);
            sealed.ciphertext.data = (char *)(uintptr_t)bytes.data;
            sealed.ciphertext.length = (unsigned)bytes.len;
        }
        if (!mr_cursor_ok(&field))
            mr_cursor_poison(c);
    }
    if (!mr_cursor_ok(&seq) || sealed.ciphertext.length == 0)
        mr_cursor_poison(c);
    return sealed;
}

/* EncryptionKey (5.2.9); a length of 0 when there is none that could be used. */
static void read_key(mr_cursor *c, mr_krb5_secret *secret) {
    mr_cursor seq = mr_ber_read(c, MR_BER_SEQUENCE);
    mr_cursor type = mr_ber_read(&seq, MR_BER_CONTEXT(0));
    mr_cursor value = mr_ber_read(&seq, MR_BER_CONTEXT(1));
    int64_t etype = mr_ber_read_int(&type, MR_BER_INTEGER);
    mr_slice key = mr_ber_read_octets(&value, MR_BER_OCTET_STRING);

    if (!mr_cursor_ok(&type) || !mr_cursor_ok(&value) || key.len > sizeof secret->key) {
        mr_cursor_poison(c);
        return;
    }
    secret->etype = (int32_t)etype;
    secret->len = key.len;
    memcpy(secret->key, key.data, key.len);
}

/* Subkey and sequence number of an Authenticator (5.5.1) or EncAPRepPart (5.5.2), where they have
 * the numbers @key_field and @key_field + 1. A subkey replaces @secret's key. */
static int read_part(mr_slice plain, unsigned part, unsigned key_field, mr_krb5_secret *secret,
                     uint64_t *seqp, bool *has_keyp) {
    mr_cursor c = mr_cursor_of(plain);
    mr_cursor app = mr_ber_read(&c, (uint8_t)MR_BER_APPLICATION(part));
    mr_cursor seq = mr_ber_read(&app, MR_BER_SEQUENCE);

    *has_keyp = false;
    while (mr_cursor_left(&seq)) {
        uint8_t tag = mr_ber_peek(&seq);
        mr_cursor field = mr_ber_read(&seq, tag);
        if (tag == MR_BER_CONTEXT(key_field)) {
            read_key(&field, secret);
            *has_keyp = true;
        } else if (tag == MR_BER_CONTEXT(key_field + 1)) {
            *seqp = (uint32_t)mr_ber_read_int(&field, MR_BER_INTEGER);
        }
        if (!mr_cursor_ok(&field))
            return MR_ERR_MALFORMED;
    }
    return mr_cursor_ok(&seq) ? 0 : MR_ERR_MALFORMED;
}

/* Opens @sealed with the ticket's key and reads what is in it. */
static int open_part(mr_krb5 *k, const krb5_enc_data *sealed, krb5_keyusage usage, mr_error *err) {
    struct mr_krb5_watch *w = k->watch;
    bool rep = usage == USAGE_AP_REP, has_key;
    enum mr_dir dir = rep ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER;
    krb5_data plain = {.length = sealed->ciphertext.length};
    int rc;

    plain.data = malloc(plain.length);
    if (!plain.data)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    size_t size = plain.length;
    krb5_error_code code = krb5->c_decrypt(w->context, w->session, usage, NULL, sealed, &plain);
    if (code)
        rc = mr_krb5_fail(err, w->context, code, &k->reason,
                          rep ? "Kerberos: the AP-REP" : "Kerberos: the authenticator");
    else if (read_part(mr_slice_of(plain.data, plain.length),
                       rep ? PART_AP_REP : PART_AUTHENTICATOR, rep ? 2 : 6, &k->secret,
                       &k->secret.seq[dir], &has_key) < 0)
        rc = unread(err, "a sealed message");
    else {
        k->secret.acceptor_subkey = rep && has_key;
        rc = 0;
    }
    mr_wipe(plain.data, size);
    free(plain.data);
    return rc;
}

/* ---- the legs ---- */

static int open_ticket(mr_krb5 *k, mr_slice bytes, mr_error *err) {
    krb5_data data = {.length = (unsigned)bytes.len, .data = (char *)(uintptr_t)bytes.data};
    struct mr_krb5_watch *w = k->watch;
    krb5_ticket *ticket = NULL;
    krb5_error_code code = krb5->decode_ticket(&data, &ticket);

    if (code)
        return unread(err, "a ticket");
    mr_krb5_print_name(w->context, ticket->server, k->service, sizeof k->service);
    code = w->keytab ? krb5->server_decrypt_ticket_keytab(w->context, w->keytab, ticket)
                     : KRB5_KT_NOTFOUND;
    if (code == 0)
        code = krb5->copy_keyblock(w->context, ticket->enc_part2->session, &w->session);
    if (code == 0)
        mr_krb5_print_name(w->context, ticket->enc_part2->client, k->client, sizeof k->client);
    krb5->free_ticket(w->context, ticket);
    if (code)
        return mr_krb5_fail(err, w->context, code, &k->reason, "Kerberos: the ticket");
    if (w->session->length > sizeof k->secret.key)
        return unread(err, "a session key");
    k->secret.etype = w->session->enctype;
    k->secret.len = w->session->length;
    memcpy(k->secret.key, w->session->contents, k->secret.len);
    return 0;
}

static int watch_request(mr_krb5 *k, mr_slice message, mr_error *err) {
    mr_cursor c = mr_cursor_of(message);
    mr_cursor app = mr_ber_read(&c, MR_BER_APPLICATION(MR_KRB_AP_REQ));
    mr_cursor seq = mr_ber_read(&app, MR_BER_SEQUENCE);
    krb5_enc_data sealed = {0};
    mr_slice ticket = MR_SLICE_NULL;

    while (mr_cursor_left(&seq)) {
        uint8_t tag = mr_ber_peek(&seq);
        mr_cursor field = mr_ber_read(&seq, tag);
        if (tag == MR_BER_CONTEXT(3))
            ticket = mr_cursor_read(&field, mr_cursor_left(&field));
        if (tag == MR_BER_CONTEXT(4))
            sealed = read_sealed(&field);
        if (!mr_cursor_ok(&field))
            return unread(err, "an AP-REQ");
    }
    if (!mr_cursor_ok(&seq) || ticket.len == 0 || !sealed.ciphertext.data)
        return unread(err, "an AP-REQ");
    int rc = open_ticket(k, ticket, err);
    if (rc == 0)
        rc = open_part(k, &sealed, USAGE_AP_REQ, err);
    return rc;
}

static int watch_reply(mr_krb5 *k, mr_slice message, mr_error *err) {
    mr_cursor c = mr_cursor_of(message);
    mr_cursor app = mr_ber_read(&c, MR_BER_APPLICATION(MR_KRB_AP_REP));
    mr_cursor seq = mr_ber_read(&app, MR_BER_SEQUENCE);
    krb5_enc_data sealed = {0};

    while (mr_cursor_left(&seq)) {
        uint8_t tag = mr_ber_peek(&seq);
        mr_cursor field = mr_ber_read(&seq, tag);
        if (tag == MR_BER_CONTEXT(2))
            sealed = read_sealed(&field);
        if (!mr_cursor_ok(&field))
            return unread(err, "an AP-REP");
    }
    if (!mr_cursor_ok(&seq) || !sealed.ciphertext.data)
        return unread(err, "an AP-REP");
    return open_part(k, &sealed, USAGE_AP_REP, err);
}

int mr_krb5_watch_step(mr_krb5 *k, enum mr_dir dir, mr_slice token, mr_error *err) {
    struct mr_krb5_watch *w = k->watch;
    mr_slice message = mr_krb5_unframe(token);
    unsigned type = mr_krb_get_type(message);
    int rc;

    if (type == MR_KRB_ERROR && mr_krb5_reason_read(&k->reason, message, k->now) == 0)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the server refused the ticket with error %u", k->reason.is.code);
    if (dir == MR_DIR_TO_SERVER && type == MR_KRB_AP_REQ && !w->session) {
        mr_krb5_note_ticket(k, message);
        rc = watch_request(k, message, err);
        return rc < 0 ? rc : MR_SECURITY_CONTINUE;
    }
    if (dir == MR_DIR_TO_CLIENT && type == MR_KRB_AP_REP && w->session && !w->answered) {
        w->answered = true;
        rc = watch_reply(k, message, err);
        return rc < 0 ? rc : MR_SECURITY_CONTINUE;
    }
    /* the third leg repeats the server's number and has no key */
    if (dir == MR_DIR_TO_SERVER && type == MR_KRB_AP_REP && w->answered && !k->complete)
        return mr_krb5_finish(k, err);
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: the legs of the exchange are not complete");
}
