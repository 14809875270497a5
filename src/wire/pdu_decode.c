/*
 * Decoding connection-oriented PDUs (C706 12.6.4, MS-RPCE 2.2.2). The trailer is located first,
 * from the end; the body is then read through a window that stops before it, so that nothing of a
 * body can reach into the verifier. Lists are walked once here; the read functions walk them again
 * over the very octets that were checked.
 */
#include "pdu_private.h"

static int bad(mr_error *err, int code, size_t offset, const char *what) {
    return mr_fail(err, code, MR_FLOOR_WIRE, offset, "%s", what);
}

static bool is_connectionless(uint8_t ptype) {
    return ptype == MR_PTYPE_PING || (ptype >= MR_PTYPE_WORKING && ptype <= MR_PTYPE_CANCEL_ACK);
}

/* Looks at as much of the common header as there is. */
static int check_head(mr_slice head, mr_error *err) {
    const uint8_t *p = head.data;

    if (head.len > 0 && p[0] != 5)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                       "not connection-oriented DCE/RPC: the first octet is 0x%02x, not 5", p[0]);
    if (head.len > 2 && p[2] > MR_PTYPE_RTS)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 2, "unknown PDU type %u", p[2]);
    if (head.len > 2 && is_connectionless(p[2]))
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_WIRE, 2,
                       "%s is a connectionless PDU type", mr_ptype_name(p[2]));
    if (head.len > 4 && p[4] >> 4 > 1)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_WIRE, 4,
                       "unknown integer representation %u", p[4] >> 4);
    return 0;
}

int mr_pdu_frag_length(mr_slice head, size_t *lengthp, mr_error *err) {
    int r = check_head(head, err);
    if (r < 0)
        return r;
    if (head.len < 10)
        return MR_PDU_NEED_MORE;
    const uint8_t *p = head.data;
    size_t length = p[4] & DREP_LITTLE ? p[8] | p[9] << 8 : p[8] << 8 | p[9];
    if (length < MR_PDU_HEADER_SIZE)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 8,
                       "a frag_length of %zu is less than the header", length);
    *lengthp = length;
    return 0;
}

int mr_pdu_decode_header(mr_slice pdu, mr_pdu_header *headerp, unsigned *oddp, mr_error *err) {
    size_t length;
    int r = mr_pdu_frag_length(pdu, &length, err);
    if (r < 0)
        return r;
    if (pdu.len < MR_PDU_HEADER_SIZE)
        return bad(err, MR_ERR_TRUNCATED, pdu.len, "the PDU ends within its common header");

    mr_cursor c = mr_cursor_of(mr_slice_sub(pdu, 0, MR_PDU_HEADER_SIZE));
    mr_pdu_header header = {0};
    mr_cursor_skip(&c, 1);
    header.minor = mr_cursor_read_u8(&c);
    header.ptype = mr_cursor_read_u8(&c);
    header.flags = mr_cursor_read_u8(&c);
    uint8_t drep = mr_cursor_read_u8(&c);
    c.big = header.big = !(drep & DREP_LITTLE);
    header.charset = drep & 0x0f;
    header.floats = mr_cursor_read_u8(&c);
    mr_cursor_skip(&c, 2);
    header.frag_length = mr_cursor_read_u16(&c);
    header.auth_length = mr_cursor_read_u16(&c);
    header.call_id = mr_cursor_read_u32(&c);

    unsigned odd = 0;
    if (header.minor > 1)
        odd |= MR_ODD_MINOR;
    if (header.charset != 0 || header.floats != 0)
        odd |= MR_ODD_DREP;
    *headerp = header;
    *oddp = odd;
    return 0;
}

/* Reads the trailer at the end of the PDU and narrows @body to end before it. */
static int decode_auth(mr_cursor *body, mr_pdu *pdu, mr_error *err) {
    size_t length = pdu->header.frag_length;
    size_t need = (size_t)pdu->header.auth_length + MR_PDU_AUTH_SIZE;

    if (pdu->header.auth_length == 0)
        return 0;
    if (need > length - MR_PDU_HEADER_SIZE)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 10,
                       "an auth_length of %u does not fit in a PDU of %zu octets",
                       pdu->header.auth_length, length);
    mr_cursor c = *body;
    c.pos = length - need;
    pdu->has_auth = true;
    pdu->auth.offset = c.pos;
    pdu->auth.type = mr_cursor_read_u8(&c);
    pdu->auth.level = mr_cursor_read_u8(&c);
    pdu->auth.pad_length = mr_cursor_read_u8(&c);
    pdu->auth.reserved = mr_cursor_read_u8(&c);
    pdu->auth.context_id = mr_cursor_read_u32(&c);
    pdu->auth.value = mr_cursor_read(&c, pdu->header.auth_length);
    if (pdu->auth.offset % 4 != 0)
        pdu->odd |= MR_ODD_ALIGN;
    body->end = pdu->auth.offset;
    return 0;
}

static void decode_bind(mr_cursor *c, mr_pdu_bind *bind) {
    bind->max_xmit = mr_cursor_read_u16(c);
    bind->max_recv = mr_cursor_read_u16(c);
    bind->assoc_group = mr_cursor_read_u32(c);
    bind->contexts.count = mr_cursor_read_u8(c);
    mr_cursor_skip(c, 3);
    bind->contexts.items = *c;
    for (unsigned i = 0; i < bind->contexts.count; i++) {
        mr_cursor_skip(c, 2);
        size_t transfers = mr_cursor_read_u8(c);
        mr_cursor_skip(c, 1 + MR_SYNTAX_SIZE + transfers * MR_SYNTAX_SIZE);
    }
    bind->contexts.items.end = c->pos;
}

bool mr_pdu_read_context(mr_cursor *items, mr_pdu_context *contextp) {
    mr_pdu_context context;

    if (mr_cursor_left(items) == 0)
        return false;
    context.id = mr_cursor_read_u16(items);
    context.transfers.count = mr_cursor_read_u8(items);
    mr_cursor_skip(items, 1);
    context.abstract = mr_cursor_read_syntax(items);
    context.transfers.items =
        mr_cursor_window(items, (size_t)context.transfers.count * MR_SYNTAX_SIZE);
    if (!mr_cursor_ok(items))
        return false;
    *contextp = context;
    return true;
}

bool mr_pdu_read_transfer(mr_cursor *items, mr_syntax *transferp) {
    if (mr_cursor_left(items) < MR_SYNTAX_SIZE)
        return false;
    *transferp = mr_cursor_read_syntax(items);
    return true;
}

static void decode_bind_ack(mr_cursor *c, mr_pdu_bind_ack *ack) {
    ack->max_xmit = mr_cursor_read_u16(c);
    ack->max_recv = mr_cursor_read_u16(c);
    ack->assoc_group = mr_cursor_read_u32(c);
    ack->sec_addr = mr_cursor_read(c, mr_cursor_read_u16(c));
    if (ack->sec_addr.len > 0 && ack->sec_addr.data[ack->sec_addr.len - 1] == '\0')
        ack->sec_addr.len--;
    mr_cursor_align(c, 0, 4);
    ack->results.count = mr_cursor_read_u8(c);
    mr_cursor_skip(c, 3);
    ack->results.items = mr_cursor_window(c, ack->results.count * (4 + MR_SYNTAX_SIZE));
}

bool mr_pdu_read_result(mr_cursor *items, mr_pdu_result *resultp) {
    if (mr_cursor_left(items) < 4 + MR_SYNTAX_SIZE)
        return false;
    resultp->result = mr_cursor_read_u16(items);
    resultp->reason = mr_cursor_read_u16(items);
    resultp->transfer = mr_cursor_read_syntax(items);
    return true;
}

/* The signature follows the versions; whether aligned to 1, 4 or 8 octets is left open by
 * MS-RPCE 2.2.2.9 and differs among senders where the versions are not a single one. */
static void decode_bind_nak(mr_cursor *c, mr_pdu_bind_nak *nak, unsigned *oddp) {
    nak->reason = mr_cursor_read_u16(c);
    if (mr_cursor_ok(c) && mr_cursor_left(c) == 0) {
        *oddp |= MR_ODD_SHORT;
        return;
    }
    nak->version_count = mr_cursor_read_u8(c);
    nak->versions = mr_cursor_read(c, 2 * (size_t)nak->version_count);
    for (size_t align = 1; mr_cursor_ok(c) && align <= 8; align *= 2) {
        mr_cursor at = *c;
        mr_cursor_align(&at, 0, align);
        mr_uuid signature = mr_cursor_read_uuid(&at);
        if (mr_cursor_ok(&at) && mr_uuid_eq(&signature, &mr_pdu_extended_error_signature)) {
            nak->has_extended_error = true;
            *c = at; /* the blob is the rest */
            return;
        }
    }
    if (mr_cursor_left(c) < 8) /* padding */
        mr_cursor_skip(c, mr_cursor_left(c));
}

static void decode_request(mr_cursor *c, uint8_t flags, mr_pdu_request *request) {
    request->alloc_hint = mr_cursor_read_u32(c);
    request->context_id = mr_cursor_read_u16(c);
    request->opnum = mr_cursor_read_u16(c);
    request->has_object = flags & MR_PFC_OBJECT_UUID;
    if (request->has_object)
        request->object = mr_cursor_read_uuid(c);
}

static void decode_response(mr_cursor *c, mr_pdu_response *response) {
    response->alloc_hint = mr_cursor_read_u32(c);
    response->context_id = mr_cursor_read_u16(c);
    response->cancel_count = mr_cursor_read_u8(c);
    mr_cursor_skip(c, 1);
}

static void decode_fault(mr_cursor *c, mr_pdu_fault *fault, unsigned *oddp) {
    fault->alloc_hint = mr_cursor_read_u32(c);
    fault->context_id = mr_cursor_read_u16(c);
    fault->cancel_count = mr_cursor_read_u8(c);
    fault->flags = mr_cursor_read_u8(c);
    fault->status = mr_cursor_read_u32(c);
    if (mr_cursor_ok(c) && mr_cursor_left(c) == 0)
        *oddp |= MR_ODD_SHORT;
    else
        mr_cursor_skip(c, 4);
}

/* The length of the blob is alloc_hint less the fault header (MS-RPCE 2.2.2.8); a hint that is
 * absent or too large is overruled by the octets that are there. */
static void set_extended_error(mr_pdu_fault *fault) {
    size_t header = mr_pdu_stub_offset(MR_PTYPE_FAULT, 0);

    if (!(fault->flags & MR_FAULT_EXTENDED_ERROR))
        return;
    fault->extended_error = fault->stub;
    if (fault->alloc_hint > header && fault->alloc_hint - header < fault->stub.len)
        fault->extended_error.len = fault->alloc_hint - header;
}

static int decode_rts(mr_cursor *c, mr_pdu *pdu, mr_error *err) {
    mr_pdu_rts *rts = &pdu->u.rts;
    mr_rts_command command;

    if (pdu->has_auth)
        return bad(err, MR_ERR_MALFORMED, 10, "an RTS PDU carries no authentication");
    rts->flags = mr_cursor_read_u16(c);
    rts->commands.count = mr_cursor_read_u16(c);
    rts->commands.items = *c;
    for (unsigned i = 0; mr_cursor_ok(c) && i < rts->commands.count; i++) {
        int r = mr_rts_decode_command(c, &command, err);
        if (r < 0)
            return r;
    }
    rts->commands.items.end = c->pos;
    return 0;
}

/* Reads the body as far as its fixed part and its lists go. */
static int decode_body(mr_cursor *c, mr_pdu *pdu, mr_error *err) {
    switch ((enum mr_ptype)pdu->header.ptype) {
    case MR_PTYPE_BIND:
    case MR_PTYPE_ALTER_CONTEXT:
        decode_bind(c, &pdu->u.bind);
        return 0;
    case MR_PTYPE_BIND_ACK:
    case MR_PTYPE_ALTER_CONTEXT_RESP:
        decode_bind_ack(c, &pdu->u.bind_ack);
        return 0;
    case MR_PTYPE_BIND_NAK:
        decode_bind_nak(c, &pdu->u.bind_nak, &pdu->odd);
        return 0;
    case MR_PTYPE_REQUEST:
        decode_request(c, pdu->header.flags, &pdu->u.request);
        return 0;
    case MR_PTYPE_RESPONSE:
        decode_response(c, &pdu->u.response);
        return 0;
    case MR_PTYPE_FAULT:
        decode_fault(c, &pdu->u.fault, &pdu->odd);
        return 0;
    case MR_PTYPE_RTS:
        return decode_rts(c, pdu, err);
    case MR_PTYPE_AUTH3:
        if (mr_cursor_left(c) < 4)
            pdu->odd |= MR_ODD_SHORT;
        else
            mr_cursor_skip(c, 4);
        return 0;
    case MR_PTYPE_SHUTDOWN:
    case MR_PTYPE_CO_CANCEL:
    case MR_PTYPE_ORPHANED:
        return 0;
    case MR_PTYPE_PING:
    case MR_PTYPE_WORKING:
    case MR_PTYPE_NOCALL:
    case MR_PTYPE_REJECT:
    case MR_PTYPE_ACK:
    case MR_PTYPE_CL_CANCEL:
    case MR_PTYPE_FACK:
    case MR_PTYPE_CANCEL_ACK:
        break;
    }
    return bad(err, MR_ERR_UNSUPPORTED, 2, "a connectionless PDU type");
}

/* The rest of the body: a stub or a blob where there is one, else padding or surplus. */
static int decode_rest(mr_cursor *c, mr_pdu *pdu, mr_error *err) {
    size_t left = mr_cursor_left(c);
    size_t pad = pdu->has_auth ? pdu->auth.pad_length : 0;
    mr_slice *stub = NULL;

    if (pdu->header.ptype == MR_PTYPE_REQUEST)
        stub = &pdu->u.request.stub;
    else if (pdu->header.ptype == MR_PTYPE_RESPONSE)
        stub = &pdu->u.response.stub;
    else if (pdu->header.ptype == MR_PTYPE_FAULT)
        stub = &pdu->u.fault.stub;
    else if (pdu->header.ptype == MR_PTYPE_BIND_NAK && pdu->u.bind_nak.has_extended_error)
        stub = &pdu->u.bind_nak.extended_error;
    if (!stub) {
        if (pdu->has_auth && left != pad)
            pdu->odd |= MR_ODD_PAD;
        else if (!pdu->has_auth && left > 0)
            pdu->odd |= MR_ODD_REST;
        return 0;
    }
    if (pad > left)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, pdu->auth.offset + 2,
                       "an auth_pad_length of %zu is more than the %zu octets before it", pad,
                       left);
    *stub = mr_cursor_read(c, left - pad);
    if (pdu->header.ptype == MR_PTYPE_FAULT)
        set_extended_error(&pdu->u.fault);
    return 0;
}

int mr_pdu_decode(mr_slice octets, mr_pdu *pdup, mr_error *err) {
    mr_pdu pdu = {0};
    int r = mr_pdu_decode_header(octets, &pdu.header, &pdu.odd, err);
    if (r < 0)
        return r;
    if (octets.len < pdu.header.frag_length)
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, octets.len,
                       "the %s should be %u octets long", mr_ptype_name(pdu.header.ptype),
                       pdu.header.frag_length);
    if (octets.len > pdu.header.frag_length)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, pdu.header.frag_length,
                       "%zu octets follow the %s", octets.len - pdu.header.frag_length,
                       mr_ptype_name(pdu.header.ptype));

    mr_cursor body = mr_cursor_of(octets);
    body.big = pdu.header.big;
    body.pos = MR_PDU_HEADER_SIZE;
    r = decode_auth(&body, &pdu, err);
    if (r == 0)
        r = decode_body(&body, &pdu, err);
    if (r < 0)
        return r;
    if (!mr_cursor_ok(&body))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, body.bad_at,
                       "the %s ends within its fields", mr_ptype_name(pdu.header.ptype));
    r = decode_rest(&body, &pdu, err);
    if (r < 0)
        return r;
    *pdup = pdu;
    return 0;
}
