/*
 * NetBIOS node status (RFC 1002 4.2.17, 4.2.18) and session packets (4.3). The answer's own name
 * may be a pointer or a label and is stepped over, never followed.
 */
#include "nbt_private.h"

#define NAME_ENTRY 18 /* octets of one name in the answer */

int mr_nbt_encode_status(uint16_t id, mr_buf *out) {
    mr_nbt_question any = {.id = id, .type = MR_NBT_TYPE_STATUS, .name = {'*'}};

    return mr_nbt_encode_question(&any, out);
}

static void skip_name(mr_cursor *c) {
    for (;;) {
        uint8_t n = mr_cursor_read_u8(c);
        if (n == 0)
            return;
        if ((n & 0xc0) == 0xc0) {
            mr_cursor_skip(c, 1);
            return;
        }
        if (n & 0xc0)
            mr_cursor_poison(c);
        mr_cursor_skip(c, n);
    }
}

static int cut_short(mr_error *err, const mr_cursor *c) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at,
                   "NetBIOS: the node status ends too early");
}

static mr_nbt_name read_entry(mr_cursor *c) {
    mr_nbt_name entry = {.name = mr_cursor_read(c, MR_NBT_NAME - 1)};

    entry.suffix = mr_cursor_read_u8(c);
    entry.flags = mr_cursor_read_u16(c);
    while (entry.name.len && (entry.name.data[entry.name.len - 1] == ' ' ||
                              entry.name.data[entry.name.len - 1] == 0))
        entry.name.len--;
    return entry;
}

int mr_nbt_status_decode(mr_slice bytes, mr_arena *arena, mr_nbt_status *statusp, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_nbt_status s = {0};

    c.big = true;
    s.id = mr_cursor_read_u16(&c);
    uint16_t flags = mr_cursor_read_u16(&c);
    uint16_t questions = mr_cursor_read_u16(&c), answers = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 4);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    s.rcode = flags & 15;
    if (!(flags & 0x8000) || questions != 0 || (answers == 0 && s.rcode == 0))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 2, "NetBIOS: this is no answer");
    if (answers) {
        skip_name(&c);
        uint16_t type = mr_cursor_read_u16(&c);
        mr_cursor_skip(&c, 6); /* class, time to live */
        mr_cursor data = mr_cursor_window(&c, mr_cursor_read_u16(&c));
        size_t count = mr_cursor_read_u8(&data);
        if (!mr_cursor_ok(&data))
            return cut_short(err, &data);
        if (type != MR_NBT_TYPE_STATUS)
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, data.pos,
                           "NetBIOS: a record of type %u is no node status", type);
        if (count > mr_cursor_left(&data) / NAME_ENTRY)
            return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, data.pos,
                           "NetBIOS: %zu names do not fit in the node status", count);
        s.names = mr_arena_get(arena, count, sizeof *s.names);
        if (!s.names)
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_WIRE, MR_ERROR_NO_OFFSET,
                           "no memory for NetBIOS names");
        while (s.count < count)
            s.names[s.count++] = read_entry(&data);
        mr_slice mac = mr_cursor_read(&data, 6); /* statistics may be left out */
        s.has_mac = mac.len == 6;
        if (s.has_mac)
            memcpy(s.mac, mac.data, 6);
    }
    *statusp = s;
    return 0;
}

static void write_session_name(mr_buf *out, const char *text, uint8_t suffix) {
    uint8_t name[MR_NBT_NAME];
    size_t len = strlen(text);

    memset(name, ' ', sizeof name);
    memcpy(name, text, len < MR_NBT_NAME - 1 ? len : MR_NBT_NAME - 1);
    name[MR_NBT_NAME - 1] = suffix;
    mr_nbt_write_name(out, name, MR_SLICE_NULL);
}

int mr_nbt_encode_session(const char *called, const char *calling, mr_buf *out) {
    bool big = out->big;

    out->big = true;
    mr_buf_write_u8(out, MR_NBT_REQUEST);
    mr_buf_write_u8(out, 0);
    mr_buf_write_u16(out, 2 * (2 * MR_NBT_NAME + 2));
    write_session_name(out, called, 0x20);
    write_session_name(out, calling, 0x00);
    out->big = big;
    return mr_buf_error(out);
}

int mr_nbt_session_decode(mr_slice bytes, uint8_t *typep, size_t *lenp) {
    if (bytes.len < 4)
        return 1;
    *typep = bytes.data[0];
    *lenp = (size_t)(bytes.data[1] & 1) << 16 | (size_t)bytes.data[2] << 8 | bytes.data[3];
    return 0;
}

const char *mr_nbt_session_error(uint8_t code) {
    switch (code) {
    case 0x80: return "not listening on the called name";
    case 0x81: return "not listening for the calling name";
    case 0x82: return "the called name is not present";
    case 0x83: return "the called name is present, but resources are insufficient";
    case 0x8f: return "unspecified error";
    default: return "unknown error"; /* an octet off the wire */
    }
}
