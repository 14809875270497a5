/*
 * Kerberos requests of a stranger, and the errors that answer them (RFC 4120 5.4.1, 5.9.1;
 * RFC 3244). DER with explicit context tags; unknown trailing fields are ignored.
 */
#include "krb_private.h"

#define PVNO 5
#define NAME_PRINCIPAL 1
#define NAME_SRV_INST 2
#define FAR_AHEAD "20370913024805Z"

static void write_int(mr_buf *out, unsigned field, int32_t value) {
    size_t place = mr_ber_open(out, (uint8_t)MR_BER_CONTEXT(field));

    mr_ber_write_int(out, MR_BER_INTEGER, value);
    mr_ber_close(out, place);
}

static void write_text(mr_buf *out, unsigned field, uint8_t tag, const char *text) {
    size_t place = mr_ber_open(out, (uint8_t)MR_BER_CONTEXT(field));

    mr_ber_write_str(out, tag, text);
    mr_ber_close(out, place);
}

/* PrincipalName of one or two components. */
static void write_name(mr_buf *out, unsigned field, int32_t type, const char *first,
                       const char *second) {
    size_t place = mr_ber_open(out, (uint8_t)MR_BER_CONTEXT(field));
    size_t name = mr_ber_open(out, MR_BER_SEQUENCE);

    write_int(out, 0, type);
    size_t strings = mr_ber_open(out, MR_BER_CONTEXT(1));
    size_t list = mr_ber_open(out, MR_BER_SEQUENCE);
    mr_ber_write_str(out, MR_BER_GENERAL_STRING, first);
    if (second)
        mr_ber_write_str(out, MR_BER_GENERAL_STRING, second);
    mr_ber_close(out, list);
    mr_ber_close(out, strings);
    mr_ber_close(out, name);
    mr_ber_close(out, place);
}

static void write_request_body(mr_buf *out, const char *client, const char *realm,
                               uint32_t nonce) {
    static const int32_t etypes[] = {18, 17, 23}; /* AES256, AES128, RC4 */
    size_t place = mr_ber_open(out, MR_BER_CONTEXT(4));
    size_t body = mr_ber_open(out, MR_BER_SEQUENCE);

    size_t options = mr_ber_open(out, MR_BER_CONTEXT(0));
    mr_ber_write(out, MR_BER_BIT_STRING, MR_SLICE_LIT("\0\0\0\0\0"));
    mr_ber_close(out, options);
    write_name(out, 1, NAME_PRINCIPAL, client, NULL);
    write_text(out, 2, MR_BER_GENERAL_STRING, realm);
    write_name(out, 3, NAME_SRV_INST, "krbtgt", realm);
    write_text(out, 5, MR_BER_GENERALIZED_TIME, FAR_AHEAD);
    write_int(out, 7, (int32_t)(nonce & 0x7fffffff));
    size_t list = mr_ber_open(out, MR_BER_CONTEXT(8));
    size_t types = mr_ber_open(out, MR_BER_SEQUENCE);
    for (size_t i = 0; i < MR_COUNT(etypes); i++)
        mr_ber_write_int(out, MR_BER_INTEGER, etypes[i]);
    mr_ber_close(out, types);
    mr_ber_close(out, list);
    mr_ber_close(out, body);
    mr_ber_close(out, place);
}

int mr_krb_encode_as_req(const char *client, const char *realm, uint32_t nonce, mr_buf *out) {
    size_t message = mr_ber_open(out, MR_BER_APPLICATION(MR_KRB_AS_REQ));
    size_t request = mr_ber_open(out, MR_BER_SEQUENCE);

    write_int(out, 1, PVNO);
    write_int(out, 2, MR_KRB_AS_REQ);
    write_request_body(out, client, realm, nonce);
    mr_ber_close(out, request);
    mr_ber_close(out, message);
    return mr_buf_error(out);
}

/* EncryptedData of AES256 whose ciphertext is @len zeros. */
static void write_sealed(mr_buf *out, unsigned field, size_t len) {
    static const uint8_t zeros[64];
    size_t place = mr_ber_open(out, (uint8_t)MR_BER_CONTEXT(field));
    size_t sealed = mr_ber_open(out, MR_BER_SEQUENCE);

    write_int(out, 0, 18);
    size_t cipher = mr_ber_open(out, MR_BER_CONTEXT(2));
    mr_ber_write(out, MR_BER_OCTET_STRING,
                 mr_slice_of(zeros, len < sizeof zeros ? len : sizeof zeros));
    mr_ber_close(out, cipher);
    mr_ber_close(out, sealed);
    mr_ber_close(out, place);
}

static void write_ticket(mr_buf *out, const char *realm) {
    size_t place = mr_ber_open(out, MR_BER_CONTEXT(3));
    size_t app = mr_ber_open(out, MR_BER_APPLICATION(1));
    size_t ticket = mr_ber_open(out, MR_BER_SEQUENCE);

    write_int(out, 0, PVNO);
    write_text(out, 1, MR_BER_GENERAL_STRING, realm);
    write_name(out, 2, NAME_SRV_INST, "kadmin", "changepw");
    write_sealed(out, 3, 64);
    mr_ber_close(out, ticket);
    mr_ber_close(out, app);
    mr_ber_close(out, place);
}

int mr_krb_encode_kpasswd_probe(const char *realm, mr_buf *out) {
    bool big = out->big;
    size_t start = out->len;

    out->big = true;
    mr_buf_write_u16(out, 0); /* length of all, below */
    mr_buf_write_u16(out, 0xff80);
    mr_buf_write_u16(out, 0); /* length of the AP-REQ, below */
    size_t from = out->len;
    size_t app = mr_ber_open(out, MR_BER_APPLICATION(14));
    size_t request = mr_ber_open(out, MR_BER_SEQUENCE);
    write_int(out, 0, PVNO);
    write_int(out, 1, 14);
    size_t options = mr_ber_open(out, MR_BER_CONTEXT(2));
    mr_ber_write(out, MR_BER_BIT_STRING, MR_SLICE_LIT("\0\0\0\0\0"));
    mr_ber_close(out, options);
    write_ticket(out, realm);
    write_sealed(out, 4, 64);
    mr_ber_close(out, request);
    mr_ber_close(out, app);
    mr_buf_set_u16(out, start + 4, (uint16_t)(out->len - from));

    size_t priv = mr_ber_open(out, MR_BER_APPLICATION(21));
    size_t body = mr_ber_open(out, MR_BER_SEQUENCE);
    write_int(out, 0, PVNO);
    write_int(out, 1, 21);
    write_sealed(out, 3, 64);
    mr_ber_close(out, body);
    mr_ber_close(out, priv);
    mr_buf_set_u16(out, start, (uint16_t)(out->len - start));
    out->big = big;
    return mr_buf_error(out);
}

/* ---- answers ---- */

unsigned mr_krb_get_type(mr_slice bytes) {
    if (bytes.len < 2 || (bytes.data[0] & 0xe0) != 0x60)
        return 0;
    return bytes.data[0] & 0x1f;
}

int mr_krb_malformed(mr_error *err, const mr_cursor *c, const char *what) {
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, c->bad ? c->bad_at : c->pos,
                   "Kerberos: %s breaks its form", what);
}

uint32_t mr_krb_read_u32(mr_cursor *c) {
    int64_t v = mr_ber_read_int(c, MR_BER_INTEGER);

    if (v < 0 || v > UINT32_MAX)
        mr_cursor_poison(c);
    return (uint32_t)v;
}

/* The inner sequence of a message with application number @type. */
mr_cursor mr_krb_open_message(mr_slice bytes, unsigned type) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_cursor app = mr_ber_read(&c, (uint8_t)MR_BER_APPLICATION(type));

    return mr_ber_read(&app, MR_BER_SEQUENCE);
}

/* The fields of a KRB-ERROR up to the first that is not whole; false: there is such a one, or no
 * code. */
static bool read_error(mr_cursor c, mr_krb_error *e, bool *codedp, mr_error *err) {
    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor field = mr_ber_read(&c, tag);
        if (!mr_cursor_ok(&c))
            break;
        switch (tag) {
        case MR_BER_CONTEXT(2): e->client_time = mr_krb_read_time(&field); break;
        case MR_BER_CONTEXT(3): e->client_usec = mr_krb_read_u32(&field); break;
        case MR_BER_CONTEXT(4): e->server_time = mr_krb_read_time(&field); break;
        case MR_BER_CONTEXT(5): e->server_usec = mr_krb_read_u32(&field); break;
        case MR_BER_CONTEXT(6): e->code = mr_krb_read_u32(&field); *codedp = true; break;
        case MR_BER_CONTEXT(7):
            e->client_realm = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING);
            break;
        case MR_BER_CONTEXT(9):
            e->realm = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING);
            break;
        case MR_BER_CONTEXT(8): e->client = mr_krb_read_name(&field); break;
        case MR_BER_CONTEXT(10): e->server = mr_krb_read_name(&field); break;
        case MR_BER_CONTEXT(11):
            e->text = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING);
            break;
        case MR_BER_CONTEXT(12): e->data = mr_ber_read_octets(&field, MR_BER_OCTET_STRING); break;
        default: break; /* versions, and what is to come */
        }
        if (!mr_cursor_ok(&field)) {
            (void)mr_krb_malformed(err, &field, "an error message");
            *codedp = false;
            return false;
        }
    }
    if (mr_cursor_ok(&c) && *codedp)
        return true;
    (void)mr_krb_malformed(err, &c, "an error message");
    return false;
}

int mr_krb_error_decode(mr_slice bytes, mr_krb_error *errorp, mr_error *err) {
    mr_krb_error e = {0};
    bool coded = false;

    if (!read_error(mr_krb_open_message(bytes, MR_KRB_ERROR), &e, &coded, err))
        return MR_ERR_MALFORMED;
    *errorp = e;
    return 0;
}

/* What an element holds, as far as it is there. */
static mr_slice inside(mr_slice element) {
    size_t head = 2;

    if (element.len >= 2 && element.data[1] & 0x80)
        head += element.data[1] & 0x7f;
    return mr_slice_sub(element, head, SIZE_MAX);
}

int mr_krb_error_peek(mr_slice bytes, mr_krb_error *errorp) {
    mr_krb_error e = {0};
    bool coded = false;

    if (mr_krb_get_type(bytes) == MR_KRB_ERROR)
        (void)read_error(mr_cursor_of(inside(inside(bytes))), &e, &coded, NULL);
    if (!coded)
        return MR_ERR_MALFORMED;
    *errorp = e;
    return 0;
}

int mr_krb_rep_decode(mr_slice bytes, mr_krb_rep *repp, mr_error *err) {
    mr_cursor c = mr_krb_open_message(bytes, MR_KRB_AS_REP);
    mr_krb_rep rep = {0};

    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor field = mr_ber_read(&c, tag);
        if (tag == MR_BER_CONTEXT(3))
            rep.realm = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING);
        if (!mr_cursor_ok(&field))
            return mr_krb_malformed(err, &field, "an AS-REP");
    }
    if (!mr_cursor_ok(&c))
        return mr_krb_malformed(err, &c, "an AS-REP");
    *repp = rep;
    return 0;
}

int mr_kpasswd_decode(mr_slice bytes, mr_kpasswd_reply *replyp, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_kpasswd_reply reply;

    c.big = true;
    uint16_t len = mr_cursor_read_u16(&c);
    reply.version = mr_cursor_read_u16(&c);
    uint16_t ap_len = mr_cursor_read_u16(&c);
    if (mr_cursor_ok(&c) && (len < 6 || ap_len > len - 6))
        return mr_krb_malformed(err, &c, "a password reply");
    mr_cursor window = mr_cursor_window(&c, mr_cursor_ok(&c) ? len - 6u : 0);
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c.bad_at,
                       "Kerberos: a password reply ends too early");
    reply.ap_rep = mr_cursor_read(&window, ap_len);
    reply.body = mr_cursor_read(&window, mr_cursor_left(&window));
    *replyp = reply;
    return 0;
}
