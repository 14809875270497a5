/*
 * Datagram services beside a domain: SNMP, IKE, the browser of SQL Server, L2TP. IKE and L2TP are
 * greeted with the first message of their handshake and then left; the peer forgets the half-made
 * association by itself.
 */
#include "port_private.h"

#include <msrpc/wire/snmp.h>

/* ---- SNMP ---- */

int port_ask_snmp(mr_port_probe *p, mr_buf *out) {
    const char *community = p->options.community ? p->options.community : "public";

    return mr_snmp_encode_get((int32_t)(port_random(p, 0) & 0x7fffffff), community, out);
}

enum port_reading port_answer_snmp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_snmp_answer answer;

    (void)ended;
    if (mr_snmp_decode(bytes, &answer, NULL) != 0 ||
        answer.id != (int32_t)(port_random(p, 0) & 0x7fffffff))
        return PORT_FOREIGN;
    port_add_int(p, "status", answer.status);
    if (answer.status)
        port_say(p, "answers error status %lld", (long long)answer.status);
    else
        port_say_slice(p, "", answer.description);
    if (answer.description.len)
        port_add_str(p, "description", answer.description);
    else if (!answer.status)
        port_say(p, "answers without a description");
    return PORT_DONE;
}

/* ---- IKE (RFC 2408 3.1, RFC 2409 5) ---- */

#define IKE_HEADER 28
#define IKE_INFORMATIONAL 5

/* Main mode with one proposal: 3DES, SHA, pre-shared key, group 2. */
int port_ask_isakmp(mr_port_probe *p, mr_buf *out) {
    static const uint8_t association[] = {
        0, 0, 0, 52,  0, 0, 0, 1,  0, 0, 0, 1,                    /* SA: IPsec, identity only */
        0, 0, 0, 40,  1, 1, 0, 1,                                 /* proposal 1: ISAKMP */
        0, 0, 0, 32,  1, 1, 0, 0,                                 /* transform 1: IKE */
        0x80, 1, 0, 5,  0x80, 2, 0, 2,  0x80, 3, 0, 1,  0x80, 4, 0, 2,
        0x80, 11, 0, 1,  0x80, 12, 0x70, 0x80,                    /* 28800 seconds */
    };

    out->big = true;
    mr_buf_write(out, mr_slice_of(p->random, 8)); /* our cookie */
    mr_buf_write_zero(out, 8);
    mr_buf_write_u8(out, 1);    /* next payload: SA */
    mr_buf_write_u8(out, 0x10); /* version 1.0 */
    mr_buf_write_u8(out, 2);    /* main mode */
    mr_buf_write_zero(out, 5);
    mr_buf_write_u32(out, IKE_HEADER + sizeof association);
    mr_buf_write(out, mr_slice_of(association, sizeof association));
    return mr_buf_error(out);
}

enum port_reading port_answer_isakmp(mr_port_probe *p, mr_slice bytes, bool ended) {
    (void)ended;
    if (bytes.len < IKE_HEADER || memcmp(bytes.data, p->random, 8) != 0)
        return PORT_FOREIGN;
    unsigned version = bytes.data[17], exchange = bytes.data[18];
    port_add_fmt(p, "version", "%u.%u", version >> 4, version & 15);
    port_add_int(p, "exchange", exchange);
    port_say(p, "IKE %u.%u %s", version >> 4, version & 15,
             exchange == IKE_INFORMATIONAL ? "refuses a proposal of ours" : "answers");
    return PORT_DONE;
}

/* ---- SQL Server Browser (MC-SQLR 2.2) ---- */

#define SQL_ASK_ALL 3 /* CLNT_UCAST_EX */
#define SQL_ANSWER 5

int port_ask_sql_browser(mr_port_probe *p, mr_buf *out) {
    (void)p;
    mr_buf_write_u8(out, SQL_ASK_ALL);
    return mr_buf_error(out);
}

/* The text up to the next semicolon. */
static mr_slice sql_word(mr_slice *rest) {
    size_t n = 0;

    while (n < rest->len && rest->data[n] != ';')
        n++;
    mr_slice word = mr_slice_sub(*rest, 0, n);
    *rest = mr_slice_sub(*rest, n + 1, rest->len);
    return word;
}

enum port_reading port_answer_sql_browser(mr_port_probe *p, mr_slice bytes, bool ended) {
    size_t instances = 0;

    (void)ended;
    if (bytes.len < 3 || bytes.data[0] != SQL_ANSWER)
        return PORT_FOREIGN;
    size_t len = (size_t)bytes.data[1] | (size_t)bytes.data[2] << 8;
    mr_slice rest = mr_slice_sub(bytes, 3, len);
    while (rest.len) {
        mr_slice name = sql_word(&rest);
        if (name.len == 0)
            continue; /* the end of an instance */
        mr_slice value = sql_word(&rest);
        if (mr_slice_eq_nocase(name, MR_SLICE_LIT("InstanceName"))) {
            instances++;
            port_say_slice(p, "instance ", value);
        }
        char text[256];
        mr_buf pair;
        mr_buf_init(&pair, text, sizeof text, sizeof text);
        mr_buf_write(&pair, mr_slice_sub(name, 0, 100));
        mr_buf_write_u8(&pair, ' ');
        mr_buf_write(&pair, mr_slice_sub(value, 0, 150));
        port_add_item(p, "properties", mr_buf_slice(&pair));
        mr_buf_deinit(&pair);
    }
    if (instances == 0)
        port_say(p, "knows no instance");
    return PORT_DONE;
}

/* ---- L2TP (RFC 2661 3.1, 4.1, 6.1) ---- */

enum { L2TP_SCCRQ = 1, L2TP_SCCRP = 2, L2TP_STOP = 4 };
enum { AVP_MESSAGE = 0, AVP_VERSION = 2, AVP_FRAMING = 3, AVP_HOST = 7, AVP_TUNNEL = 9 };

static void write_avp(mr_buf *out, uint16_t type, size_t len) {
    mr_buf_write_u16(out, (uint16_t)(0x8000 | (6 + len))); /* mandatory */
    mr_buf_write_u16(out, 0);
    mr_buf_write_u16(out, type);
}

int port_ask_l2tp(mr_port_probe *p, mr_buf *out) {
    size_t begin = out->len;

    out->big = true;
    mr_buf_write_u16(out, 0xc802); /* control, length, sequence; version 2 */
    mr_buf_write_zero(out, 10);    /* length, then tunnel, session, Ns, Nr: all 0 */
    write_avp(out, AVP_MESSAGE, 2);
    mr_buf_write_u16(out, L2TP_SCCRQ);
    write_avp(out, AVP_VERSION, 2);
    mr_buf_write_u16(out, 0x0100);
    write_avp(out, AVP_HOST, 5);
    mr_buf_write_str(out, "msrpc");
    write_avp(out, AVP_FRAMING, 4);
    mr_buf_write_u32(out, 3);
    write_avp(out, AVP_TUNNEL, 2);
    mr_buf_write_u16(out, (uint16_t)(port_random(p, 0) | 1));
    mr_buf_set_u16(out, begin + 2, (uint16_t)(out->len - begin));
    return mr_buf_error(out);
}

enum port_reading port_answer_l2tp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_cursor c = mr_cursor_of(bytes);

    (void)ended;
    c.big = true;
    uint16_t head = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 10);
    if (!mr_cursor_ok(&c) || (head & 0xc80f) != 0xc802)
        return PORT_FOREIGN;
    mr_cursor_skip(&c, 6);
    unsigned type = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        type = 0; /* a bare acknowledgement */
    port_add_int(p, "message", type);
    port_say(p, "%s", type == L2TP_SCCRP  ? "accepts a tunnel"
                      : type == L2TP_STOP ? "refuses a tunnel"
                                          : "acknowledges");
    return PORT_DONE;
}
