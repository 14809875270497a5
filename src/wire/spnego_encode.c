/*
 * SPNEGO's tokens written (RFC 4178 4.2, MS-SPNG 2.2.1), DER throughout.
 */
#include <msrpc/wire/ber.h>
#include <msrpc/wire/spnego.h>

#define OID 0x06

static void write_field(mr_buf *out, unsigned number, uint8_t tag, mr_slice contents) {
    size_t field = mr_ber_open(out, (uint8_t)MR_BER_CONTEXT(number));

    mr_ber_write(out, tag, contents);
    mr_ber_close(out, field);
}

/* OCTET STRING as field @number, unless it is empty. */
static void write_octets(mr_buf *out, unsigned number, mr_slice octets) {
    if (octets.len > 0)
        write_field(out, number, MR_BER_OCTET_STRING, octets);
}

int mr_spnego_mechs_encode(const enum mr_mech *mechs, size_t count, mr_buf *out) {
    size_t list = mr_ber_open(out, MR_BER_SEQUENCE);

    for (size_t i = 0; i < count; i++)
        mr_ber_write(out, OID, mr_mech_oid(mechs[i]));
    mr_ber_close(out, list);
    return mr_buf_error(out);
}

/* NegHints (MS-SPNG 2.2.1) as field 3. */
static void write_hint(mr_buf *out, const char *hint) {
    size_t field = mr_ber_open(out, MR_BER_CONTEXT(3));
    size_t hints = mr_ber_open(out, MR_BER_SEQUENCE);

    write_field(out, 0, MR_BER_GENERAL_STRING, mr_slice_str(hint));
    mr_ber_close(out, hints);
    mr_ber_close(out, field);
}

int mr_spnego_init_encode(const mr_spnego_init *init, mr_buf *out) {
    size_t frame = mr_ber_open(out, MR_BER_APPLICATION(0));
    size_t choice, body, list;

    mr_ber_write(out, OID, mr_mech_oid(MR_MECH_SPNEGO));
    choice = mr_ber_open(out, MR_BER_CONTEXT(0));
    body = mr_ber_open(out, MR_BER_SEQUENCE);
    list = mr_ber_open(out, MR_BER_CONTEXT(0));
    mr_buf_write(out, init->mech_list);
    mr_ber_close(out, list);
    write_octets(out, 2, init->token);
    if (init->hint)
        write_hint(out, init->hint);
    mr_ber_close(out, body);
    mr_ber_close(out, choice);
    mr_ber_close(out, frame);
    return mr_buf_error(out);
}

int mr_spnego_resp_encode(const mr_spnego_resp *resp, mr_buf *out) {
    size_t choice = mr_ber_open(out, MR_BER_CONTEXT(1));
    size_t body = mr_ber_open(out, MR_BER_SEQUENCE);

    if (resp->state != MR_SPNEGO_NO_STATE)
        write_field(out, 0, MR_BER_ENUMERATED, mr_slice_of(&resp->state, 1));
    if (resp->mech != MR_MECH_UNKNOWN)
        write_field(out, 1, OID, mr_mech_oid(resp->mech));
    write_octets(out, 2, resp->token);
    write_octets(out, 3, resp->mic);
    mr_ber_close(out, body);
    mr_ber_close(out, choice);
    return mr_buf_error(out);
}
