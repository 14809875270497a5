/*
 * A ClientHello as TLS 1.2 has it (RFC 5246 7.4.1.2, extensions of RFC 6066 and RFC 8422), and the
 * head of the ServerHello or alert that answers. TLS 1.3 is not offered: a server that speaks it
 * speaks 1.2 as well, or says so with the alert protocol_version.
 */
#include <msrpc/wire/tls_hello.h>

#include <stdio.h>

#define RECORD 5
#define RECORD_ALERT 21
#define RECORD_HANDSHAKE 22
#define SERVER_HELLO 2

/* Begins a vector with a length of two octets; the place is given to close. */
static size_t open16(mr_buf *out) {
    mr_buf_write_u16(out, 0);
    return out->len;
}

static void close16(mr_buf *out, size_t place) {
    if (!mr_buf_error(out))
        mr_buf_set_u16(out, place - 2, (uint16_t)(out->len - place));
}

static void write_list(mr_buf *out, uint16_t type, const uint16_t *items, size_t count) {
    mr_buf_write_u16(out, type);
    size_t body = open16(out), list = open16(out);
    for (size_t i = 0; i < count; i++)
        mr_buf_write_u16(out, items[i]);
    close16(out, list);
    close16(out, body);
}

static void write_server_name(mr_buf *out, const char *name) {
    mr_buf_write_u16(out, 0);
    size_t body = open16(out), list = open16(out);
    mr_buf_write_u8(out, 0); /* host_name */
    size_t text = open16(out);
    mr_buf_write_str(out, name);
    close16(out, text);
    close16(out, list);
    close16(out, body);
}

int mr_tls_encode_client_hello(const uint8_t random[32], const char *server_name, mr_buf *out) {
    static const uint16_t ciphers[] = {0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028,
                                       0xc027, 0xc00a, 0xc009, 0xc014, 0xc013, 0x009f, 0x009e,
                                       0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a,
                                       0x00ff};
    static const uint16_t groups[] = {0x001d, 0x0017, 0x0018, 0x0019};
    static const uint16_t schemes[] = {0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401,
                                       0x0501, 0x0601, 0x0203, 0x0201};
    bool big = out->big;

    out->big = true;
    mr_buf_write(out, MR_SLICE_LIT("\x16\x03\x01"));
    size_t record = open16(out);
    mr_buf_write(out, MR_SLICE_LIT("\x01\x00")); /* client_hello; the length has three octets */
    size_t hello = open16(out);
    mr_buf_write_u16(out, 0x0303);
    mr_buf_write(out, mr_slice_of(random, 32));
    mr_buf_write_u8(out, 0); /* no session */
    size_t list = open16(out);
    for (size_t i = 0; i < MR_COUNT(ciphers); i++)
        mr_buf_write_u16(out, ciphers[i]);
    close16(out, list);
    mr_buf_write(out, MR_SLICE_LIT("\x01\x00")); /* no compression */
    size_t extensions = open16(out);
    if (server_name)
        write_server_name(out, server_name);
    write_list(out, 10, groups, MR_COUNT(groups));
    mr_buf_write(out, MR_SLICE_LIT("\x00\x0b\x00\x02\x01\x00")); /* uncompressed points */
    write_list(out, 13, schemes, MR_COUNT(schemes));
    close16(out, extensions);
    close16(out, hello);
    close16(out, record);
    out->big = big;
    return mr_buf_error(out);
}

int mr_tls_get_size(mr_slice bytes, size_t *lenp) {
    if (bytes.len && bytes.data[0] != RECORD_ALERT && bytes.data[0] != RECORD_HANDSHAKE)
        return MR_ERR_MALFORMED;
    if (bytes.len > 1 && bytes.data[1] != 3)
        return MR_ERR_MALFORMED;
    if (bytes.len < RECORD)
        return 1;
    *lenp = RECORD + ((size_t)bytes.data[3] << 8 | bytes.data[4]);
    return 0;
}

int mr_tls_hello_decode(mr_slice record, mr_tls_hello *hellop, mr_error *err) {
    mr_cursor c = mr_cursor_of(record);
    mr_tls_hello hello = {0};

    c.big = true;
    uint8_t type = mr_cursor_read_u8(&c);
    mr_cursor_skip(&c, 2);
    mr_cursor body = mr_cursor_window(&c, mr_cursor_read_u16(&c));
    if (type == RECORD_ALERT) {
        hello.alert = true;
        hello.alert_level = mr_cursor_read_u8(&body);
        hello.alert_code = mr_cursor_read_u8(&body);
    } else if (type == RECORD_HANDSHAKE) {
        uint8_t message = mr_cursor_read_u8(&body);
        mr_cursor_skip(&body, 3);
        hello.version = mr_cursor_read_u16(&body);
        mr_cursor_skip(&body, 32);
        mr_cursor_skip(&body, mr_cursor_read_u8(&body));
        hello.cipher = mr_cursor_read_u16(&body);
        if (mr_cursor_ok(&body) && message != SERVER_HELLO)
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, RECORD,
                           "TLS: handshake message %u is no ServerHello", message);
    } else if (mr_cursor_ok(&c)) {
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is not TLS");
    }
    if (!mr_cursor_ok(&body))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, body.bad_at,
                       "TLS: the first record ends too early");
    *hellop = hello;
    return 0;
}

const char *mr_tls_version_name(uint16_t version, char out[16]) {
    switch (version) {
    case 0x0300: return "SSL 3.0";
    case 0x0301: return "TLS 1.0";
    case 0x0302: return "TLS 1.1";
    case 0x0303: return "TLS 1.2";
    case 0x0304: return "TLS 1.3";
    default: break; /* a number off the wire */
    }
    snprintf(out, 16, "0x%04x", version);
    return out;
}
