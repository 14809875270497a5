/*
 * What an association sends. Control PDUs are written into @out at once; stubs stay with their
 * caller and are cut into fragments, and protected, when pull asks for octets: so the provider's
 * sequence numbers follow the wire, and a slow reader costs no memory (C706 12.6.2.1, MS-RPCE
 * 3.3.1.5.4). @out goes before any fragment; calls are sent one after the other, in order.
 */
#include "state.h"

mr_pdu_header mr_send_header(uint32_t call_id, uint8_t flags) {
    return (mr_pdu_header){.flags = flags, .call_id = call_id};
}

static int written(mr_assoc_state *s, int rc) {
    if (rc == 0)
        rc = mr_buf_error(&s->side->out);
    return rc < 0 ? mr_state_fail_code(s, rc, "a control PDU could not be written") : 0;
}

int mr_send_fault(mr_assoc_state *s, uint32_t call_id, uint16_t context, uint32_t status,
                  uint8_t flags, mr_slice eerr) {
    mr_pdu_header h =
        mr_send_header(call_id, flags | MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG);
    /* the hint counts the fault's own header, too, as Windows' does (MS-RPCE 2.2.2.8) */
    mr_pdu_fault fault = {
        .alloc_hint = (uint32_t)(mr_pdu_stub_offset(MR_PTYPE_FAULT, 0) + eerr.len),
        .context_id = context,
        .flags = eerr.len > 0 ? MR_FAULT_EXTENDED_ERROR : 0,
        .status = status,
        .stub = eerr,
    };

    return written(s, mr_pdu_encode_fault(&s->side->out, &h, &fault));
}

int mr_send_bind_nak(mr_assoc_state *s, uint32_t call_id, uint16_t reason, mr_slice eerr) {
    /* 5.1 is understood but not told, as Windows does not tell it (C706 12.6.4.5) */
    static const uint8_t versions[] = {5, 0};
    mr_pdu_header h = mr_send_header(call_id, MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG);
    mr_pdu_bind_nak nak = {
        .reason = reason,
        .version_count = 1,
        .versions = {versions, sizeof versions},
        .has_extended_error = eerr.len > 0,
        .extended_error = eerr,
    };

    return written(s, mr_pdu_encode_bind_nak(&s->side->out, &h, &nak));
}

int mr_send_control(mr_assoc_state *s, uint8_t ptype, uint32_t call_id) {
    mr_pdu_header h = mr_send_header(call_id, MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG);
    int rc = ptype == MR_PTYPE_CO_CANCEL  ? mr_pdu_encode_cancel(&s->side->out, &h)
             : ptype == MR_PTYPE_ORPHANED ? mr_pdu_encode_orphaned(&s->side->out, &h)
                                          : mr_pdu_encode_shutdown(&s->side->out, &h);
    return written(s, rc);
}

/* ---- commands ---- */

static int fail_call(mr_error *err, int code, uint32_t call_id, const char *text) {
    return mr_fail(err, code, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET, "call %u: %s", call_id, text);
}

static int check_role(const mr_assoc_state *s, enum mr_role role, mr_error *err) {
    if (s->failed)
        return mr_state_failed(s, err);
    if (s->config.role != role)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "this belongs to the other role");
    if (s->side->out.len > MR_OUT_HIGH)
        return mr_fail(err, MR_ERR_BUSY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "pull the output first");
    return 0;
}

/* May this call begin? *@slotp is its security context, NULL when there is none. */
static int check_request(mr_assoc_state *s, const mr_assoc_call *call, mr_slot **slotp,
                         mr_error *err) {
    mr_slot *slot = s->slot_count > 0 ? mr_slot_find(s, call->auth) : NULL;
    int rc = check_role(s, MR_ROLE_CLIENT, err);

    if (rc < 0)
        return rc;
    if (!s->ready || s->shut)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       s->shut ? "the server asked for the connection to be closed"
                               : "the association is not ready for calls");
    if (!mr_state_find_bound(s, call->context))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "presentation context %u was not accepted", call->context);
    if (s->slot_count > 0 && (!slot || slot->phase != MR_SLOT_DONE))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "security context %u is not established", call->auth);
    if (mr_call_full(s) || (!s->multiplex && s->call_count > 0))
        return mr_fail(err, MR_ERR_BUSY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       s->multiplex ? "%u calls are in flight, which is the limit"
                                    : "%u call is in flight and multiplexing was not agreed",
                       s->call_count);
    *slotp = slot;
    return 0;
}

static void give_stub(mr_assoc_state *s, mr_call *call, mr_slice stub, bool more) {
    call->stub = stub;
    call->out_more = more;
    if (stub.len > 0 || !more)
        mr_call_queue(s, call);
}

int mr_assoc_request(mr_assoc *a, const mr_assoc_call *call, mr_slice stub, uint32_t *call_idp,
                     mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_slot *slot = NULL;
    int rc = check_request(s, call, &slot, err);

    if (rc < 0)
        return rc;
    /* ids that wrap around must not meet a call still in flight */
    while (mr_call_find(s, s->side->next_call))
        s->side->next_call++;
    mr_call *c = mr_call_add(s, s->side->next_call);
    if (!c)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no memory for a call");
    s->side->next_call++;
    c->info.known = true;
    c->info.context = call->context;
    c->info.opnum = call->opnum;
    c->info.maybe = call->maybe;
    c->info.has_object = call->object != NULL;
    if (call->object)
        c->info.object = *call->object;
    c->secured = slot && mr_auth_level_protects(slot->level);
    c->auth = call->auth;
    c->alloc_hint = call->alloc_hint;
    give_stub(s, c, stub, call->more);
    *call_idp = c->info.id;
    return 0;
}

int mr_assoc_cancel(mr_assoc *a, uint32_t call_id, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_call *call = mr_call_find(s, call_id);
    int rc = check_role(s, MR_ROLE_CLIENT, err);

    if (rc < 0)
        return rc;
    if (!call)
        return fail_call(err, MR_ERR_NOT_FOUND, call_id, "not in flight");
    if (!call->out_begun) {
        call->cancelled = true; /* a co_cancel follows the first fragment */
        return 0;
    }
    return mr_send_control(s, MR_PTYPE_CO_CANCEL, call_id) < 0 ? mr_state_failed(s, err) : 0;
}

int mr_assoc_orphan(mr_assoc *a, uint32_t call_id, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_call *call = mr_call_find(s, call_id);
    int rc = check_role(s, MR_ROLE_CLIENT, err);

    if (rc < 0)
        return rc;
    if (!call)
        return fail_call(err, MR_ERR_NOT_FOUND, call_id, "not in flight");
    if (call->out_begun) {
        s->side->orphans = true;
        rc = mr_send_control(s, MR_PTYPE_ORPHANED, call_id);
    }
    mr_call_end(s, call);
    return rc < 0 ? mr_state_failed(s, err) : 0;
}

int mr_assoc_reply(mr_assoc *a, uint32_t call_id, mr_slice stub, bool more, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_call *call = mr_call_find(s, call_id);

    if (s->failed)
        return mr_state_failed(s, err);
    if (s->config.role != MR_ROLE_SERVER || !call || call->refused)
        return fail_call(err, MR_ERR_NOT_FOUND, call_id, "not in flight");
    if (!call->way[MR_DIR_TO_SERVER].done || call->queued || call->out_begun || call->out_more)
        return fail_call(err, MR_ERR_STATE, call_id,
                         "its request is incomplete or its reply has begun");
    give_stub(s, call, stub, more);
    return 0;
}

int mr_assoc_fault(mr_assoc *a, uint32_t call_id, uint32_t status, bool did_not_execute,
                   mr_slice eerr, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_call *call = mr_call_find(s, call_id);
    int rc = check_role(s, MR_ROLE_SERVER, err);

    if (rc < 0)
        return rc;
    if (!call || call->refused)
        return fail_call(err, MR_ERR_NOT_FOUND, call_id, "not in flight");
    if (eerr.len > s->xmit_frag - mr_pdu_stub_offset(MR_PTYPE_FAULT, 0))
        eerr = MR_SLICE_NULL; /* a fault is one fragment: better without its detail than not */
    if (!call->orphaned && !call->info.maybe)
        rc = mr_send_fault(s, call_id, call->info.context, status,
                           did_not_execute ? MR_PFC_DID_NOT_EXECUTE : 0, eerr);
    if (call->way[MR_DIR_TO_SERVER].done)
        mr_call_end(s, call);
    else
        call->refused = true;
    return rc < 0 ? mr_state_failed(s, err) : 0;
}

int mr_assoc_shutdown(mr_assoc *a, mr_error *err) {
    mr_assoc_state *s = a->state;
    int rc = check_role(s, MR_ROLE_SERVER, err);

    if (rc < 0)
        return rc;
    return mr_send_control(s, MR_PTYPE_SHUTDOWN, 0) < 0 ? mr_state_failed(s, err) : 0;
}

int mr_assoc_add_stub(mr_assoc *a, uint32_t call_id, mr_slice stub, bool more, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_call *call = mr_call_find(s, call_id);

    if (s->failed)
        return mr_state_failed(s, err);
    if (!call || call->refused)
        return fail_call(err, MR_ERR_NOT_FOUND, call_id, "not in flight");
    if (call->queued)
        return fail_call(err, MR_ERR_BUSY, call_id, "the last part of its stub is not sent yet");
    if (!call->out_more)
        return fail_call(err, MR_ERR_STATE, call_id, "its stub is complete");
    give_stub(s, call, stub, more);
    return 0;
}

void mr_assoc_release(mr_assoc *a, uint32_t call_id, size_t octets) {
    mr_assoc_state *s = a->state;
    mr_call *call = mr_call_find(s, call_id);

    if (!call)
        return;
    if (octets > call->held)
        octets = call->held;
    call->held -= octets;
    s->held -= octets;
}

/* ---- fragments ---- */

static uint8_t frag_flags(const mr_assoc_state *s, const mr_call *call, bool last) {
    uint8_t flags = call->out_begun ? 0 : MR_PFC_FIRST_FRAG;

    if (last)
        flags |= MR_PFC_LAST_FRAG;
    if (s->config.role == MR_ROLE_SERVER)
        return flags;
    if (call->info.maybe)
        flags |= MR_PFC_MAYBE;
    if (call->info.has_object)
        flags |= MR_PFC_OBJECT_UUID;
    return flags;
}

static int encode_frag(mr_assoc_state *s, const mr_call *call, uint8_t flags, mr_slice part) {
    mr_pdu_header h = mr_send_header(call->info.id, flags);
    uint32_t left = call->alloc_hint ? call->alloc_hint : (uint32_t)call->stub.len;

    if (s->config.role == MR_ROLE_SERVER) {
        /* Windows answers with the low octet of the context's id; it is the call id that tells
         * which request is answered (C706 12.6.4.10) */
        mr_pdu_response r = {
            .alloc_hint = left, .context_id = call->info.context & 0xff, .stub = part};
        return mr_pdu_encode_response(&s->side->wire, &h, &r);
    }
    mr_pdu_request r = {
        .alloc_hint = left,
        .context_id = call->info.context,
        .opnum = call->info.opnum,
        .has_object = call->info.has_object,
        .object = call->info.object,
        .stub = part,
    };
    return mr_pdu_encode_request(&s->side->wire, &h, &r);
}

/* Makes room for all fragments that @wire is to take of @call, @room octets of stub in each, and
 * not fragment by fragment. */
static void reserve(mr_assoc_state *s, const mr_call *call, size_t room) {
    size_t octets = call->stub.len / room * s->xmit_frag;

    if (s->side->wire.len == 0 && octets > 0)
        (void)mr_buf_reserve(&s->side->wire, (octets < MR_PULL_TARGET ? octets : MR_PULL_TARGET) +
                                           s->xmit_frag);
}

/* Cuts the next fragment of @call into @wire. */
static int cut(mr_assoc_state *s, mr_call *call, mr_error *err) {
    bool server = s->config.role == MR_ROLE_SERVER;
    uint8_t ptype = server ? MR_PTYPE_RESPONSE : MR_PTYPE_REQUEST;
    mr_slot *slot = call->secured ? mr_slot_find(s, call->auth) : NULL;
    size_t over = mr_pdu_stub_offset(ptype, frag_flags(s, call, false));
    size_t block = 8; /* all fragments but the last hold a multiple (C706 12.6.2.1) */
    size_t at = s->side->wire.len;
    int rc;

    if (slot && !mr_auth_level_protects(slot->level))
        slot = NULL;
    if (slot) {
        over += MR_PDU_AUTH_SIZE + slot->sec->class->sizes(slot->sec, slot->level);
        block = 16;
    }
    if (over + block > s->xmit_frag)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "fragments of %u octets have no room for their verifier", s->xmit_frag);
    size_t room = (s->xmit_frag - over) & ~(block - 1);
    size_t n = call->stub.len < room ? call->stub.len : room;
    bool last = n == call->stub.len && !call->out_more;
    uint8_t flags = frag_flags(s, call, last);
    reserve(s, call, room);
    rc = encode_frag(s, call, flags, mr_slice_sub(call->stub, 0, n));
    if (rc < 0)
        mr_fail(err, rc, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET, "no memory for a fragment");
    else if (slot)
        rc = mr_fragment_protect(s, slot, &s->side->wire, at, ptype, flags,
                                 server ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER, err);
    if (rc < 0) {
        s->side->wire.len = at; /* what was cut before is still sent */
        return rc;
    }
    if (!call->out_begun && !server)
        call->info.started = s->now;
    call->out_begun = true;
    if (call->cancelled) { /* it goes before any further fragment that is cut */
        call->cancelled = false;
        rc = mr_send_control(s, MR_PTYPE_CO_CANCEL, call->info.id);
    }
    call->out_done = last;
    call->stub = mr_slice_sub(call->stub, n, SIZE_MAX);
    call->alloc_hint = call->alloc_hint > n ? call->alloc_hint - (uint32_t)n : 0;
    return rc;
}

/* The stub given so far is on its way: tell, and end the call when nothing follows. */
static void finish_part(mr_assoc_state *s, mr_call *call) {
    bool server = s->config.role == MR_ROLE_SERVER;
    mr_event event =
        mr_state_event(s, MR_EVENT_SENT, server ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER);

    mr_call_unqueue(s, call);
    event.u.call = call->info;
    event.offset = s->side->sent + s->side->wire.len;
    mr_state_push(s, &event);
    if (call->out_done && (server || call->info.maybe))
        mr_call_end(s, call);
}

/* Whether the server's reply to @call goes nowhere. */
static bool is_dropped(const mr_assoc_state *s, const mr_call *call) {
    return s->config.role == MR_ROLE_SERVER && (call->orphaned || call->info.maybe);
}

static int cut_calls(mr_assoc_state *s, mr_error *err) {
    while (s->side->out_first && s->side->wire.len < MR_PULL_TARGET && mr_state_event_room(s) > 1) {
        mr_call *call = s->side->out_first;
        if (is_dropped(s, call)) {
            call->stub = MR_SLICE_NULL;
            call->out_done = !call->out_more;
        } else {
            int rc = cut(s, call, err);
            if (rc < 0)
                return rc;
        }
        if (call->stub.len == 0 && (call->out_done || call->out_more))
            finish_part(s, call);
    }
    return 0;
}

int mr_assoc_pull(mr_assoc *a, mr_nsec now, mr_slice *outp, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_error detail = MR_ERROR_INIT;
    int rc = 0;

    s->now = now;
    if (!s->side) {
        *outp = MR_SLICE_NULL;
        return 0;
    }
    mr_buf_reset(&s->side->wire);
    if (s->side->out.len > 0) {
        mr_buf full = s->side->out;
        s->side->out = s->side->wire;
        s->side->wire = full;
    } else if (!s->failed) {
        rc = cut_calls(s, &detail);
    }
    if (rc < 0)
        mr_state_fail(s, NULL, &detail);
    if (s->side->wire.len == 0 && rc < 0)
        return mr_state_failed(s, err);
    s->side->sent += s->side->wire.len;
    *outp = mr_buf_slice(&s->side->wire);
    return 0;
}

bool mr_assoc_has_output(const mr_assoc *a) {
    const mr_assoc_state *s = a->state;

    return s->side &&
           (s->side->out.len > 0 || (!s->failed && s->side->out_first != NULL));
}
