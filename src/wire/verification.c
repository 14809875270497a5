/*
 * The verification trailer (MS-RPCE 2.2.2.13.1-2.2.2.13.4): a signature of eight octets at a
 * multiple of four, then commands of a kind, a length and so many octets, the last one marked.
 */
#include <msrpc/base/cursor.h>
#include <msrpc/wire/verification.h>

#define COMMAND_MASK 0x3fff
#define COMMAND_END 0x4000
#define COMMAND_MUST_PROCESS 0x8000
#define COMMAND_BITMASK 1
#define COMMAND_CONTEXT 2
#define COMMAND_HEADER 3
#define BITMASK_SIZE 4
#define HEADER_SIZE 16
#define CONTEXT_SIZE (2 * MR_SYNTAX_SIZE)
#define HEADER_SIGN 0x00000001

static const uint8_t signature[8] = {0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71};

static void write_command(mr_buf *buf, uint16_t command, uint16_t length, bool last) {
    mr_buf_write_u16(buf, (uint16_t)(command | (last ? COMMAND_END : 0)));
    mr_buf_write_u16(buf, length);
}

int mr_verification_encode(mr_buf *buf, size_t from, const mr_verification *v, size_t *call_idp) {
    size_t call_id = 0;

    if (!v->has_bitmask && !v->has_context && !v->has_header)
        return MR_ERR_ARGUMENT;
    mr_buf_write_align(buf, from, MR_VERIFICATION_ALIGN);
    mr_buf_write(buf, mr_slice_of(signature, sizeof signature));
    if (v->has_bitmask) {
        write_command(buf, COMMAND_BITMASK, BITMASK_SIZE, !v->has_context && !v->has_header);
        mr_buf_write_u32(buf, v->header_sign ? HEADER_SIGN : 0);
    }
    if (v->has_context) {
        write_command(buf, COMMAND_CONTEXT, CONTEXT_SIZE, !v->has_header);
        mr_buf_write_syntax(buf, &v->abstract);
        mr_buf_write_syntax(buf, &v->transfer);
    }
    if (v->has_header) {
        write_command(buf, COMMAND_HEADER, HEADER_SIZE, true);
        mr_buf_write_u8(buf, v->ptype);
        mr_buf_write_zero(buf, 3);
        mr_buf_write(buf, mr_slice_of(v->drep, sizeof v->drep));
        call_id = buf->len;
        mr_buf_write_u32(buf, v->call_id);
        mr_buf_write_u16(buf, v->context_id);
        mr_buf_write_u16(buf, v->opnum);
    }
    if (mr_buf_error(buf))
        return mr_buf_error(buf);
    *call_idp = call_id;
    return 0;
}

static int fail(mr_error *err, int code, size_t at, const char *text) {
    return mr_fail(err, code, MR_FLOOR_WIRE, at, "the verification trailer %s", text);
}

/* The first signature at a multiple of four octets from @at on; the stub's length without one. */
static size_t find_signature(mr_slice stub, size_t at) {
    at = (at + MR_VERIFICATION_ALIGN - 1) & ~(size_t)(MR_VERIFICATION_ALIGN - 1);
    for (; at + sizeof signature <= stub.len; at += MR_VERIFICATION_ALIGN)
        if (memcmp(stub.data + at, signature, sizeof signature) == 0)
            return at;
    return stub.len;
}

static void read_header(mr_cursor *c, mr_verification *v) {
    v->has_header = true;
    v->ptype = mr_cursor_read_u8(c);
    mr_cursor_skip(c, 3);
    for (unsigned i = 0; i < sizeof v->drep; i++)
        v->drep[i] = mr_cursor_read_u8(c);
    v->call_id = mr_cursor_read_u32(c);
    v->context_id = mr_cursor_read_u16(c);
    v->opnum = mr_cursor_read_u16(c);
}

/* One command's octets; false when its length is not the kind's. */
static bool read_command(mr_cursor *c, uint16_t command, uint16_t length, mr_verification *v) {
    mr_cursor body = mr_cursor_window(c, length);

    switch (command & COMMAND_MASK) {
    case COMMAND_BITMASK:
        v->has_bitmask = true;
        v->header_sign = mr_cursor_read_u32(&body) & HEADER_SIGN;
        return length == BITMASK_SIZE;
    case COMMAND_CONTEXT:
        v->has_context = true;
        v->abstract = mr_cursor_read_syntax(&body);
        v->transfer = mr_cursor_read_syntax(&body);
        return length == CONTEXT_SIZE;
    case COMMAND_HEADER:
        read_header(&body, v);
        return length == HEADER_SIZE;
    }
    return true;
}

int mr_verification_decode(mr_slice stub, size_t at, bool *foundp, mr_verification *vp,
                           mr_error *err) {
    mr_verification v = {0};
    size_t start = find_signature(stub, at);
    mr_cursor c = mr_cursor_of(mr_slice_sub(stub, start, SIZE_MAX));
    uint16_t command = 0;

    *foundp = start < stub.len;
    mr_cursor_skip(&c, *foundp ? sizeof signature : 0);
    while (*foundp && !(command & COMMAND_END)) {
        size_t offset = start + c.pos;
        command = mr_cursor_read_u16(&c);
        uint16_t length = mr_cursor_read_u16(&c);
        bool known = (command & COMMAND_MASK) >= COMMAND_BITMASK &&
                     (command & COMMAND_MASK) <= COMMAND_HEADER;
        bool good = read_command(&c, command, length, &v);
        if (!mr_cursor_ok(&c))
            return fail(err, MR_ERR_MALFORMED, offset, "is cut off");
        if (!good)
            return fail(err, MR_ERR_MALFORMED, offset, "has a command of a wrong length");
        if (!known && (command & COMMAND_MUST_PROCESS))
            return fail(err, MR_ERR_UNSUPPORTED, offset, "has a command that is not known");
    }
    *vp = v;
    return 0;
}
