/*
 * Encoding connection-oriented PDUs (C706 12.6.4, MS-RPCE 2.2.2). Invariant: whenever a function
 * here returns 0, the octets from @at to the end of the buffer are one complete PDU with right
 * lengths. What is added later is written in the byte order that the PDU's own header tells, and
 * counts are kept in the octets themselves, so that encoding has no state beside the buffer.
 */
#include "pdu_private.h"

#define BODY_AT MR_PDU_HEADER_SIZE
#define CONTEXT_COUNT_AT (BODY_AT + 8)
#define SEC_ADDR_AT (BODY_AT + 8)

const mr_uuid mr_pdu_extended_error_signature = {
    0x90740320, 0xfad0, 0x11d3, {0x82, 0xd7, 0x00, 0x90, 0x27, 0xb1, 0x30, 0xab}};

size_t mr_pdu_stub_offset(uint8_t ptype, uint8_t flags) {
    if (ptype == MR_PTYPE_REQUEST)
        return flags & MR_PFC_OBJECT_UUID ? 40 : 24;
    if (ptype == MR_PTYPE_RESPONSE)
        return 24;
    return ptype == MR_PTYPE_FAULT ? 32 : 0;
}

static size_t begin(mr_buf *buf, const mr_pdu_header *header, uint8_t ptype, uint8_t flags) {
    const uint8_t drep = (header->big ? 0 : DREP_LITTLE) | (header->charset & 0x0f);
    const uint8_t head[12] = {5, header->minor, ptype, flags, drep, header->floats};
    size_t at = buf->len;

    buf->big = header->big;
    mr_buf_write(buf, mr_slice_of(head, sizeof head)); /* the lengths are not known yet */
    mr_buf_write_u32(buf, header->call_id);
    return at;
}

bool mr_pdu_resume(mr_buf *buf, size_t at, uint8_t ptype, uint8_t other) {
    if (at > buf->len || buf->len - at < MR_PDU_HEADER_SIZE)
        return false;
    if (buf->data[at + 2] != ptype && buf->data[at + 2] != other)
        return false;
    buf->big = !(buf->data[at + 4] & DREP_LITTLE);
    return true;
}

static int limit(mr_buf *buf) {
    return buf->error = MR_ERR_LIMIT;
}

int mr_pdu_set_length(mr_buf *buf, size_t at) {
    if (buf->error)
        return buf->error;
    if (at > buf->len || buf->len - at < MR_PDU_HEADER_SIZE)
        return MR_ERR_ARGUMENT;
    if (buf->len - at > MR_PDU_FRAG_MAX)
        return limit(buf);
    buf->big = !(buf->data[at + 4] & DREP_LITTLE);
    mr_buf_set_u16(buf, at + 8, (uint16_t)(buf->len - at));
    return buf->error;
}

static int encode_bind(mr_buf *buf, const mr_pdu_header *header, uint8_t ptype,
                       const mr_pdu_bind *bind) {
    size_t at = begin(buf, header, ptype, header->flags);
    mr_buf_write_u16(buf, bind->max_xmit);
    mr_buf_write_u16(buf, bind->max_recv);
    mr_buf_write_u32(buf, bind->assoc_group);
    mr_buf_write_zero(buf, 4); /* the number of contexts, and reserved */
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_bind(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_bind *bind) {
    return encode_bind(buf, header, MR_PTYPE_BIND, bind);
}

int mr_pdu_encode_alter_context(mr_buf *buf, const mr_pdu_header *header,
                                const mr_pdu_bind *bind) {
    return encode_bind(buf, header, MR_PTYPE_ALTER_CONTEXT, bind);
}

int mr_pdu_add_context(mr_buf *buf, size_t at, uint16_t id, const mr_syntax *abstract,
                       const mr_syntax *transfers, size_t count) {
    if (buf->error)
        return buf->error;
    if (!mr_pdu_resume(buf, at, MR_PTYPE_BIND, MR_PTYPE_ALTER_CONTEXT) ||
        buf->len - at < CONTEXT_COUNT_AT + 4)
        return MR_ERR_ARGUMENT;
    if (count > MR_PDU_TRANSFERS_MAX || buf->data[at + CONTEXT_COUNT_AT] == MR_PDU_CONTEXTS_MAX)
        return limit(buf);
    mr_buf_write_u16(buf, id);
    mr_buf_write_u8(buf, (uint8_t)count);
    mr_buf_write_u8(buf, 0);
    mr_buf_write_syntax(buf, abstract);
    for (size_t i = 0; i < count; i++)
        mr_buf_write_syntax(buf, &transfers[i]);
    if (!buf->error)
        buf->data[at + CONTEXT_COUNT_AT]++;
    return mr_pdu_set_length(buf, at);
}

static int encode_bind_ack(mr_buf *buf, const mr_pdu_header *header, uint8_t ptype,
                           const mr_pdu_bind_ack *ack) {
    if (ack->sec_addr.len >= UINT16_MAX)
        return MR_ERR_ARGUMENT;
    size_t at = begin(buf, header, ptype, header->flags);
    mr_buf_write_u16(buf, ack->max_xmit);
    mr_buf_write_u16(buf, ack->max_recv);
    mr_buf_write_u32(buf, ack->assoc_group);
    if (ack->sec_addr.len > 0) {
        mr_buf_write_u16(buf, (uint16_t)(ack->sec_addr.len + 1));
        mr_buf_write(buf, ack->sec_addr);
        mr_buf_write_u8(buf, 0);
    } else {
        mr_buf_write_u16(buf, 0);
    }
    mr_buf_write_align(buf, at, 4);
    mr_buf_write_zero(buf, 4); /* the number of results, and reserved */
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_bind_ack(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_bind_ack *ack) {
    return encode_bind_ack(buf, header, MR_PTYPE_BIND_ACK, ack);
}

int mr_pdu_encode_alter_context_resp(mr_buf *buf, const mr_pdu_header *header,
                                     const mr_pdu_bind_ack *ack) {
    return encode_bind_ack(buf, header, MR_PTYPE_ALTER_CONTEXT_RESP, ack);
}

/* Where the number of results stands: after the secondary address and its alignment. */
static size_t result_count_at(const mr_buf *buf, size_t at) {
    mr_cursor c = mr_cursor_of(mr_slice_of(buf->data + at, buf->len - at));
    c.big = buf->big;
    mr_cursor_skip(&c, SEC_ADDR_AT);
    mr_cursor_skip(&c, mr_cursor_read_u16(&c));
    mr_cursor_align(&c, 0, 4);
    return mr_cursor_left(&c) < 4 ? 0 : at + c.pos;
}

int mr_pdu_add_result(mr_buf *buf, size_t at, const mr_pdu_result *result) {
    if (buf->error)
        return buf->error;
    if (!mr_pdu_resume(buf, at, MR_PTYPE_BIND_ACK, MR_PTYPE_ALTER_CONTEXT_RESP))
        return MR_ERR_ARGUMENT;
    size_t count_at = result_count_at(buf, at);
    if (count_at == 0)
        return MR_ERR_ARGUMENT;
    if (buf->data[count_at] == MR_PDU_CONTEXTS_MAX)
        return limit(buf);
    mr_buf_write_u16(buf, result->result);
    mr_buf_write_u16(buf, result->reason);
    mr_buf_write_syntax(buf, &result->transfer);
    if (!buf->error)
        buf->data[count_at]++;
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_bind_nak(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_bind_nak *nak) {
    if (nak->versions.len != 2 * (size_t)nak->version_count)
        return MR_ERR_ARGUMENT;
    size_t at = begin(buf, header, MR_PTYPE_BIND_NAK, header->flags);
    mr_buf_write_u16(buf, nak->reason);
    mr_buf_write_u8(buf, nak->version_count);
    mr_buf_write(buf, nak->versions);
    mr_buf_write_align(buf, at, nak->has_extended_error ? 8 : 4);
    if (nak->has_extended_error) {
        mr_buf_write_uuid(buf, &mr_pdu_extended_error_signature);
        mr_buf_write(buf, nak->extended_error);
    }
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_auth3(mr_buf *buf, const mr_pdu_header *header) {
    size_t at = begin(buf, header, MR_PTYPE_AUTH3, header->flags);
    mr_buf_write_zero(buf, 4);
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_request(mr_buf *buf, const mr_pdu_header *header,
                          const mr_pdu_request *request) {
    uint8_t flags = header->flags & (uint8_t)~MR_PFC_OBJECT_UUID;
    size_t at = begin(buf, header, MR_PTYPE_REQUEST,
                      flags | (request->has_object ? MR_PFC_OBJECT_UUID : 0));
    mr_buf_write_u32(buf, request->alloc_hint);
    mr_buf_write_u16(buf, request->context_id);
    mr_buf_write_u16(buf, request->opnum);
    if (request->has_object)
        mr_buf_write_uuid(buf, &request->object);
    mr_buf_write(buf, request->stub);
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_response(mr_buf *buf, const mr_pdu_header *header,
                           const mr_pdu_response *response) {
    size_t at = begin(buf, header, MR_PTYPE_RESPONSE, header->flags);
    mr_buf_write_u32(buf, response->alloc_hint);
    mr_buf_write_u16(buf, response->context_id);
    mr_buf_write_u8(buf, response->cancel_count);
    mr_buf_write_u8(buf, 0);
    mr_buf_write(buf, response->stub);
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_fault(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_fault *fault) {
    size_t at = begin(buf, header, MR_PTYPE_FAULT, header->flags);
    mr_buf_write_u32(buf, fault->alloc_hint);
    mr_buf_write_u16(buf, fault->context_id);
    mr_buf_write_u8(buf, fault->cancel_count);
    mr_buf_write_u8(buf, fault->flags);
    mr_buf_write_u32(buf, fault->status);
    mr_buf_write_zero(buf, 4);
    mr_buf_write(buf, fault->stub);
    return mr_pdu_set_length(buf, at);
}

static int encode_bare(mr_buf *buf, const mr_pdu_header *header, uint8_t ptype) {
    return mr_pdu_set_length(buf, begin(buf, header, ptype, header->flags));
}

int mr_pdu_encode_cancel(mr_buf *buf, const mr_pdu_header *header) {
    return encode_bare(buf, header, MR_PTYPE_CO_CANCEL);
}

int mr_pdu_encode_orphaned(mr_buf *buf, const mr_pdu_header *header) {
    return encode_bare(buf, header, MR_PTYPE_ORPHANED);
}

int mr_pdu_encode_shutdown(mr_buf *buf, const mr_pdu_header *header) {
    return encode_bare(buf, header, MR_PTYPE_SHUTDOWN);
}

int mr_pdu_encode_rts(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_rts *rts) {
    size_t at = begin(buf, header, MR_PTYPE_RTS, header->flags);
    mr_buf_write_u16(buf, rts->flags);
    mr_buf_write_u16(buf, 0); /* the number of commands */
    return mr_pdu_set_length(buf, at);
}

int mr_pdu_encode_auth(mr_buf *buf, size_t at, const mr_pdu_auth *auth) {
    if (buf->error)
        return buf->error;
    if (at > buf->len || buf->len - at < MR_PDU_HEADER_SIZE || auth->value.len == 0)
        return MR_ERR_ARGUMENT;
    if (auth->value.len > MR_PDU_FRAG_MAX)
        return limit(buf);
    size_t stub = mr_pdu_stub_offset(buf->data[at + 2], buf->data[at + 3]);
    size_t body_end = buf->len;

    buf->big = !(buf->data[at + 4] & DREP_LITTLE);
    mr_buf_write_align(buf, at + stub, stub ? 16 : 4);
    uint8_t pad = (uint8_t)(buf->len - body_end);
    mr_buf_write_u8(buf, auth->type);
    mr_buf_write_u8(buf, auth->level);
    mr_buf_write_u8(buf, pad);
    mr_buf_write_u8(buf, auth->reserved);
    mr_buf_write_u32(buf, auth->context_id);
    if (auth->value.data)
        mr_buf_write(buf, auth->value);
    else
        mr_buf_write_zero(buf, auth->value.len);
    mr_buf_set_u16(buf, at + 10, (uint16_t)auth->value.len);
    return mr_pdu_set_length(buf, at);
}
