/*
 * Ticket caches in files (MIT Kerberos, "Credential cache file format"): version 3 and 4, a
 * principal, then credentials to the end. Every field is stepped over by its length; nothing is
 * allocated.
 */
#include <msrpc/wire/ccache.h>

#define VERSION 5 /* first octet of every version */

typedef struct name {
    mr_slice realm;
    uint32_t count;
    mr_slice parts[2]; /* the first ones */
    char *text;        /* of MR_CCACHE_NAME octets, or NULL: not wanted */
    size_t len;
    bool bad;          /* does not fit, or is no text */
} name;

static mr_slice read_data(mr_cursor *c) {
    uint32_t len = mr_cursor_read_u32(c);

    return mr_cursor_read(c, len);
}

static void add_text(name *n, mr_slice s, char before) {
    if (!n->text)
        return;
    bool text = mr_utf8_ok_len(s) == s.len;
    for (size_t i = 0; i < s.len && text; i++)
        text = s.data[i] >= 0x20 && s.data[i] != 0x7f;
    if (!text || s.len + 2 > MR_CCACHE_NAME - n->len) {
        n->bad = true;
        return;
    }
    if (before)
        n->text[n->len++] = before;
    if (s.len)
        memcpy(n->text + n->len, s.data, s.len);
    n->len += s.len;
    n->text[n->len] = '\0';
}

static void read_name(mr_cursor *c, name *n) {
    (void)mr_cursor_read_u32(c); /* its type */
    n->count = mr_cursor_read_u32(c);
    n->realm = read_data(c);
    for (uint32_t i = 0; i < n->count && mr_cursor_ok(c); i++) {
        mr_slice part = read_data(c);
        if (i < MR_COUNT(n->parts))
            n->parts[i] = part;
        if (mr_cursor_ok(c) && !n->bad)
            add_text(n, part, i ? '/' : '\0');
    }
    if (mr_cursor_ok(c) && !n->bad)
        add_text(n, n->realm, '@');
}

/* Addresses or authorization data: counted, each with a type. */
static void skip_list(mr_cursor *c) {
    uint32_t count = mr_cursor_read_u32(c);

    for (uint32_t i = 0; i < count && mr_cursor_ok(c); i++) {
        (void)mr_cursor_read_u16(c);
        (void)read_data(c);
    }
}

/* One credential; when the ticket-granting ticket of the client's own realm ends, else 0. */
static uint32_t read_credential(mr_cursor *c, unsigned version, mr_slice realm) {
    name client = {0}, server = {0};

    read_name(c, &client);
    read_name(c, &server);
    (void)mr_cursor_read_u16(c); /* encryption type, which version 3 says twice */
    if (version == 3)
        (void)mr_cursor_read_u16(c);
    (void)read_data(c); /* the key */
    (void)mr_cursor_read(c, 8);
    uint32_t end = mr_cursor_read_u32(c);
    (void)mr_cursor_read(c, 9); /* renewable until, is_skey, flags */
    skip_list(c);
    skip_list(c);
    (void)read_data(c); /* the ticket */
    (void)read_data(c);
    bool tgt = server.count == 2 && mr_slice_eq(server.parts[0], MR_SLICE_LIT("krbtgt")) &&
               mr_slice_eq(server.parts[1], realm) && mr_slice_eq(server.realm, realm);
    return tgt && mr_cursor_ok(c) ? end : 0;
}

int mr_ccache_decode(mr_slice bytes, mr_ccache *ccachep, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_ccache ccache = {0};
    name owner = {.text = ccache.client};

    c.big = true;
    bool known = mr_cursor_read_u8(&c) == VERSION;
    unsigned version = mr_cursor_read_u8(&c);
    if (mr_cursor_ok(&c) && (!known || version < 3 || version > 4))
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_WIRE, 0,
                       "no ticket cache of version 3 or 4");
    if (version == 4) {
        uint16_t len = mr_cursor_read_u16(&c);
        (void)mr_cursor_read(&c, len);
    }
    read_name(&c, &owner);
    if (mr_cursor_ok(&c) && (owner.bad || owner.count == 0))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, c.pos,
                       "the owner's name of a ticket cache is no name");
    while (mr_cursor_ok(&c) && mr_cursor_left(&c) > 0) {
        uint32_t end = read_credential(&c, version, owner.realm);
        if (end > ccache.tgt_end)
            ccache.tgt_end = end;
    }
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c.bad_at,
                       "a ticket cache ends in the midst of a field");
    *ccachep = ccache;
    return 0;
}
