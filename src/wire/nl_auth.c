/* NL_AUTH_MESSAGE (MS-NRPC 2.2.1.3.1): a type, flags that say which names follow, the names, each
 * ended by a NUL. Names of the DNS, compressed, come last and are not looked at. */
#include <msrpc/wire/nl_auth.h>

enum {
    REQUEST = 0,
    RESPONSE = 1,
    HAS_DOMAIN = 1, /* flags: NetBIOS names in the OEM code page */
    HAS_COMPUTER = 2,
};

static mr_slice read_name(mr_cursor *c) {
    mr_slice left = mr_slice_of(c->base + c->pos, mr_cursor_left(c));
    const uint8_t *end = left.len ? memchr(left.data, 0, left.len) : NULL;

    if (!end) {
        mr_cursor_poison(c);
        return MR_SLICE_NULL;
    }
    mr_slice name = mr_cursor_read(c, (size_t)(end - left.data));
    (void)mr_cursor_read_u8(c);
    return name;
}

int mr_nl_auth_decode(mr_slice bytes, mr_nl_auth *messagep, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    uint32_t type = mr_cursor_read_u32(&c), flags = mr_cursor_read_u32(&c);
    mr_nl_auth m = {.response = type == RESPONSE};

    if (mr_cursor_ok(&c) && type > RESPONSE)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                       "NL_AUTH_MESSAGE: there is no type %u", type);
    if (!m.response && flags & HAS_DOMAIN)
        m.domain = read_name(&c);
    if (!m.response && flags & HAS_COMPUTER)
        m.computer = read_name(&c);
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c.bad_at,
                       "NL_AUTH_MESSAGE ends too early");
    *messagep = m;
    return 0;
}

static void write_name(mr_buf *out, mr_slice name) {
    if (name.len == 0)
        return;
    mr_buf_write(out, name);
    mr_buf_write_u8(out, 0);
}

int mr_nl_auth_encode(const mr_nl_auth *m, mr_buf *out) {
    mr_buf_write_u32(out, m->response ? RESPONSE : REQUEST);
    if (m->response) {
        mr_buf_write_zero(out, 8); /* no flags, and four octets without meaning */
        return mr_buf_error(out);
    }
    mr_buf_write_u32(out, (m->domain.len ? HAS_DOMAIN : 0u) |
                              (m->computer.len ? HAS_COMPUTER : 0u));
    write_name(out, m->domain);
    write_name(out, m->computer);
    return mr_buf_error(out);
}
