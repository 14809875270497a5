/*
 * Records, alerts and hellos of TLS (RFC 8446 4.1, 5.1, 6; RFC 5246 7.4). Lengths are big-endian
 * and nested; every vector is read in a window of its own.
 */
#include <msrpc/wire/tls.h>

#define RECORD_HEAD 5
#define RECORD_MAX (16384 + 2048) /* RFC 5246 6.2.3 */
#define EXT_SERVER_NAME 0
#define EXT_ALPN 16
#define EXT_VERSIONS 43

/* SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

int mr_tls_record_decode(mr_slice bytes, mr_tls_record *recordp) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_tls_record r;

    if (bytes.len && (bytes.data[0] < MR_TLS_CHANGE_CIPHER || bytes.data[0] > MR_TLS_DATA))
        return MR_ERR_MALFORMED;
    if (bytes.len > 1 && bytes.data[1] != 3)
        return MR_ERR_MALFORMED;
    c.big = true;
    r.type = mr_cursor_read_u8(&c);
    r.version = mr_cursor_read_u16(&c);
    size_t len = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        return 1;
    if (len > RECORD_MAX)
        return MR_ERR_MALFORMED;
    r.body = mr_cursor_read(&c, len);
    r.size = RECORD_HEAD + len;
    if (!mr_cursor_ok(&c))
        return 1;
    *recordp = r;
    return 0;
}

int mr_tls_alert_decode(mr_slice body, uint8_t *levelp, uint8_t *codep) {
    if (body.len != 2 || body.data[0] < 1 || body.data[0] > 2)
        return MR_ERR_MALFORMED;
    *levelp = body.data[0];
    *codep = body.data[1];
    return 0;
}

static size_t read_u24(mr_cursor *c) {
    size_t high = mr_cursor_read_u8(c);

    return high << 16 | mr_cursor_read_u16(c);
}

int mr_tls_read_handshake(mr_cursor *c, uint8_t *typep, mr_slice *bodyp) {
    mr_cursor at = *c;

    at.big = true;
    uint8_t type = mr_cursor_read_u8(&at);
    size_t len = read_u24(&at);
    mr_slice body = mr_cursor_read(&at, len);
    if (!mr_cursor_ok(&at))
        return 1;
    *typep = type;
    *bodyp = body;
    *c = at;
    return 0;
}

static int cut_short(mr_error *err, const mr_cursor *c, const char *what) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at, "TLS: %s ends too early",
                   what);
}

static mr_cursor window16(mr_cursor *c) {
    size_t len = mr_cursor_read_u16(c);

    return mr_cursor_window(c, len);
}

static bool is_grease(uint16_t version) { /* RFC 8701 */
    return (version & 0x0f0f) == 0x0a0a;
}

static void read_client_extension(uint16_t type, mr_cursor body, mr_tls_client_hello *h) {
    mr_cursor list;

    if (type == EXT_SERVER_NAME) {
        list = window16(&body);
        if (mr_cursor_read_u8(&list) == 0) { /* host_name */
            size_t len = mr_cursor_read_u16(&list);
            h->server_name = mr_cursor_read(&list, len);
        }
    } else if (type == EXT_ALPN) {
        list = window16(&body);
        size_t len = mr_cursor_read_u8(&list);
        h->alpn = mr_cursor_read(&list, len);
    } else if (type == EXT_VERSIONS) {
        size_t len = mr_cursor_read_u8(&body);
        list = mr_cursor_window(&body, len);
        while (mr_cursor_left(&list) >= 2) {
            uint16_t version = mr_cursor_read_u16(&list);
            if (version > h->version && !is_grease(version))
                h->version = version;
        }
    }
}

int mr_tls_client_hello_decode(mr_slice body, mr_tls_client_hello *hellop, mr_error *err) {
    mr_cursor c = mr_cursor_of(body);
    mr_tls_client_hello h = {0};

    c.big = true;
    h.version = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 32);
    mr_cursor_skip(&c, mr_cursor_read_u8(&c));  /* session */
    mr_cursor_skip(&c, mr_cursor_read_u16(&c)); /* ciphers */
    mr_cursor_skip(&c, mr_cursor_read_u8(&c));  /* compression */
    if (mr_cursor_left(&c)) {
        mr_cursor list = window16(&c);
        while (mr_cursor_left(&list)) {
            uint16_t type = mr_cursor_read_u16(&list);
            read_client_extension(type, window16(&list), &h);
        }
        if (!mr_cursor_ok(&list))
            return cut_short(err, &list, "a ClientHello");
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, "a ClientHello");
    *hellop = h;
    return 0;
}

int mr_tls_server_hello_decode(mr_slice body, mr_tls_server_hello *hellop, mr_error *err) {
    mr_cursor c = mr_cursor_of(body);
    mr_tls_server_hello h = {0};

    c.big = true;
    h.version = mr_cursor_read_u16(&c);
    mr_slice random = mr_cursor_read(&c, 32);
    h.retry = mr_slice_eq(random, mr_slice_of(retry_random, sizeof retry_random));
    mr_cursor_skip(&c, mr_cursor_read_u8(&c));
    h.cipher = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 1);
    if (mr_cursor_left(&c)) {
        mr_cursor list = window16(&c);
        while (mr_cursor_left(&list)) {
            uint16_t type = mr_cursor_read_u16(&list);
            mr_cursor extension = window16(&list);
            if (type == EXT_VERSIONS)
                h.version = mr_cursor_read_u16(&extension);
        }
        if (!mr_cursor_ok(&list))
            return cut_short(err, &list, "a ServerHello");
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, "a ServerHello");
    *hellop = h;
    return 0;
}

int mr_tls_certificate_decode(mr_slice body, mr_slice *derp, mr_error *err) {
    mr_cursor c = mr_cursor_of(body);

    c.big = true;
    size_t len = read_u24(&c);
    mr_cursor list = mr_cursor_window(&c, len);
    len = read_u24(&list);
    mr_slice der = mr_cursor_read(&list, len);
    if (!mr_cursor_ok(&list))
        return cut_short(err, &list, "a list of certificates");
    *derp = der;
    return 0;
}
