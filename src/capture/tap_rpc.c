/*
 * DCE/RPC watched (C706 12.6, MS-RPCE 3.3): an association as tap reads the PDUs, here they become
 * observations. What repeats on a healthy connection is only counted. Serves TCP connections, and
 * streams inside others: pipes, tunnels.
 *
 * Packets: an observation names the packet that completed its PDU, a call besides that of its
 * request's first octet. t->next says where the PDU begins that is not complete, so that the packet
 * of its first octet is known when its rest comes.
 *
 * Here: recognition, negotiation, and the association's upkeep; calls are tap_rpc_call.c, their
 * stubs tap_rpc_stub.c.
 */
#include "tap_rpc.h"

#include "totals.h"

#define DAMAGES_TOLD 4

/* ---- recognition ---- */

static bool is_from_client(uint8_t ptype) {
    return ptype == MR_PTYPE_REQUEST || ptype == MR_PTYPE_BIND || ptype == MR_PTYPE_AUTH3 ||
           ptype == MR_PTYPE_ALTER_CONTEXT || ptype == MR_PTYPE_CO_CANCEL ||
           ptype == MR_PTYPE_ORPHANED;
}

/* Types of the connectionless protocol do not come in streams. */
static bool is_stream_type(uint8_t ptype) {
    return ptype == MR_PTYPE_REQUEST || ptype == MR_PTYPE_RESPONSE || ptype == MR_PTYPE_FAULT ||
           (ptype >= MR_PTYPE_BIND && ptype <= MR_PTYPE_RTS);
}

static enum mr_tap_verdict recognise(const mr_tap_head *h, bool *turnedp) {
    const uint8_t *d = h->head.data;
    mr_pdu_header header;
    unsigned odd;
    size_t length;

    if (d[0] != 5 || (h->head.len > 1 && d[1] > 1) || (h->head.len > 2 && !is_stream_type(d[2])))
        return MR_TAP_NO;
    if (h->head.len < MR_PDU_HEADER_SIZE)
        return h->last && h->head.len > 2 && !h->midstream ? MR_TAP_YES : MR_TAP_MORE;
    if (mr_pdu_frag_length(h->head, &length, NULL) != 0 ||
        mr_pdu_decode_header(h->head, &header, &odd, NULL) != 0)
        return MR_TAP_NO;
    if (h->midstream && (odd != 0 || length < mr_pdu_stub_offset(header.ptype, header.flags) ||
                         header.auth_length + MR_PDU_HEADER_SIZE > (int)length))
        return MR_TAP_NO;
    *turnedp = header.ptype != MR_PTYPE_RTS &&
               is_from_client(header.ptype) != (h->dir == MR_DIR_TO_SERVER);
    return MR_TAP_YES;
}

/* ---- negotiation ---- */

static int token(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    if (!e->auth.present || e->auth.value.len == 0)
        return 0;
    return mr_tap_token(&t->tap, e->dir, e->auth.type, e->auth.value, at->packet, at->time);
}

static bool is_syntax_proposed(const mr_event_context *c, const mr_syntax *syntax) {
    for (uint8_t i = 0; i < c->proposed_count; i++)
        if (mr_syntax_eq(&c->proposed[i], syntax))
            return true;
    return mr_syntax_eq(&c->transfer, syntax);
}

static mr_seen_context *contexts_of(rpc_tap *t, const mr_event_bind *bind) {
    mr_seen_context *list = mr_tap_alloc(t->tap.ctx, bind->count, sizeof *list);

    for (uint16_t i = 0; list && i < bind->count; i++) {
        const mr_event_context *c = &bind->contexts[i];
        list[i] = (mr_seen_context){
            .abstract = c->abstract,
            .ndr = is_syntax_proposed(c, &mr_syntax_ndr20),
            .ndr64 = is_syntax_proposed(c, &mr_syntax_ndr64),
            .features = c->features,
            .result = c->result,
            .reason = c->reason,
        };
    }
    return list;
}

static int on_bind(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    bool asks = e->kind == MR_EVENT_BIND || e->kind == MR_EVENT_ALTER;
    const mr_event_bind *bind = &e->u.bind;
    mr_seen_context *contexts = contexts_of(t, bind);

    t->context.valid = false;
    if (asks) {
        t->bind_time = e->time_first;
        t->bind_interface = bind->count ? bind->contexts[0].abstract.uuid : MR_UUID_NIL;
        t->bind_auth_type = e->auth.present ? e->auth.type : 0;
        t->bind_auth_level = e->auth.present ? e->auth.level : 0;
        if (e->auth.present) {
            t->auth_type = e->auth.type;
            t->auth_level = e->auth.level;
        }
    }
    for (uint16_t i = 0; i < bind->count && !asks; i++) {
        const mr_event_context *c = &bind->contexts[i];
        if (c->result != MR_CONTEXT_ACCEPT && c->result != MR_CONTEXT_NEGOTIATE_ACK)
            mr_codes_add(&t->tap.ctx->totals->rejections,
                         (uint32_t)c->result << 16 | c->reason);
    }
    mr_seen *seen = rpc_add(t, asks ? MR_SEEN_BIND : MR_SEEN_BOUND, e->dir, at);
    if (!seen || !contexts)
        return MR_ERR_MEMORY;
    seen->u.bind = (mr_seen_bind){
        .alter = e->kind == MR_EVENT_ALTER || e->kind == MR_EVENT_ALTER_RESP,
        .contexts = contexts,
        .count = bind->count,
        .max_xmit = bind->max_xmit,
        .max_recv = bind->max_recv,
        .assoc_group = bind->assoc_group,
        .size = e->size,
        .auth_type = e->auth.present ? e->auth.type : 0,
        .auth_level = e->auth.present ? e->auth.level : 0,
        .ms = asks || t->bind_time == 0 ? 0 : rpc_ms_since(e->time_first, t->bind_time),
    };
    return token(t, e, at);
}

static int on_nak(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_seen_eerr *eerr = NULL;
    uint32_t count = mr_eerr_read(t->tap.ctx, e->u.nak.eerr, &eerr);
    mr_seen *seen = rpc_add(t, MR_SEEN_NAK, e->dir, at);

    mr_codes_add(&t->tap.ctx->totals->naks, e->u.nak.reason);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.nak = (mr_seen_nak){
        .reason = e->u.nak.reason,
        .eerr = eerr,
        .eerr_count = count,
        .auth_type = t->bind_auth_type,
        .auth_level = t->bind_auth_level,
        .interface = t->bind_interface,
    };
    return 0;
}

/* ---- the rest ---- */

static int on_foreign(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_foreign *f = &e->u.foreign;

    if (t->foreign)
        return 0;
    t->foreign = true;
    const char *text = mr_tap_text(t->tap.ctx, mr_slice_of(f->bytes, f->len));
    mr_seen *seen = rpc_add(t, MR_SEEN_FOREIGN, e->dir, at);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.foreign = (mr_seen_foreign){.guess = f->guess, .text = text};
    return 0;
}

static int on_damage(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    t->tap.ctx->totals->damaged++;
    if (t->damages == DAMAGES_TOLD)
        return 0;
    t->damages++;
    const char *text = mr_tap_str(t->tap.ctx, e->u.error->text);
    mr_seen *seen = rpc_add(t, MR_SEEN_DAMAGE, e->dir, at);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.foreign = (mr_seen_foreign){.text = text};
    return 0;
}

static int on_auth3(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    if (!rpc_add(t, MR_SEEN_AUTH3, e->dir, at))
        return MR_ERR_MEMORY;
    return token(t, e, at);
}

static int on_event(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    switch (e->kind) {
    case MR_EVENT_BIND:
    case MR_EVENT_ALTER:
    case MR_EVENT_BIND_ACK:
    case MR_EVENT_ALTER_RESP:
        return on_bind(t, e, at);
    case MR_EVENT_BIND_NAK:
        return on_nak(t, e, at);
    case MR_EVENT_AUTH3:
        return on_auth3(t, e, at);
    case MR_EVENT_REQUEST:
        return mr_rpc_on_request(t, e, at);
    case MR_EVENT_RESPONSE:
        return mr_rpc_on_response(t, e, at);
    case MR_EVENT_FAULT:
        return mr_rpc_on_fault(t, e, at);
    case MR_EVENT_CANCEL:
    case MR_EVENT_ORPHANED:
        return mr_rpc_on_cancel(t, e, at);
    case MR_EVENT_SHUTDOWN:
        return rpc_add(t, MR_SEEN_SHUTDOWN, e->dir, at) ? 0 : MR_ERR_MEMORY;
    case MR_EVENT_FOREIGN:
        return on_foreign(t, e, at);
    case MR_EVENT_ERROR:
        return on_damage(t, e, at);
    case MR_EVENT_READY:
    case MR_EVENT_AUTH_PENDING:
    case MR_EVENT_SENT:
    case MR_EVENT_OTHER:
    case MR_EVENT_GAP:
    case MR_EVENT_RESYNC:
    case MR_EVENT_TIMEOUT:
        break;
    }
    return 0;
}

static void count_pdu(rpc_tap *t, const mr_event *e) {
    mr_totals *totals = t->tap.ctx->totals;

    if (e->ptype < MR_PTYPES)
        totals->pdus[e->ptype]++;
    else
        totals->pdus_other++;
}

/* Everything that waits; the packet of each PDU's first octet is in t->packet. */
static int drain(rpc_tap *t, uint64_t from, const mr_flow_at *at) {
    mr_event e;
    int r = 0;

    while (mr_assoc_pull_event(&t->assoc, &e)) {
        if (e.size > 0) {
            if (e.offset >= from)
                t->packet[e.dir] = at->packet;
            t->next[e.dir] = e.offset + e.size;
            count_pdu(t, &e);
        }
        if (t->tap.ctx->watch && r == 0)
            r = mr_rpc_watch(t, &e, at);
        if (r == 0)
            r = on_event(t, &e, at);
    }
    return r;
}

static int start(rpc_tap *t, const mr_flow_at *at) {
    mr_assoc_config config = {
        .role = MR_ROLE_TAP,
        .max_calls = MR_RPC_CALLS_MAX,
        .max_events = MR_TAP_EVENTS,
        .ring = t->tap.ctx->ring,
        .spare = &t->tap.ctx->spare,
        .midstream = at->position > 0 || t->tap.flow->midstream,
    };

    t->started = true;
    if (t->tap.via == MR_SEEN_PIPE)
        config.midstream = t->midstream;
    int r = mr_assoc_init(&t->assoc, &config, NULL);
    t->made = r == 0;
    return r;
}

static int feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    rpc_tap *t = (rpc_tap *)tap;
    size_t used;
    int r = t->started ? 0 : start(t, at);

    if (r < 0)
        return r;
    uint64_t from = t->fed[dir];
    if (from == 0 && dir == MR_DIR_TO_SERVER)
        t->base = at->position;
    t->fed[dir] += octets.len;
    do {
        r = mr_assoc_feed(&t->assoc, dir, octets, at->time, &used, NULL);
        octets = mr_slice_sub(octets, used, octets.len);
        int drained = drain(t, from, at);
        r = r >= 0 && drained < 0 ? drained : r;
    } while (r == MR_ASSOC_DRAIN);
    if (t->next[dir] >= from && t->next[dir] < t->fed[dir])
        t->packet[dir] = at->packet;
    else if (t->next[dir] < from && t->fed[dir] == from)
        t->next[dir] = from;
    mr_assoc_trim(&t->assoc);
    return r < 0 ? r : 0;
}

static int gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    rpc_tap *t = (rpc_tap *)tap;
    int r = t->started ? 0 : start(t, at);

    if (r == 0)
        r = mr_assoc_feed_gap(&t->assoc, dir, len, at->time, NULL);
    int drained = t->made ? drain(t, t->fed[dir], at) : 0;
    t->fed[dir] += len;
    return r < 0 ? r : drained;
}

static int end(mr_tap *tap, const mr_flow_seen *seen, mr_seen_end *endp) {
    rpc_tap *t = (rpc_tap *)tap;
    bool open = seen && (seen->end == MR_FLOW_END_CAPTURE || seen->end == MR_FLOW_END_IDLE);
    mr_nsec now = open ? tap->ctx->flows->now : tap->flow->last;
    mr_flow_at at = {.packet = seen ? seen->last_packet : 0, .time = now, .now = now};
    int r = 0;

    for (int dir = 0; dir < 2 && t->made && r >= 0; dir++) {
        do
            r = mr_assoc_feed_end(&t->assoc, (enum mr_dir)dir, now, NULL);
        while (drain(t, t->fed[dir], &at) == 0 && r == MR_ASSOC_DRAIN);
    }
    if (r != MR_ERR_MEMORY)
        r = mr_rpc_tell_unanswered(t, now);
    endp->calls = t->call_total;
    endp->faults = t->faults;
    endp->unanswered = t->unanswered;
    endp->requests_bytes = t->sent;
    endp->replies_bytes = t->received;
    endp->median_us = mr_rpc_flow_time(t, 500);
    endp->p99_us = mr_rpc_flow_time(t, 990);
    endp->max_us = t->max_us;
    endp->auth_type = t->auth_type;
    endp->auth_level = t->auth_level;
    endp->interface = t->votes ? t->most.interface : MR_UUID_NIL;
    endp->interface_version = t->votes ? t->most.version : 0;
    endp->via = tap->via;
    endp->pipe = mr_tap_str(tap->ctx, tap->pipe);
    return r == MR_ERR_MEMORY ? r : 0;
}

static void deinit(mr_tap *tap) {
    rpc_tap *t = (rpc_tap *)tap;

    mr_rpc_free_calls(t);
    if (t->made)
        mr_assoc_deinit(&t->assoc);
    mr_rpc_free_keys(t);
}

const mr_tap_class mr_tap_rpc = {
    .name = "rpc",
    .service = MR_SEEN_RPC,
    .size = sizeof(rpc_tap),
    .recognise = recognise,
    .feed = feed,
    .gap = gap,
    .end = end,
    .deinit = deinit,
};
