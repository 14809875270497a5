/*
 * DCE/RPC watched (C706 12.6, MS-RPCE 3.3): an association as tap reads the PDUs, here they become
 * observations. What repeats on a healthy connection is only counted. Serves TCP connections, and
 * streams inside others: pipes, tunnels.
 *
 * Packets: an observation names the packet that completed its PDU, a call besides that of its
 * request's first octet. t->next says where the PDU begins that is not complete, so that the packet
 * of its first octet is known when its rest comes.
 */
#include "tap_rpc.h"

#include <stdlib.h>

#include "totals.h"

#define CALLS_MAX 256
#define CALLS_KEPT 4
#define NO_METHOD UINT32_MAX
#define DAMAGES_TOLD 4
#define STUB_MAX ((size_t)1 << 20)

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

/* ---- calls ---- */

static rpc_call *find_call(rpc_tap *t, uint32_t id) {
    for (uint32_t i = 0; i < t->call_count; i++)
        if (t->calls[i].id == id)
            return &t->calls[i];
    return NULL;
}

static void free_stubs(rpc_call *call) {
    for (int dir = 0; dir < 2; dir++) {
        if (call->stub[dir])
            mr_stub_deinit(call->stub[dir]);
        free(call->stub[dir]);
        call->stub[dir] = NULL;
    }
}

static void end_call(rpc_tap *t, rpc_call *call) {
    free_stubs(call);
    t->call_count--;
    memmove(call, call + 1, (size_t)(&t->calls[t->call_count] - call) * sizeof *call);
    if (t->call_count == 0 && t->call_room > CALLS_KEPT) {
        free(t->calls);
        t->calls = NULL;
        t->call_room = 0;
    }
}

static rpc_call *add_call(rpc_tap *t, uint32_t id) {
    if (t->call_count == CALLS_MAX)
        end_call(t, &t->calls[0]);
    if (t->call_count == t->call_room) {
        uint32_t room = t->call_room ? t->call_room * 4 : 1;
        rpc_call *grown = reallocarray(t->calls, room, sizeof *grown);
        if (!grown)
            return NULL;
        t->calls = grown;
        t->call_room = room;
    }
    t->calls[t->call_count] = (rpc_call){.id = id, .method = NO_METHOD};
    return &t->calls[t->call_count++];
}

/* What context @id means, remembered until another one is used. */
static const rpc_context *context_of(rpc_tap *t, uint16_t id) {
    mr_event_context found;

    if (t->context.valid && t->context.id == id)
        return &t->context;
    t->context = (rpc_context){.valid = true, .id = id};
    t->method_valid = false;
    if (mr_assoc_find_context(&t->assoc, id, &found)) {
        t->context.known = true;
        t->context.version = found.abstract.major;
        t->context.interface = found.abstract.uuid;
        t->context.ndr64 = mr_syntax_eq(&found.transfer, &mr_syntax_ndr64);
        t->context.iface = mr_ifaces_find(&found.abstract);
        t->context.dcom = mr_dcom_is(&found.abstract.uuid);
    }
    return &t->context;
}

/* The row of a method; NO_METHOD beyond the cap. */
static int method_of(rpc_tap *t, const rpc_context *context, uint16_t opnum, uint32_t *rowp) {
    if (!t->method_valid || t->method_opnum != opnum) {
        int r = mr_totals_find_method(t->tap.ctx->totals, &context->interface, context->version,
                                      opnum, &t->method);
        if (r == MR_ERR_LIMIT)
            t->method = NO_METHOD;
        else if (r < 0)
            return r;
        t->method_valid = true;
        t->method_opnum = opnum;
    }
    *rowp = t->method;
    return 0;
}

static mr_method_calls *row_of(rpc_tap *t, uint32_t row) {
    return row == NO_METHOD ? NULL : &t->tap.ctx->totals->methods[row];
}

/* Which interface is called most: a majority vote, exact where one has more than half. */
static void vote(rpc_tap *t, const rpc_context *context) {
    if (t->votes > 0 && t->most.id == context->id) {
        t->votes++;
    } else if (t->votes == 0) {
        t->most = *context;
        t->votes = 1;
    } else {
        t->votes--;
    }
}

static uint32_t time_class(uint32_t us) {
    uint32_t top = us ? 31 - (uint32_t)__builtin_clz(us) : 0;

    return us < 2 ? us : 2 * top + ((us >> (top - 1)) & 1);
}

static uint32_t time_of_class(uint32_t class) {
    if (class < 2)
        return class;
    uint64_t low = (uint64_t)(2 + (class & 1)) << (class / 2 - 1);
    return (uint32_t)(low + low / 5);
}

static uint32_t flow_time(const rpc_tap *t, uint32_t permille) {
    uint64_t have = 0, all = 0;

    for (int i = 0; i < MR_RPC_FLOW_TIMES; i++)
        all += t->times[i];
    for (uint32_t i = 0; i < MR_RPC_FLOW_TIMES; i++) {
        have += t->times[i];
        if (all == 0 || have * 1000 < all * permille || have == 0)
            continue;
        uint32_t us = time_of_class(i);
        return us < t->max_us ? us : t->max_us;
    }
    return t->max_us;
}

/* An answer came @us after its request. */
static void note_time(rpc_tap *t, mr_method_calls *row, uint64_t us64) {
    uint32_t us = us64 < UINT32_MAX ? (uint32_t)us64 : UINT32_MAX;

    t->answered++;
    t->tap.ctx->totals->answered++;
    if (us > t->max_us)
        t->max_us = us;
    uint16_t *class = &t->times[time_class(us)];
    if (*class == UINT16_MAX)
        for (int i = 0; i < MR_RPC_FLOW_TIMES; i++)
            t->times[i] /= 2;
    (*class)++;
    if (row)
        mr_times_add(&row->times, us);
}

/* ---- records ---- */

static mr_seen *add(rpc_tap *t, enum mr_seen_kind kind, enum mr_dir dir, const mr_flow_at *at) {
    return mr_tap_add(&t->tap, kind, dir, at->packet, at->time);
}

static mr_seen_call seen_call(rpc_tap *t, const rpc_call *call, uint16_t context_id,
                              uint16_t opnum, uint32_t id) {
    const rpc_context *context = context_of(t, context_id);
    mr_seen_call c = {.interface = context->interface, .version = context->version,
                      .known = context->known, .opnum = opnum, .id = id};

    if (call) {
        c.bytes = call->sent;
        c.auth_type = call->auth_type;
        c.auth_level = call->auth_level;
        c.request = call->packet;
    }
    return c;
}

static uint32_t ms_since(mr_nsec now, mr_nsec then) {
    uint64_t ms = now > then ? (now - then) / MR_MSEC : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static int add_call_record(rpc_tap *t, enum mr_seen_kind kind, enum mr_dir dir,
                           const mr_flow_at *at, const mr_seen_call *c) {
    mr_seen *seen = add(t, kind, dir, at);

    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.call = *c;
    return 0;
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
    mr_seen *seen = add(t, asks ? MR_SEEN_BIND : MR_SEEN_BOUND, e->dir, at);
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
        .ms = asks || t->bind_time == 0 ? 0 : ms_since(e->time_first, t->bind_time),
    };
    return token(t, e, at);
}

static int on_nak(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_seen_eerr *eerr = NULL;
    uint32_t count = mr_eerr_read(t->tap.ctx, e->u.nak.eerr, &eerr);
    mr_seen *seen = add(t, MR_SEEN_NAK, e->dir, at);

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

/* ---- stubs ---- */

/* Takes a chunk; *@wholep when the stub is complete, which then is *@stubp. */
static int collect(rpc_tap *t, rpc_call *call, const mr_event *e, bool *wholep, mr_slice *stubp) {
    const mr_event_chunk *chunk = &e->u.chunk;

    *wholep = false;
    if (chunk->first && chunk->last) {
        *stubp = chunk->bytes;
        *wholep = !chunk->damaged;
        return 0;
    }
    if (!call)
        return 0;
    mr_stub **stub = &call->stub[e->dir];
    if (!*stub) {
        *stub = malloc(sizeof **stub);
        if (!*stub)
            return MR_ERR_MEMORY;
        mr_stub_init(*stub, STUB_MAX);
    }
    int r = mr_stub_feed(*stub, chunk);
    if (r == 0)
        r = mr_stub_keep(*stub);
    if (r == MR_ERR_MEMORY)
        return r;
    if (r == MR_STUB_COMPLETE) {
        *wholep = true;
        *stubp = mr_stub_get(*stub);
    }
    (void)t;
    return 0;
}

static int tell_stub(rpc_tap *t, const rpc_call *call, const mr_event *e,
                     const rpc_context *context, bool whole, mr_slice stub,
                     const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;

    if (!whole)
        stub = call && call->stub[e->dir] ? mr_stub_get(call->stub[e->dir]) : chunk->bytes;
    uint8_t *copy = mr_tap_alloc(t->tap.ctx, stub.len, 1);
    mr_seen *seen = add(t, MR_SEEN_STUB, e->dir, at);
    if (!seen || !copy)
        return MR_ERR_MEMORY;
    if (stub.len > 0)
        memcpy(copy, stub.data, stub.len);
    seen->u.stub = (mr_seen_stub){
        .interface = context->interface,
        .version = context->version,
        .known = context->known,
        .opnum = chunk->call.opnum,
        .ndr64 = context->ndr64,
        .big = e->big,
        .sealed = chunk->sealed,
        .cut = !whole,
        .id = chunk->call.id,
        .request = call ? call->packet : 0,
        .bytes = mr_slice_of(copy, stub.len),
    };
    return 0;
}

/* ---- requests ---- */

static int begin_request(rpc_tap *t, const mr_event *e, rpc_call **callp) {
    const mr_event_chunk *chunk = &e->u.chunk;
    const rpc_context *context = context_of(t, chunk->call.context);
    rpc_call *call = find_call(t, chunk->call.id);

    if (call)
        end_call(t, call);
    call = add_call(t, chunk->call.id);
    if (!call || method_of(t, context, chunk->call.opnum, &call->method) < 0)
        return MR_ERR_MEMORY;
    call->packet = t->packet[e->dir];
    call->time = e->time_first;
    call->context = chunk->call.context;
    call->opnum = chunk->call.opnum;
    call->auth_type = e->auth.present ? e->auth.type : 0;
    call->auth_level = e->auth.present ? e->auth.level : 0;
    vote(t, context);
    t->call_total++;
    t->tap.ctx->totals->calls++;
    mr_method_calls *row = row_of(t, call->method);
    if (row)
        row->calls++;
    *callp = call;
    return 0;
}

static int on_request(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;
    rpc_call *call = chunk->first ? NULL : find_call(t, chunk->call.id);
    int r = call ? 0 : begin_request(t, e, &call);

    if (r < 0)
        return r;
    mr_method_calls *row = row_of(t, call->method);
    if (row)
        row->sent += chunk->bytes.len;
    t->sent += chunk->bytes.len;
    call->sent += (uint32_t)chunk->bytes.len;
    call->end = e->offset + e->size;
    call->whole = chunk->last;
    const rpc_context *context = context_of(t, call->context);
    bool epm = mr_epm_is(context) && !chunk->sealed;
    if (epm || t->tap.ctx->stubs) {
        bool whole;
        mr_slice stub = MR_SLICE_NULL;
        r = collect(t, call, e, &whole, &stub);
        if (r == 0 && whole && epm)
            mr_epm_question(t, call, context, stub, e->big);
        if (r == 0 && chunk->last && t->tap.ctx->stubs)
            r = tell_stub(t, call, e, context, whole, stub, at);
    }
    if (chunk->last && chunk->call.maybe)
        end_call(t, call);
    return r;
}

/* ---- answers ---- */

/* Statuses that are no failure though they are not 0: more of a list is to come, or its end. */
static bool is_benign(uint32_t status) {
    switch (status) {
    case 0:
    case 0x00000105: /* STATUS_MORE_ENTRIES */
    case 0x00000107: /* STATUS_SOME_NOT_MAPPED */
    case 0x8000001a: /* STATUS_NO_MORE_ENTRIES */
    case 234:        /* ERROR_MORE_DATA */
    case 259:        /* ERROR_NO_MORE_ITEMS */
        return true;
    }
    return false;
}

/* Whether replies of the method end in a status: its return value, or an [out] status behind which
 * nothing is returned. */
static bool ends_in_status(const mr_iface *iface, uint16_t opnum) {
    const mr_proc *proc = mr_iface_get_proc(iface, opnum);

    if (!proc || !proc->args || proc->args->count == 0 || !iface->source)
        return false;
    const mr_ndr_member *last = &proc->args->u.members[proc->args->count - 1];
    if (!(last->flags & MR_MEMBER_OUT))
        return false;
    if (!(last->flags & MR_MEMBER_RETURN))
        return strcmp(last->name, "status") == 0;
    /* what other documents than Microsoft's return need not be a status */
    return last->type->kind == MR_NDR_U32 && strncmp(iface->source, "MS-", 3) == 0;
}

static int on_status(rpc_tap *t, const rpc_call *call, const mr_event *e,
                     const rpc_context *context, mr_slice stub, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;
    mr_cursor c = mr_cursor_of(mr_slice_sub(stub, stub.len - 4, 4));

    c.big = e->big;
    uint32_t status = mr_cursor_read_u32(&c);
    if (is_benign(status))
        return 0;
    mr_seen_call record = seen_call(t, call, context->id, chunk->call.opnum, chunk->call.id);
    record.status = status;
    if (call)
        record.ms = ms_since(e->time_first, call->time);
    return add_call_record(t, MR_SEEN_RETURNED, e->dir, at, &record);
}

/* What the whole reply of a call says. */
static int read_reply(rpc_tap *t, const rpc_call *call, const mr_event *e,
                      const rpc_context *context, mr_slice stub, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;

    if (chunk->sealed || (!call && !chunk->call.known))
        return 0;
    if (context->dcom) {
        int r = mr_dcom_answer(t, e, stub, at);
        return r < 0 || stub.len < 4 ? r : on_status(t, call, e, context, stub, at);
    }
    if (!context->iface)
        return 0;
    if (mr_epm_is(context))
        return mr_epm_answer(t, call, e, context, chunk->call.opnum, stub, at);
    if (stub.len >= 4 && stub.len % 4 == 0 && ends_in_status(context->iface, chunk->call.opnum))
        return on_status(t, call, e, context, stub, at);
    return 0;
}

/* An answer begins. */
static int begin_answer(rpc_tap *t, rpc_call *call, const mr_event *e, uint16_t context_id,
                        uint16_t opnum, uint32_t id, const mr_flow_at *at) {
    if (call->begun)
        return 0;
    call->begun = true;
    note_time(t, row_of(t, call->method),
              e->time_first > call->time ? (e->time_first - call->time) / 1000 : 0);
    uint32_t ms = ms_since(e->time_first, call->time);
    if (ms < MR_SEEN_SLOW_MS)
        return 0;
    mr_seen_call record = seen_call(t, call, context_id, opnum, id);
    record.ms = ms;
    return add_call_record(t, MR_SEEN_SLOW, e->dir, at, &record);
}

/* The answer to a request that was not captured. */
static int count_orphan(rpc_tap *t, const rpc_context *context, uint64_t octets) {
    uint32_t row;
    int r = method_of(t, context, UINT16_MAX, &row);

    t->tap.ctx->totals->calls++;
    t->call_total++;
    if (r == 0 && row_of(t, row)) {
        row_of(t, row)->calls++;
        row_of(t, row)->received += octets;
    }
    return r;
}

static int on_response(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;
    rpc_call *call = find_call(t, chunk->call.id);
    const rpc_context *context = context_of(t, call ? call->context : chunk->call.context);
    bool whole = false;
    mr_slice stub = MR_SLICE_NULL;
    int r = 0;

    t->received += chunk->bytes.len;
    if (call) {
        mr_method_calls *row = row_of(t, call->method);
        if (row)
            row->received += chunk->bytes.len;
        r = begin_answer(t, call, e, call->context, call->opnum, call->id, at);
    } else if (chunk->first) {
        r = count_orphan(t, context, chunk->bytes.len);
        if (r == 0)
            r = mr_rpc_tell_stray(t, at);
    }
    if (r == 0 && (t->tap.ctx->stubs || context->iface || context->dcom))
        r = collect(t, call, e, &whole, &stub);
    if (r == 0 && whole)
        r = read_reply(t, call, e, context, stub, at);
    if (r == 0 && chunk->last && t->tap.ctx->stubs)
        r = tell_stub(t, call, e, context, whole, stub, at);
    if (call && chunk->last)
        end_call(t, call);
    return r;
}

static int on_fault(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_fault *f = &e->u.fault;
    rpc_call *call = find_call(t, f->call.id);
    const mr_seen_eerr *eerr = NULL;
    uint32_t count = mr_eerr_read(t->tap.ctx, f->eerr, &eerr);
    int r = 0;

    t->faults++;
    mr_codes_add(&t->tap.ctx->totals->faults, f->status);
    mr_seen_call record = seen_call(t, call, call ? call->context : f->call.context,
                                    call ? call->opnum : f->call.opnum, f->call.id);
    record.status = f->status;
    record.did_not_execute = f->did_not_execute;
    record.eerr = eerr;
    record.eerr_count = count;
    if (call) {
        mr_method_calls *row = row_of(t, call->method);
        if (row)
            row->faults++;
        record.ms = ms_since(e->time_first, call->time);
        r = begin_answer(t, call, e, call->context, call->opnum, call->id, at);
        end_call(t, call);
    }
    return r < 0 ? r : add_call_record(t, MR_SEEN_FAULT, e->dir, at, &record);
}

/* ---- the rest ---- */

static int on_cancel(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    rpc_call *call = find_call(t, e->u.call.id);
    mr_seen_call record = seen_call(t, call, e->u.call.context, e->u.call.opnum, e->u.call.id);

    if (call)
        record.ms = ms_since(e->time_first, call->time);
    if (call && e->kind == MR_EVENT_ORPHANED)
        end_call(t, call);
    return add_call_record(t, MR_SEEN_CANCEL, e->dir, at, &record);
}

static int on_foreign(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_foreign *f = &e->u.foreign;

    if (t->foreign)
        return 0;
    t->foreign = true;
    const char *text = mr_tap_text(t->tap.ctx, mr_slice_of(f->bytes, f->len));
    mr_seen *seen = add(t, MR_SEEN_FOREIGN, e->dir, at);
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
    mr_seen *seen = add(t, MR_SEEN_DAMAGE, e->dir, at);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.foreign = (mr_seen_foreign){.text = text};
    return 0;
}

static int on_auth3(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    if (!add(t, MR_SEEN_AUTH3, e->dir, at))
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
        return on_request(t, e, at);
    case MR_EVENT_RESPONSE:
        return on_response(t, e, at);
    case MR_EVENT_FAULT:
        return on_fault(t, e, at);
    case MR_EVENT_CANCEL:
    case MR_EVENT_ORPHANED:
        return on_cancel(t, e, at);
    case MR_EVENT_SHUTDOWN:
        return add(t, MR_SEEN_SHUTDOWN, e->dir, at) ? 0 : MR_ERR_MEMORY;
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
        if (r == 0)
            r = on_event(t, &e, at);
    }
    return r;
}

static int start(rpc_tap *t, const mr_flow_at *at) {
    mr_assoc_config config = {
        .role = MR_ROLE_TAP,
        .max_calls = CALLS_MAX,
        .max_events = MR_TAP_EVENTS,
        .ring = t->tap.ctx->ring,
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

/* Whether the server's TCP said that it has the whole request. */
static bool is_acked(const rpc_tap *t, const rpc_call *call) {
    const mr_flow *flow = t->tap.flow;
    int client = flow->turned ? MR_FROM_SERVER : MR_FROM_CLIENT;
    const mr_flow_lane *sent = &flow->lane[client], *back = &flow->lane[!client];
    uint32_t end = sent->start + (uint32_t)(t->base + call->end);

    if (t->tap.via != MR_SEEN_TCP) /* what carries it is all acknowledged, or not */
        end = sent->top;
    return call->whole && back->packets > 0 && (int32_t)(back->ack - end) >= 0;
}

static int tell_unanswered(rpc_tap *t, const rpc_call *call, mr_nsec until) {
    const rpc_context *context = context_of(t, call->context);
    mr_method_calls *row = row_of(t, call->method);

    t->unanswered++;
    t->tap.ctx->totals->unanswered++;
    if (row)
        row->unanswered++;
    mr_seen_call record = seen_call(t, call, context->id, call->opnum, call->id);
    record.ms = ms_since(until, call->time);
    record.acked = is_acked(t, call);
    /* of a fragment that is not complete nobody knows whose answer it is: it may be this one's */
    record.partial = call->begun || t->fed[MR_DIR_TO_CLIENT] > t->next[MR_DIR_TO_CLIENT];
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_UNANSWERED, MR_DIR_TO_SERVER, call->packet,
                               call->time);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.call = record;
    return 0;
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
    for (uint32_t i = 0; i < t->call_count && (r >= 0 || r != MR_ERR_MEMORY); i++)
        r = tell_unanswered(t, &t->calls[i], now);
    endp->calls = t->call_total;
    endp->faults = t->faults;
    endp->unanswered = t->unanswered;
    endp->requests_bytes = t->sent;
    endp->replies_bytes = t->received;
    endp->median_us = flow_time(t, 500);
    endp->p99_us = flow_time(t, 990);
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

    for (uint32_t i = 0; i < t->call_count; i++)
        free_stubs(&t->calls[i]);
    free(t->calls);
    if (t->made)
        mr_assoc_deinit(&t->assoc);
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
