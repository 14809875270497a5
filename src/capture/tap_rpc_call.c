/*
 * The calls of a watched association: what is in flight, what it means (context, interface,
 * method), how long answers take, and what becomes of each: answered, faulted, cancelled, never
 * answered.
 */
#include "tap_rpc.h"

#include <stdlib.h>

#include "totals.h"

#define NO_METHOD UINT32_MAX

/* ---- what is in flight ---- */

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

/* Of connections at rest nobody holds calls: room for one goes around, more is freed. */
static void give_calls(rpc_tap *t) {
    if (t->call_room == 1 && !t->tap.ctx->calls)
        t->tap.ctx->calls = t->calls;
    else
        free(t->calls);
    t->calls = NULL;
    t->call_room = 0;
}

static void end_call(rpc_tap *t, rpc_call *call) {
    free_stubs(call);
    t->call_count--;
    memmove(call, call + 1, (size_t)(&t->calls[t->call_count] - call) * sizeof *call);
    if (t->call_count == 0)
        give_calls(t);
}

static rpc_call *add_call(rpc_tap *t, uint32_t id) {
    if (t->call_count == MR_RPC_CALLS_MAX)
        end_call(t, &t->calls[0]);
    if (t->call_room == 0 && t->tap.ctx->calls) {
        t->calls = t->tap.ctx->calls;
        t->tap.ctx->calls = NULL;
        t->call_room = 1;
    }
    if (t->call_count == t->call_room) {
        uint16_t room = t->call_room ? (uint16_t)(t->call_room * 4) : 1;
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

/* ---- times ---- */

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

/* The answers of each class; of few of them put together in @room. */
static const uint16_t *times_of(const rpc_tap *t, uint16_t room[MR_RPC_FLOW_TIMES]) {
    if (t->times)
        return t->times;
    memset(room, 0, MR_RPC_FLOW_TIMES * sizeof *room);
    for (int i = 0; i < t->first_count; i++)
        room[t->first_times[i]]++;
    return room;
}

/* One more answer of @class. 0 or MR_ERR_MEMORY. */
static int add_time(rpc_tap *t, uint32_t class) {
    if (!t->times && t->first_count < MR_RPC_FIRST_TIMES) {
        t->first_times[t->first_count++] = (uint8_t)class;
        return 0;
    }
    if (!t->times) {
        uint16_t *times = malloc(MR_RPC_FLOW_TIMES * sizeof *times);
        if (!times)
            return MR_ERR_MEMORY;
        times_of(t, times);
        t->times = times;
    }
    if (t->times[class] == UINT16_MAX)
        for (int i = 0; i < MR_RPC_FLOW_TIMES; i++)
            t->times[i] /= 2;
    t->times[class]++;
    return 0;
}

uint32_t mr_rpc_flow_time(const rpc_tap *t, uint32_t permille) {
    uint16_t room[MR_RPC_FLOW_TIMES];
    const uint16_t *times = times_of(t, room);
    uint64_t have = 0, all = 0;

    for (int i = 0; i < MR_RPC_FLOW_TIMES; i++)
        all += times[i];
    for (uint32_t i = 0; i < MR_RPC_FLOW_TIMES; i++) {
        have += times[i];
        if (all == 0 || have * 1000 < all * permille || have == 0)
            continue;
        uint32_t us = time_of_class(i);
        return us < t->max_us ? us : t->max_us;
    }
    return t->max_us;
}

/* An answer came @us after its request. 0 or MR_ERR_MEMORY. */
static int note_time(rpc_tap *t, mr_method_calls *row, uint64_t us64) {
    uint32_t us = us64 < UINT32_MAX ? (uint32_t)us64 : UINT32_MAX;

    t->tap.ctx->totals->answered++;
    if (us > t->max_us)
        t->max_us = us;
    if (row)
        mr_times_add(&row->times, us);
    return add_time(t, time_class(us));
}

/* ---- records ---- */

mr_seen_call mr_rpc_seen_call(rpc_tap *t, const rpc_call *call, uint16_t context_id,
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

int mr_rpc_add_call_record(rpc_tap *t, enum mr_seen_kind kind, enum mr_dir dir,
                           const mr_flow_at *at, const mr_seen_call *c) {
    mr_seen *seen = rpc_add(t, kind, dir, at);

    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.call = *c;
    return 0;
}

/* What seals the stub as far as it came; @call may be NULL. */
static uint8_t note_seal(const rpc_tap *t, rpc_call *call, const mr_event *e) {
    uint8_t seal = (uint8_t)mr_rpc_seal(t, e);

    if (!call)
        return seal;
    if (e->u.chunk.first || seal > call->seal[e->dir])
        call->seal[e->dir] = seal;
    return call->seal[e->dir];
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

int mr_rpc_on_request(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
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
    bool open = note_seal(t, call, e) <= MR_SEAL_OPENED;
    bool epm = open && mr_epm_is(context);
    bool keys = open && mr_rpc_tells_keys(t, context, call->opnum);
    if (epm || keys || t->tap.ctx->stubs) {
        bool whole;
        mr_slice stub = MR_SLICE_NULL;
        r = mr_rpc_collect(call, e, &whole, &stub);
        if (r == 0 && whole && epm)
            mr_epm_question(t, call, context, stub, e->big);
        if (r == 0 && whole && keys)
            mr_rpc_tell_keys(t, call, e, context, stub);
        if (r == 0 && chunk->last && t->tap.ctx->stubs)
            r = mr_rpc_tell_stub(t, call, e, context, whole, stub, at);
    }
    if (chunk->last && chunk->call.maybe)
        end_call(t, call);
    return r;
}

/* ---- answers ---- */

/* An answer begins. */
static int begin_answer(rpc_tap *t, rpc_call *call, const mr_event *e, uint16_t context_id,
                        uint16_t opnum, uint32_t id, const mr_flow_at *at) {
    if (call->begun)
        return 0;
    call->begun = true;
    int r = note_time(t, row_of(t, call->method),
                      e->time_first > call->time ? (e->time_first - call->time) / 1000 : 0);
    uint32_t ms = rpc_ms_since(e->time_first, call->time);
    if (r < 0 || ms < MR_SEEN_SLOW_MS)
        return r;
    mr_seen_call record = mr_rpc_seen_call(t, call, context_id, opnum, id);
    record.ms = ms;
    return mr_rpc_add_call_record(t, MR_SEEN_SLOW, e->dir, at, &record);
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

int mr_rpc_on_response(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;
    rpc_call *call = find_call(t, chunk->call.id);
    const rpc_context *context = context_of(t, call ? call->context : chunk->call.context);
    bool whole = false, open = note_seal(t, call, e) <= MR_SEAL_OPENED;
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
        r = mr_rpc_collect(call, e, &whole, &stub);
    if (r == 0 && whole && open)
        r = mr_rpc_read_reply(t, call, e, context, stub, at);
    if (r == 0 && whole && open && call && mr_rpc_tells_keys(t, context, call->opnum))
        mr_rpc_tell_keys(t, call, e, context, stub);
    if (r == 0 && chunk->last && t->tap.ctx->stubs)
        r = mr_rpc_tell_stub(t, call, e, context, whole, stub, at);
    if (call && chunk->last)
        end_call(t, call);
    return r;
}

int mr_rpc_on_fault(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_fault *f = &e->u.fault;
    rpc_call *call = find_call(t, f->call.id);
    const mr_seen_eerr *eerr = NULL;
    uint32_t count = mr_eerr_read(t->tap.ctx, f->eerr, &eerr);
    int r = 0;

    t->faults++;
    mr_codes_add(&t->tap.ctx->totals->faults, f->status);
    mr_seen_call record = mr_rpc_seen_call(t, call, call ? call->context : f->call.context,
                                    call ? call->opnum : f->call.opnum, f->call.id);
    record.status = f->status;
    record.did_not_execute = f->did_not_execute;
    record.eerr = eerr;
    record.eerr_count = count;
    if (call) {
        mr_method_calls *row = row_of(t, call->method);
        if (row)
            row->faults++;
        record.ms = rpc_ms_since(e->time_first, call->time);
        r = begin_answer(t, call, e, call->context, call->opnum, call->id, at);
        end_call(t, call);
    }
    return r < 0 ? r : mr_rpc_add_call_record(t, MR_SEEN_FAULT, e->dir, at, &record);
}

int mr_rpc_on_cancel(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_event_call *of = &e->u.call;
    rpc_call *call = find_call(t, of->id);
    mr_seen_call record = mr_rpc_seen_call(t, call, of->context, of->opnum, of->id);

    if (call)
        record.ms = rpc_ms_since(e->time_first, call->time);
    if (call && e->kind == MR_EVENT_ORPHANED)
        end_call(t, call);
    return mr_rpc_add_call_record(t, MR_SEEN_CANCEL, e->dir, at, &record);
}

/* ---- the end ---- */

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
    mr_seen_call record = mr_rpc_seen_call(t, call, context->id, call->opnum, call->id);
    record.ms = rpc_ms_since(until, call->time);
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

int mr_rpc_tell_unanswered(rpc_tap *t, mr_nsec until) {
    int r = 0;

    for (uint32_t i = 0; i < t->call_count && r == 0; i++)
        r = tell_unanswered(t, &t->calls[i], until);
    return r;
}

void mr_rpc_free_calls(rpc_tap *t) {
    for (uint32_t i = 0; i < t->call_count; i++)
        free_stubs(&t->calls[i]);
    free(t->calls);
    free(t->times);
}
