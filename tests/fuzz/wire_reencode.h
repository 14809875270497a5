/* Encodes a decoded PDU again, through the public encoders: what round-trip tests and the fuzz
 * target share. */
#ifndef TESTS_WIRE_REENCODE_H
#define TESTS_WIRE_REENCODE_H

#include <msrpc/wire.h>

static inline int reencode_bind(const mr_pdu *pdu, mr_buf *buf, size_t at) {
    mr_cursor contexts = pdu->u.bind.contexts.items;
    mr_pdu_context context;
    mr_syntax transfers[MR_PDU_TRANSFERS_MAX];
    int r = pdu->header.ptype == MR_PTYPE_BIND
                ? mr_pdu_encode_bind(buf, &pdu->header, &pdu->u.bind)
                : mr_pdu_encode_alter_context(buf, &pdu->header, &pdu->u.bind);

    while (r == 0 && mr_pdu_read_context(&contexts, &context)) {
        mr_cursor items = context.transfers.items;
        size_t count = 0;
        while (mr_pdu_read_transfer(&items, &transfers[count]))
            count++;
        r = mr_pdu_add_context(buf, at, context.id, &context.abstract, transfers, count);
    }
    return r;
}

static inline int reencode_bind_ack(const mr_pdu *pdu, mr_buf *buf, size_t at) {
    mr_cursor results = pdu->u.bind_ack.results.items;
    mr_pdu_result result;
    int r = pdu->header.ptype == MR_PTYPE_BIND_ACK
                ? mr_pdu_encode_bind_ack(buf, &pdu->header, &pdu->u.bind_ack)
                : mr_pdu_encode_alter_context_resp(buf, &pdu->header, &pdu->u.bind_ack);

    while (r == 0 && mr_pdu_read_result(&results, &result))
        r = mr_pdu_add_result(buf, at, &result);
    return r;
}

static inline int reencode_rts(const mr_pdu *pdu, mr_buf *buf, size_t at) {
    mr_cursor commands = pdu->u.rts.commands.items;
    mr_rts_command command;
    int r = mr_pdu_encode_rts(buf, &pdu->header, &pdu->u.rts);

    while (r == 0 && mr_rts_read_command(&commands, &command))
        r = mr_rts_add_command(buf, at, &command);
    return r;
}

static inline int reencode_body(const mr_pdu *pdu, mr_buf *buf, size_t at) {
    switch (pdu->header.ptype) {
    case MR_PTYPE_BIND:
    case MR_PTYPE_ALTER_CONTEXT:
        return reencode_bind(pdu, buf, at);
    case MR_PTYPE_BIND_ACK:
    case MR_PTYPE_ALTER_CONTEXT_RESP:
        return reencode_bind_ack(pdu, buf, at);
    case MR_PTYPE_BIND_NAK:
        return mr_pdu_encode_bind_nak(buf, &pdu->header, &pdu->u.bind_nak);
    case MR_PTYPE_AUTH3:
        return mr_pdu_encode_auth3(buf, &pdu->header);
    case MR_PTYPE_REQUEST:
        return mr_pdu_encode_request(buf, &pdu->header, &pdu->u.request);
    case MR_PTYPE_RESPONSE:
        return mr_pdu_encode_response(buf, &pdu->header, &pdu->u.response);
    case MR_PTYPE_FAULT:
        return mr_pdu_encode_fault(buf, &pdu->header, &pdu->u.fault);
    case MR_PTYPE_CO_CANCEL:
        return mr_pdu_encode_cancel(buf, &pdu->header);
    case MR_PTYPE_ORPHANED:
        return mr_pdu_encode_orphaned(buf, &pdu->header);
    case MR_PTYPE_SHUTDOWN:
        return mr_pdu_encode_shutdown(buf, &pdu->header);
    case MR_PTYPE_RTS:
        return reencode_rts(pdu, buf, at);
    }
    return MR_ERR_UNSUPPORTED;
}

static inline int reencode(const mr_pdu *pdu, mr_buf *buf) {
    size_t at = buf->len;
    int r = reencode_body(pdu, buf, at);
    if (r == 0 && pdu->has_auth)
        r = mr_pdu_encode_auth(buf, at, &pdu->auth);
    return r;
}

#endif
