/*
 * SMB negotiation in both versions (MS-SMB2 2.2.1, 2.2.3, 2.2.4; MS-CIFS 2.2.3.1, 2.2.4.52;
 * MS-SMB 2.2.4.5.2 for the extended security reply). Offsets in a message count from its SMB
 * header, four octets into the frame.
 */
#include <msrpc/wire/smb_negotiate.h>

#include <stdio.h>

#define FRAME 4
#define SMB2_HEADER 64
#define SMB1_HEADER 32
#define CONTEXT_PREAUTH 1
#define CONTEXT_ENCRYPTION 2
#define CONTEXT_SIGNING 8
#define CONTEXTS_MAX 32

static const uint16_t dialects[] = {MR_SMB2_002, MR_SMB2_1, MR_SMB3_0, MR_SMB3_0_2, MR_SMB3_1_1};

static size_t open_frame(mr_buf *out) {
    size_t at = out->len;

    mr_buf_write_zero(out, FRAME);
    return at;
}

static void close_frame(mr_buf *out, size_t at) {
    bool big = out->big;

    out->big = true;
    mr_buf_set_u32(out, at, (uint32_t)(out->len - at - FRAME));
    out->big = big;
}

/* SMB2_PREAUTH_INTEGRITY_CAPABILITIES and SMB2_ENCRYPTION_CAPABILITIES (MS-SMB2 2.2.3.1). */
static void write_contexts(mr_buf *out, const uint8_t salt[32]) {
    static const uint16_t ciphers[] = {4, 3, 2, 1};
    size_t from = out->len;

    mr_buf_write_u16(out, CONTEXT_PREAUTH);
    mr_buf_write_u16(out, 38);
    mr_buf_write_u32(out, 0);
    mr_buf_write_u16(out, 1);  /* one hash: */
    mr_buf_write_u16(out, 32);
    mr_buf_write_u16(out, 1);  /* SHA-512 */
    mr_buf_write(out, mr_slice_of(salt, 32));
    mr_buf_write_align(out, from, 8);
    mr_buf_write_u16(out, CONTEXT_ENCRYPTION);
    mr_buf_write_u16(out, 2 + sizeof ciphers);
    mr_buf_write_u32(out, 0);
    mr_buf_write_u16(out, MR_COUNT(ciphers));
    for (size_t i = 0; i < MR_COUNT(ciphers); i++)
        mr_buf_write_u16(out, ciphers[i]);
}

int mr_smb2_encode_negotiate(const mr_uuid *client_guid, const uint8_t salt[32], mr_buf *out) {
    bool big = out->big;
    size_t frame = open_frame(out), header = out->len;

    out->big = false;
    mr_buf_write(out, MR_SLICE_LIT("\xfeSMB"));
    mr_buf_write_u16(out, SMB2_HEADER);
    mr_buf_write_zero(out, SMB2_HEADER - 6); /* command 0 is NEGOTIATE, message 0 */
    mr_buf_set_u16(out, header + 14, 1);     /* one credit asked for */
    mr_buf_write_u16(out, 36);
    mr_buf_write_u16(out, MR_COUNT(dialects));
    mr_buf_write_u16(out, MR_SMB_SIGNING_ENABLED);
    mr_buf_write_u16(out, 0);
    mr_buf_write_u32(out, 0x7f); /* all capabilities */
    mr_buf_write_uuid(out, client_guid);
    size_t contexts = out->len;
    mr_buf_write_u32(out, 0);    /* offset of the contexts, below */
    mr_buf_write_u16(out, 2);
    mr_buf_write_u16(out, 0);
    for (size_t i = 0; i < MR_COUNT(dialects); i++)
        mr_buf_write_u16(out, dialects[i]);
    mr_buf_write_align(out, header, 8);
    mr_buf_set_u32(out, contexts, (uint32_t)(out->len - header));
    write_contexts(out, salt);
    close_frame(out, frame);
    out->big = big;
    return mr_buf_error(out);
}

int mr_smb1_encode_negotiate(mr_buf *out) {
    static const char dialect[] = "\x02NT LM 0.12";
    bool big = out->big;
    size_t frame = open_frame(out), header = out->len;

    out->big = false;
    mr_buf_write(out, MR_SLICE_LIT("\xffSMB\x72"));
    mr_buf_write_zero(out, SMB1_HEADER - 5);
    mr_buf_write_u8(out, 0); /* no words */
    mr_buf_write_u16(out, sizeof dialect);
    mr_buf_write(out, mr_slice_of(dialect, sizeof dialect));
    if (!mr_buf_error(out)) {
        out->data[header + 9] = 0x18;  /* flags: canonical paths in any case */
        mr_buf_set_u16(out, header + 10, 0xc801); /* flags2: Unicode, NT status, ext. security */
    }
    close_frame(out, frame);
    out->big = big;
    return mr_buf_error(out);
}

int mr_smb_get_size(mr_slice bytes, size_t *lenp) {
    if (bytes.len && bytes.data[0] != 0)
        return MR_ERR_MALFORMED;
    if (bytes.len < FRAME)
        return 1;
    *lenp = FRAME + ((size_t)bytes.data[1] << 16 | (size_t)bytes.data[2] << 8 | bytes.data[3]);
    return 0;
}

static int cut_short(mr_error *err, const mr_cursor *c) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at,
                   "SMB: the answer ends too early");
}

static mr_cursor at_offset(mr_slice message, size_t offset, size_t len) {
    mr_cursor c = mr_cursor_of(message);

    mr_cursor_skip(&c, offset);
    return mr_cursor_window(&c, len);
}

/* Picks the cipher out of the contexts of SMB 3.1.1; what cannot be read is left out. */
static void read_contexts(mr_slice message, size_t offset, unsigned count, mr_smb_negotiated *n) {
    mr_cursor c = mr_cursor_of(message);

    mr_cursor_skip(&c, offset);
    for (unsigned i = 0; i < count && i < CONTEXTS_MAX && mr_cursor_ok(&c); i++) {
        mr_cursor_align(&c, 0, 8);
        uint16_t type = mr_cursor_read_u16(&c);
        uint16_t len = mr_cursor_read_u16(&c);
        mr_cursor_skip(&c, 4);
        mr_cursor body = mr_cursor_window(&c, len);
        if (type == CONTEXT_ENCRYPTION && mr_cursor_read_u16(&body) >= 1)
            n->cipher = mr_cursor_read_u16(&body);
        if (type == CONTEXT_SIGNING && mr_cursor_read_u16(&body) >= 1)
            n->signing = mr_cursor_read_u16(&body);
    }
}

static int decode_smb2(mr_slice message, mr_smb_negotiated *n, mr_error *err) {
    mr_cursor c = mr_cursor_of(message);

    mr_cursor_skip(&c, 8);
    n->status = mr_cursor_read_u32(&c);
    uint16_t command = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, SMB2_HEADER - 14);
    uint16_t size = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    if (command != 0)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 12,
                       "SMB2: command %u answers a negotiation", command);
    if (n->status)
        return 0;
    if (size != 65)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, SMB2_HEADER,
                       "SMB2: the negotiation's answer says it has %u octets", size);
    n->security = mr_cursor_read_u16(&c);
    n->dialect = mr_cursor_read_u16(&c);
    uint16_t contexts = mr_cursor_read_u16(&c);
    n->guid = mr_cursor_read_uuid(&c);
    n->capabilities = mr_cursor_read_u32(&c);
    n->max_transact = mr_cursor_read_u32(&c);
    n->max_read = mr_cursor_read_u32(&c);
    n->max_write = mr_cursor_read_u32(&c);
    n->system_time = mr_cursor_read_u64(&c);
    n->start_time = mr_cursor_read_u64(&c);
    uint16_t token_at = mr_cursor_read_u16(&c), token_len = mr_cursor_read_u16(&c);
    uint32_t contexts_at = mr_cursor_read_u32(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    mr_cursor token = at_offset(message, token_at, token_len);
    n->token = mr_cursor_read(&token, token_len);
    if (token_len && !mr_cursor_ok(&token))
        return cut_short(err, &token);
    if (n->dialect == MR_SMB3_1_1)
        read_contexts(message, contexts_at, contexts, n);
    return 0;
}

static int decode_smb1(mr_slice message, mr_smb_negotiated *n, mr_error *err) {
    mr_cursor c = mr_cursor_of(message);

    n->dialect = MR_SMB1;
    mr_cursor_skip(&c, 4);
    uint8_t command = mr_cursor_read_u8(&c);
    n->status = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, SMB1_HEADER - 9);
    uint8_t words = mr_cursor_read_u8(&c);
    uint16_t index = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    if (command != 0x72)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 4,
                       "SMB1: command %u answers a negotiation", command);
    if (n->status || index == 0xffff) {
        n->status = n->status ? n->status : 0xc00000bb; /* no dialect: STATUS_NOT_SUPPORTED */
        return 0;
    }
    if (words != 17)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, SMB1_HEADER,
                       "SMB1: the negotiation's answer has %u words", words);
    uint8_t mode = mr_cursor_read_u8(&c);
    n->security = (uint16_t)((mode & 4 ? MR_SMB_SIGNING_ENABLED : 0) |
                             (mode & 8 ? MR_SMB_SIGNING_REQUIRED : 0));
    mr_cursor_skip(&c, 4); /* requests and circuits at once */
    n->max_transact = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, 8); /* raw size, session key */
    n->capabilities = mr_cursor_read_u32(&c);
    n->system_time = mr_cursor_read_u64(&c);
    mr_cursor_skip(&c, 3); /* time zone, key length */
    uint16_t octets = mr_cursor_read_u16(&c);
    mr_cursor body = mr_cursor_window(&c, octets);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    if (n->capabilities & 0x80000000u && octets >= 16) { /* extended security */
        n->guid = mr_cursor_read_uuid(&body);
        n->token = mr_cursor_read(&body, mr_cursor_left(&body));
    }
    return 0;
}

int mr_smb2_negotiated_decode(mr_slice message, mr_smb_negotiated *negotiatedp, mr_error *err) {
    mr_smb_negotiated n = {0};
    int r = decode_smb2(message, &n, err);

    if (r == 0)
        *negotiatedp = n;
    return r;
}

int mr_smb1_negotiated_decode(mr_slice message, mr_smb_negotiated *negotiatedp, mr_error *err) {
    mr_smb_negotiated n = {0};
    int r = decode_smb1(message, &n, err);

    if (r == 0)
        *negotiatedp = n;
    return r;
}

int mr_smb_negotiated_decode(mr_slice frame, mr_smb_negotiated *negotiatedp, mr_error *err) {
    mr_slice message = mr_slice_sub(frame, FRAME, SIZE_MAX);
    mr_slice magic = mr_slice_sub(message, 0, 4);

    if (mr_slice_eq(magic, MR_SLICE_LIT("\xfeSMB")))
        return mr_smb2_negotiated_decode(message, negotiatedp, err);
    if (mr_slice_eq(magic, MR_SLICE_LIT("\xffSMB")))
        return mr_smb1_negotiated_decode(message, negotiatedp, err);
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, FRAME, "this is not SMB");
}

const char *mr_smb_dialect_name(uint16_t dialect, char out[16]) {
    switch (dialect) {
    case MR_SMB1: return "1";
    case MR_SMB2_002: return "2.0.2";
    case MR_SMB2_1: return "2.1";
    case MR_SMB3_0: return "3.0";
    case MR_SMB3_0_2: return "3.0.2";
    case MR_SMB3_1_1: return "3.1.1";
    default: break; /* a number off the wire */
    }
    snprintf(out, 16, "0x%04x", dialect);
    return out;
}
