/*
 * Stubs of a watched association: collected where somebody wants them, and what a whole reply says
 * of itself (the mapper's answers, DCOM's endpoints, a status at its end).
 */
#include "tap_rpc.h"

#include <stdlib.h>

#define STUB_MAX ((size_t)1 << 20)

int mr_rpc_collect(rpc_call *call, const mr_event *e, bool *wholep, mr_slice *stubp) {
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
    int kept = r < 0 ? r : mr_stub_keep(*stub); /* also the last: another may come behind it */
    if (kept == MR_ERR_MEMORY)
        return kept;
    if (r == MR_STUB_COMPLETE && kept == 0) {
        *wholep = true;
        *stubp = mr_stub_get(*stub);
    }
    return 0;
}

int mr_rpc_tell_stub(rpc_tap *t, const rpc_call *call, const mr_event *e,
                     const rpc_context *context, bool whole, mr_slice stub, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;

    if (!whole)
        stub = call && call->stub[e->dir] ? mr_stub_get(call->stub[e->dir]) : chunk->bytes;
    uint8_t *copy = mr_tap_alloc(t->tap.ctx, stub.len, 1);
    mr_seen *seen = rpc_add(t, MR_SEEN_STUB, e->dir, at);
    if (!seen || !copy)
        return MR_ERR_MEMORY;
    if (stub.len > 0)
        memcpy(copy, stub.data, stub.len);
    seen->u.stub = (mr_seen_stub){
        .interface = context->interface,
        .version = context->version,
        .known = context->known,
        .opnum = call ? call->opnum : chunk->call.opnum,
        .unasked = !call && !chunk->call.known,
        .ndr64 = context->ndr64,
        .big = e->big,
        .seal = call ? call->seal[e->dir] : (uint8_t)mr_rpc_seal(t, e),
        .cut = !whole,
        .id = chunk->call.id,
        .request = call ? call->packet : 0,
        .bytes = mr_slice_of(copy, stub.len),
    };
    return 0;
}

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
    mr_seen_call record = mr_rpc_seen_call(t, call, context->id, chunk->call.opnum, chunk->call.id);
    record.status = status;
    if (call)
        record.ms = rpc_ms_since(e->time_first, call->time);
    return mr_rpc_add_call_record(t, MR_SEEN_RETURNED, e->dir, at, &record);
}

int mr_rpc_read_reply(rpc_tap *t, const rpc_call *call, const mr_event *e,
                      const rpc_context *context, mr_slice stub, const mr_flow_at *at) {
    const mr_event_chunk *chunk = &e->u.chunk;

    if (!call && !chunk->call.known)
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
