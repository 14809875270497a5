/* SNMPv1 messages (RFC 1157 4): an outer sequence of version, community and PDU. */
#include <msrpc/wire/snmp.h>

#include <msrpc/wire/ber.h>

#define GET_REQUEST MR_BER_CONTEXT(0)
#define GET_RESPONSE MR_BER_CONTEXT(2)
#define OBJECT_ID 0x06
#define NOTHING 0x05

static const uint8_t sys_descr[] = {0x2b, 6, 1, 2, 1, 1, 1, 0}; /* 1.3.6.1.2.1.1.1.0 */

int mr_snmp_encode_get(int32_t id, const char *community, mr_buf *out) {
    size_t message = mr_ber_open(out, MR_BER_SEQUENCE);

    mr_ber_write_int(out, MR_BER_INTEGER, 0);
    mr_ber_write_str(out, MR_BER_OCTET_STRING, community);
    size_t pdu = mr_ber_open(out, GET_REQUEST);
    mr_ber_write_int(out, MR_BER_INTEGER, id);
    mr_ber_write_int(out, MR_BER_INTEGER, 0);
    mr_ber_write_int(out, MR_BER_INTEGER, 0);
    size_t list = mr_ber_open(out, MR_BER_SEQUENCE);
    size_t binding = mr_ber_open(out, MR_BER_SEQUENCE);
    mr_ber_write(out, OBJECT_ID, mr_slice_of(sys_descr, sizeof sys_descr));
    mr_ber_write(out, NOTHING, MR_SLICE_NULL);
    mr_ber_close(out, binding);
    mr_ber_close(out, list);
    mr_ber_close(out, pdu);
    mr_ber_close(out, message);
    return mr_buf_error(out);
}

int mr_snmp_decode(mr_slice bytes, mr_snmp_answer *answerp, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_snmp_answer answer = {0};

    mr_cursor message = mr_ber_read(&c, MR_BER_SEQUENCE);
    int64_t version = mr_ber_read_int(&message, MR_BER_INTEGER);
    (void)mr_ber_read_octets(&message, MR_BER_OCTET_STRING);
    mr_cursor pdu = mr_ber_read(&message, GET_RESPONSE);
    answer.id = (int32_t)mr_ber_read_int(&pdu, MR_BER_INTEGER);
    answer.status = mr_ber_read_int(&pdu, MR_BER_INTEGER);
    (void)mr_ber_read_int(&pdu, MR_BER_INTEGER);
    if (!mr_cursor_ok(&pdu) || version != 0)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, mr_cursor_ok(&pdu) ? 0 : pdu.bad_at,
                       "SNMP: no answer of version 1");
    mr_cursor list = mr_ber_read(&pdu, MR_BER_SEQUENCE);
    mr_cursor binding = mr_ber_read(&list, MR_BER_SEQUENCE);
    (void)mr_ber_read_octets(&binding, OBJECT_ID);
    if (mr_cursor_ok(&binding) && mr_ber_peek(&binding) == MR_BER_OCTET_STRING)
        answer.description = mr_ber_read_octets(&binding, MR_BER_OCTET_STRING);
    *answerp = answer;
    return 0;
}
