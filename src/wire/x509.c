/*
 * The names and dates of a certificate (RFC 5280 4.1, 4.2.1.6), for a person to read. Extensions
 * and attributes other than these are stepped over; signatures are not looked at.
 */
#include <msrpc/wire/ber.h>
#include <msrpc/wire/tls.h>

#define OID 0x06
#define COMMON_NAME MR_SLICE_LIT("\x55\x04\x03")
#define ALT_NAME MR_SLICE_LIT("\x55\x1d\x11")
#define ALT_DNS 0x82 /* [2] IA5String */
#define ALT_IP 0x87  /* [7] OCTET STRING */

/* The last common name of a Name; empty when it has none. */
static mr_slice common_name(mr_cursor name) {
    mr_slice found = MR_SLICE_NULL;

    while (mr_cursor_left(&name)) {
        mr_cursor set = mr_ber_read(&name, MR_BER_SET);
        while (mr_cursor_left(&set)) {
            mr_cursor pair = mr_ber_read(&set, MR_BER_SEQUENCE);
            mr_slice oid = mr_ber_read_octets(&pair, OID);
            mr_slice value = mr_ber_read_octets(&pair, mr_ber_peek(&pair));
            if (mr_slice_eq(oid, COMMON_NAME))
                found = value;
        }
    }
    return found;
}

static mr_slice whole(const mr_cursor *c) {
    return mr_slice_of(c->base + c->pos, mr_cursor_left(c));
}

static void read_alt_names(mr_slice value, mr_x509 *x) {
    mr_cursor c = mr_cursor_of(value);
    mr_cursor list = mr_ber_read(&c, MR_BER_SEQUENCE);

    while (mr_cursor_left(&list)) {
        uint8_t tag = mr_ber_peek(&list);
        mr_slice name = mr_ber_read_octets(&list, tag);
        if (tag == ALT_DNS && x->dns_count < MR_X509_NAMES)
            x->dns[x->dns_count++] = name;
        if (tag == ALT_IP && x->ip_count < MR_X509_NAMES && (name.len == 4 || name.len == 16))
            x->ip[x->ip_count++] = name;
    }
}

static void read_extensions(mr_cursor *tbs, mr_x509 *x) {
    mr_cursor outer = mr_ber_read(tbs, MR_BER_CONTEXT(3));
    mr_cursor list = mr_ber_read(&outer, MR_BER_SEQUENCE);

    while (mr_cursor_left(&list)) {
        mr_cursor extension = mr_ber_read(&list, MR_BER_SEQUENCE);
        mr_slice oid = mr_ber_read_octets(&extension, OID);
        if (mr_ber_peek(&extension) == MR_BER_BOOLEAN)
            mr_ber_skip(&extension); /* critical */
        mr_slice value = mr_ber_read_octets(&extension, MR_BER_OCTET_STRING);
        if (mr_cursor_ok(&extension) && mr_slice_eq(oid, ALT_NAME))
            read_alt_names(value, x);
    }
}

int mr_x509_decode(mr_slice der, mr_x509 *certp, mr_error *err) {
    mr_cursor c = mr_cursor_of(der);
    mr_cursor cert = mr_ber_read(&c, MR_BER_SEQUENCE);
    mr_cursor tbs = mr_ber_read(&cert, MR_BER_SEQUENCE);
    mr_x509 x = {0};

    if (mr_ber_peek(&tbs) == MR_BER_CONTEXT(0))
        mr_ber_skip(&tbs); /* version */
    mr_ber_skip(&tbs);     /* serial number */
    mr_ber_skip(&tbs);     /* signature */
    mr_cursor issuer = mr_ber_read(&tbs, MR_BER_SEQUENCE);
    mr_cursor validity = mr_ber_read(&tbs, MR_BER_SEQUENCE);
    x.not_before = mr_ber_read_time(&validity, mr_ber_peek(&validity));
    x.not_after = mr_ber_read_time(&validity, mr_ber_peek(&validity));
    mr_cursor subject = mr_ber_read(&tbs, MR_BER_SEQUENCE);
    mr_ber_skip(&tbs); /* the key */
    if (!mr_cursor_ok(&tbs) || !mr_cursor_ok(&validity))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE,
                       mr_cursor_ok(&tbs) ? validity.bad_at : tbs.bad_at,
                       "TLS: a certificate breaks its form");
    x.issuer = common_name(issuer);
    x.subject = common_name(subject);
    x.self_signed = mr_slice_eq(whole(&issuer), whole(&subject));
    while (mr_cursor_left(&tbs)) {
        if (mr_ber_peek(&tbs) == MR_BER_CONTEXT(3))
            read_extensions(&tbs, &x);
        else
            mr_ber_skip(&tbs); /* unique identifiers */
    }
    *certp = x;
    return 0;
}
