/*
 * Type serialization version 1 (MS-RPCE 2.2.6): a common header of 8 octets, a private header of 8
 * octets in front of a constructed type, then the value in NDR20, padded to 8 octets. Both headers
 * are multiples of 8, so alignment counted from the start of the input is alignment counted from
 * the start of the value.
 */
#include "walk.h"

#define VERSION 1
#define COMMON_LENGTH 8
#define LITTLE 0x10
#define COMMON_FILLER 0xccccccccu

int mr_ndr_decode_pickle(const mr_type *type, mr_slice in, const mr_ndr_limits *limits,
                         mr_arena *arena, void *value, mr_error *err) {
    mr_cursor c = mr_cursor_of(in);
    uint8_t version = mr_cursor_read_u8(&c);
    uint8_t order = mr_cursor_read_u8(&c);

    c.big = order == 0;
    uint16_t length = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 4);
    if (c.bad)
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_NDR, c.bad_at,
                       "the serialization header ends too early");
    if (version != VERSION || (order != LITTLE && order != 0) || length != COMMON_LENGTH)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_NDR, 0,
                       "no serialization header of version 1 (version %u, order 0x%02x, %u octets)",
                       version, order, length);
    if (!MR_NDR_IS_SCALAR(type->kind)) {
        uint32_t size = mr_cursor_read_u32(&c);
        mr_cursor_skip(&c, 4);
        if (c.bad || size > mr_cursor_left(&c))
            return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_NDR, c.bad ? c.bad_at : c.pos,
                           "the private header speaks of %u octets, %zu are left", size,
                           mr_cursor_left(&c));
        c.end = c.pos + size;
    }
    return mr_ndr_decode_at(type, (mr_ndr_format){.syntax = MR_NDR20, .big = c.big}, c, limits,
                            arena, value, NULL, err);
}

int mr_ndr_encode_pickle(const mr_type *type, mr_ndr_format format, const void *value, mr_buf *out,
                         mr_error *err) {
    const size_t start = out->len;
    const bool big = out->big;
    size_t body, size_at = SIZE_MAX;
    int r;

    if (format.syntax != MR_NDR20)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_NDR, MR_ERROR_NO_OFFSET,
                       "type serialization version 1 knows NDR20 only");
    out->big = format.big;
    mr_buf_write_u8(out, VERSION);
    mr_buf_write_u8(out, format.big ? 0 : LITTLE);
    mr_buf_write_u16(out, COMMON_LENGTH);
    mr_buf_write_u32(out, COMMON_FILLER);
    if (!MR_NDR_IS_SCALAR(type->kind)) {
        size_at = out->len;
        mr_buf_write_u64(out, 0);
    }
    body = out->len;
    r = mr_ndr_encode_type(type, format, value, out, err);
    mr_buf_write_align(out, start, 8);
    if (size_at != SIZE_MAX)
        mr_buf_set_u32(out, size_at, (uint32_t)(out->len - body));
    out->big = big;
    if (r == 0 && out->error)
        r = mr_fail(err, out->error, MR_FLOOR_NDR, MR_ERROR_NO_OFFSET,
                    "the value does not fit its buffer");
    if (r != 0)
        out->len = start;
    return r;
}
