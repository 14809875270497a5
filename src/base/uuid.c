/* UUIDs (C706 appendix A): octets, text, order. */
#include <msrpc/base/result.h>
#include <msrpc/base/uuid.h>

#include <stdio.h>

mr_uuid mr_cursor_read_uuid(mr_cursor *c) {
    mr_uuid uuid = {
        .time_low = mr_cursor_read_u32(c),
        .time_mid = mr_cursor_read_u16(c),
        .time_hi = mr_cursor_read_u16(c),
    };
    const uint8_t *p = mr_cursor_take(c, sizeof uuid.clock);
    if (!p)
        return MR_UUID_NIL;
    memcpy(uuid.clock, p, sizeof uuid.clock);
    return uuid;
}

void mr_buf_write_uuid(mr_buf *buf, const mr_uuid *uuid) {
    mr_buf_write_u32(buf, uuid->time_low);
    mr_buf_write_u16(buf, uuid->time_mid);
    mr_buf_write_u16(buf, uuid->time_hi);
    mr_buf_write(buf, mr_slice_of(uuid->clock, sizeof uuid->clock));
}

int mr_uuid_decode(mr_slice text, mr_uuid *uuidp) {
    uint8_t octets[16];
    size_t at = 0;

    if (text.len == 38 && text.data[0] == '{' && text.data[37] == '}')
        text = mr_slice_sub(text, 1, 36);
    if (text.len != 36)
        return MR_ERR_SYNTAX;
    for (size_t i = 0; i < 36;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i++] != '-')
                return MR_ERR_SYNTAX;
            continue;
        }
        int high = mr_hex_digit(text.data[i]), low = mr_hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return MR_ERR_SYNTAX;
        octets[at++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    mr_cursor c = mr_cursor_of(mr_slice_of(octets, sizeof octets));
    c.big = true; /* the text form shows the most significant digit first */
    *uuidp = mr_cursor_read_uuid(&c);
    return 0;
}

char *mr_uuid_text(const mr_uuid *uuid, char out[MR_UUID_TEXT]) {
    const uint8_t *k = uuid->clock;

    snprintf(out, MR_UUID_TEXT, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             uuid->time_low, uuid->time_mid, uuid->time_hi, k[0], k[1], k[2], k[3], k[4], k[5],
             k[6], k[7]);
    return out;
}

bool mr_uuid_eq(const mr_uuid *a, const mr_uuid *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

bool mr_uuid_is_nil(const mr_uuid *uuid) {
    return mr_uuid_eq(uuid, &MR_UUID_NIL);
}

int mr_uuid_cmp(const mr_uuid *a, const mr_uuid *b) {
    if (a->time_low != b->time_low)
        return a->time_low < b->time_low ? -1 : 1;
    if (a->time_mid != b->time_mid)
        return a->time_mid < b->time_mid ? -1 : 1;
    if (a->time_hi != b->time_hi)
        return a->time_hi < b->time_hi ? -1 : 1;
    return memcmp(a->clock, b->clock, sizeof a->clock);
}

bool mr_syntax_eq(const mr_syntax *a, const mr_syntax *b) {
    return mr_uuid_eq(&a->uuid, &b->uuid) && a->major == b->major && a->minor == b->minor;
}

int mr_syntax_decode(mr_slice text, mr_syntax *syntaxp, bool *has_versionp) {
    mr_syntax syntax = {.major = 0};
    const uint8_t *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
    size_t uuid_len = colon ? (size_t)(colon - text.data) : text.len;

    if (mr_uuid_decode(mr_slice_sub(text, 0, uuid_len), &syntax.uuid) != 0)
        return MR_ERR_SYNTAX;
    if (colon) {
        mr_slice version = mr_slice_sub(text, uuid_len + 1, text.len);
        const uint8_t *dot = version.len ? memchr(version.data, '.', version.len) : NULL;
        size_t major_len = dot ? (size_t)(dot - version.data) : version.len;
        uint64_t major, minor = 0;
        if (mr_slice_get_number(mr_slice_sub(version, 0, major_len), UINT16_MAX, &major) != 0)
            return MR_ERR_SYNTAX;
        if (dot && mr_slice_get_number(mr_slice_sub(version, major_len + 1, version.len),
                                       UINT16_MAX, &minor) != 0)
            return MR_ERR_SYNTAX;
        syntax.major = (uint16_t)major;
        syntax.minor = (uint16_t)minor;
    }
    *syntaxp = syntax;
    *has_versionp = colon != NULL;
    return 0;
}
