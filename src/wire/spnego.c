/*
 * Security tokens and their wrappings (RFC 4178 4.2, MS-SPNG 2.2.1, RFC 2743 3.1, RFC 4121 4.1).
 * DER throughout; unknown fields are stepped over.
 */
#include <msrpc/wire/ber.h>
#include <msrpc/wire/ntlmssp.h>
#include <msrpc/wire/spnego.h>

#define OID 0x06
#define APP_0 MR_BER_APPLICATION(0)
#define AP_REQ MR_BER_APPLICATION(14)
#define AP_REP MR_BER_APPLICATION(15)
#define KRB_ERROR MR_BER_APPLICATION(30)

static const struct {
    mr_slice oid;
    enum mr_mech mech;
    const char *name;
} mechs[] = {
    {{(const uint8_t *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 9}, MR_MECH_KRB5, "Kerberos"},
    {{(const uint8_t *)"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02", 9}, MR_MECH_MS_KRB5, "Kerberos"},
    {{(const uint8_t *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03", 10}, MR_MECH_KRB5_U2U,
     "Kerberos user-to-user"},
    {{(const uint8_t *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a", 10}, MR_MECH_NTLM, "NTLM"},
    {{(const uint8_t *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e", 10}, MR_MECH_NEGOEX, "NEGOEX"},
    {{(const uint8_t *)"\x2b\x06\x01\x05\x05\x02", 6}, MR_MECH_SPNEGO, "SPNEGO"},
};

const char *mr_mech_name(enum mr_mech mech) {
    for (size_t i = 0; i < MR_COUNT(mechs); i++)
        if (mechs[i].mech == mech)
            return mechs[i].name;
    return "unknown";
}

mr_slice mr_mech_oid(enum mr_mech mech) {
    for (size_t i = 0; i < MR_COUNT(mechs); i++)
        if (mechs[i].mech == mech)
            return mechs[i].oid;
    return MR_SLICE_NULL;
}

static enum mr_mech find_mech(mr_slice oid) {
    for (size_t i = 0; i < MR_COUNT(mechs); i++)
        if (mr_slice_eq(mechs[i].oid, oid))
            return mechs[i].mech;
    return MR_MECH_UNKNOWN;
}

static bool is_krb5(enum mr_mech mech) {
    return mech == MR_MECH_KRB5 || mech == MR_MECH_MS_KRB5 || mech == MR_MECH_KRB5_U2U;
}

/* The framing of a mechanism's first token: [APPLICATION 0] { OID, octets }. */
static bool read_gss(mr_cursor *c, enum mr_mech *mechp, mr_slice *innerp) {
    mr_cursor app = mr_ber_read(c, APP_0);
    mr_slice oid = mr_ber_read_octets(&app, OID);

    *mechp = find_mech(oid);
    *innerp = mr_cursor_read(&app, mr_cursor_left(&app));
    return mr_cursor_ok(&app);
}

/* Two octets in front of the Kerberos message say which one it is (RFC 4121 4.1). */
static void strip_krb(mr_slice inner, mr_gss_token *t) {
    mr_cursor c = mr_cursor_of(inner);

    c.big = true;
    uint16_t id = mr_cursor_read_u16(&c);
    if (id != 0x0100 && id != 0x0200 && id != 0x0300)
        return;
    t->krb = id;
    t->token = mr_slice_sub(inner, 2, SIZE_MAX);
}

/* What a mechanism's octets tell by themselves: inside SPNEGO, or bare. */
static bool recognise(mr_slice bytes, mr_gss_token *t) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_slice inner = bytes;
    enum mr_mech mech;
    uint8_t tag = mr_ber_peek(&c);

    if (mr_ntlm_get_type(bytes)) {
        t->mech = MR_MECH_NTLM;
    } else if (tag == AP_REQ || tag == AP_REP || tag == KRB_ERROR) {
        t->mech = is_krb5(t->mech) ? t->mech : MR_MECH_KRB5;
    } else if (tag == APP_0 && read_gss(&c, &mech, &inner)) {
        t->mech = mech;
    } else {
        return false;
    }
    t->token = inner;
    if (tag == APP_0 && is_krb5(t->mech))
        strip_krb(inner, t);
    return true;
}

static void read_mechs(mr_cursor *field, mr_gss_token *t) {
    size_t at = field->pos;
    mr_cursor list = mr_ber_read(field, MR_BER_SEQUENCE);

    if (mr_cursor_ok(field))
        t->mech_list = mr_slice_of(field->base + at, field->pos - at);
    while (mr_cursor_left(&list)) {
        enum mr_mech mech = find_mech(mr_ber_read_octets(&list, OID));
        if (mr_cursor_ok(&list) && t->mech_count < MR_SPNEGO_MECHS)
            t->mechs[t->mech_count++] = mech;
    }
    if (!mr_cursor_ok(&list))
        mr_cursor_poison(field);
    t->mech = t->mech_count ? t->mechs[0] : MR_MECH_UNKNOWN;
}

static void read_mic(mr_cursor *field, mr_gss_token *t) {
    t->mic = mr_ber_read_octets(field, MR_BER_OCTET_STRING);
    t->has_mic = true;
}

static void read_init(uint8_t tag, mr_cursor *field, mr_gss_token *t) {
    switch (tag) {
    case MR_BER_CONTEXT(0): read_mechs(field, t); break;
    case MR_BER_CONTEXT(2): t->token = mr_ber_read_octets(field, MR_BER_OCTET_STRING); break;
    case MR_BER_CONTEXT(3): /* a MIC, or Microsoft's hints of a server (MS-SPNG 2.2.1) */
        if (mr_ber_peek(field) == MR_BER_OCTET_STRING)
            read_mic(field, t);
        break;
    case MR_BER_CONTEXT(4): read_mic(field, t); break;
    default: break; /* flags, and what is to come */
    }
}

static void read_resp(uint8_t tag, mr_cursor *field, mr_gss_token *t) {
    switch (tag) {
    case MR_BER_CONTEXT(0): {
        int64_t state = mr_ber_read_int(field, MR_BER_ENUMERATED);
        t->state = state >= 0 && state < MR_SPNEGO_NO_STATE ? (uint8_t)state
                                                            : MR_SPNEGO_NO_STATE;
        break;
    }
    case MR_BER_CONTEXT(1):
        t->supported = find_mech(mr_ber_read_octets(field, OID));
        t->mech = t->supported;
        break;
    case MR_BER_CONTEXT(2): t->token = mr_ber_read_octets(field, MR_BER_OCTET_STRING); break;
    case MR_BER_CONTEXT(3): read_mic(field, t); break;
    default: break; /* what is to come */
    }
}

static int read_spnego(mr_cursor c, mr_gss_token *t, mr_error *err) {
    uint8_t choice = mr_ber_peek(&c);
    mr_cursor outer = mr_ber_read(&c, choice);
    mr_cursor body = mr_ber_read(&outer, MR_BER_SEQUENCE);

    t->wrap = choice == MR_BER_CONTEXT(0) ? MR_GSS_INIT : MR_GSS_RESP;
    while (mr_cursor_left(&body)) {
        uint8_t tag = mr_ber_peek(&body);
        mr_cursor field = mr_ber_read(&body, tag);
        if (t->wrap == MR_GSS_INIT)
            read_init(tag, &field, t);
        else
            read_resp(tag, &field, t);
        if (!mr_cursor_ok(&field))
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, field.bad_at,
                           "SPNEGO: a token breaks its form");
    }
    if (!mr_cursor_ok(&body))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, body.bad_at,
                       "SPNEGO: a token ends too early");
    t->whole = t->token;
    if (t->token.len)
        (void)recognise(t->token, t);
    return 0;
}

int mr_gss_token_decode(mr_slice bytes, mr_gss_token *tokenp, mr_error *err) {
    mr_gss_token t = {.state = MR_SPNEGO_NO_STATE, .token = bytes, .whole = bytes};
    mr_cursor c = mr_cursor_of(bytes);
    uint8_t tag = mr_ber_peek(&c);
    int r = 0;

    if (tag == MR_BER_CONTEXT(0) || tag == MR_BER_CONTEXT(1)) {
        t.token = MR_SLICE_NULL;
        r = read_spnego(c, &t, err);
    } else if (!recognise(bytes, &t)) {
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is no security token");
    } else if (t.mech == MR_MECH_SPNEGO) {
        mr_cursor inner = mr_cursor_of(t.token);
        t.token = MR_SLICE_NULL;
        if (mr_ber_peek(&inner) != MR_BER_CONTEXT(0))
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                           "SPNEGO: a first token holds no NegTokenInit");
        t.mech = MR_MECH_UNKNOWN;
        r = read_spnego(inner, &t, err);
    } else {
        t.wrap = tag == APP_0 ? MR_GSS_FRAMED : MR_GSS_BARE;
    }
    if (r == 0)
        *tokenp = t;
    return r;
}
