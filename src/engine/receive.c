/*
 * PDUs of calls become events (C706 12.6.4.6-12.6.4.11, MS-RPCE 3.3.1.5.4). Every fragment is
 * verified first. A server answers what breaks the protocol with a fault and ends; a client ends; a
 * tap reports and goes on. Requests for contexts that were not accepted get nca_s_unk_if and leave
 * the association alone.
 */
#include "state.h"

#define AT_PTYPE 2
#define AT_FLAGS 3
#define AT_AUTH_LENGTH 10
#define AT_CALL_ID 12
#define AT_CONTEXT 20

static const char not_begun[] = "a fragment goes on with a request that was not begun";
static const char interleaved[] =
    "the client interleaves requests though multiplexing was not agreed";

static bool is_first(const mr_in *in) {
    return in->pdu->header.flags & MR_PFC_FIRST_FRAG;
}
static bool is_last(const mr_in *in) {
    return in->pdu->header.flags & MR_PFC_LAST_FRAG;
}

/* The association breaks off: a server says so with a fault. A tap only reports. What is no
 * request is answered as not executed; whether a request was begun, Windows leaves open. */
static int break_off(mr_in *in, int code, size_t pdu_offset, const char *text) {
    mr_assoc_state *s = in->s;

    if (s->config.role == MR_ROLE_SERVER)
        mr_send_fault(s, in->pdu->header.call_id, 0, MR_FAULT_PROTO_ERROR,
                      MR_PFC_DID_NOT_EXECUTE, MR_SLICE_NULL);
    return mr_state_violation(in, code, pdu_offset, "%s", text);
}

/* A server breaks off because of requests: the fault is for @call, or without one for the call and
 * context 0 that @in names. */
static int break_request(mr_in *in, const mr_call *call, size_t pdu_offset, const char *text) {
    mr_send_fault(in->s, call ? call->info.id : in->pdu->header.call_id,
                  call ? call->info.context : 0, MR_FAULT_PROTO_ERROR, 0, MR_SLICE_NULL);
    return mr_state_violation(in, MR_ERR_PROTOCOL, pdu_offset, "%s", text);
}

/* A fragment that could not be verified ends a live association. */
static int forged(mr_in *in, const mr_call *begun, mr_error *err) {
    mr_assoc_state *s = in->s;
    bool denied = err->floor == MR_FLOOR_ENGINE;

    if (s->config.role == MR_ROLE_SERVER)
        mr_send_fault(s, in->pdu->header.call_id,
                      begun ? begun->info.context : in->pdu->u.request.context_id,
                      denied ? MR_FAULT_ACCESS_DENIED : MR_FAULT_SEC_PKG_ERROR, 0,
                      MR_SLICE_NULL);
    err->offset = (size_t)in->event.offset + in->pdu->auth.offset;
    return mr_state_fail(s, &in->event, err);
}

/* Hands on a stub chunk and counts it. */
static void push_chunk(mr_in *in, mr_call *call, enum mr_event_kind kind, uint32_t alloc_hint) {
    mr_assoc_state *s = in->s;
    mr_way *way = &call->way[in->dir];
    mr_event_chunk *chunk = &in->event.u.chunk;

    in->event.kind = kind;
    *chunk = (mr_event_chunk){
        .call = call->info,
        .first = is_first(in),
        .last = is_last(in),
        .damaged = way->damaged,
        .sealed = in->sealed,
        .alloc_hint = alloc_hint,
        .at = way->at,
        .bytes = in->stub,
    };
    if (kind == MR_EVENT_RESPONSE)
        chunk->cancel_count = in->pdu->u.response.cancel_count;
    else
        chunk->pending_cancel =
            chunk->first && (in->pdu->header.flags & MR_PFC_PENDING_CANCEL) != 0;
    way->at += in->stub.len;
    way->begun = true;
    way->done = is_last(in);
    if (!mr_state_is_tap(s)) {
        call->held += in->stub.len;
        s->held += in->stub.len;
    }
    mr_state_push(s, &in->event);
}

/* ---- request ---- */

/* Whether there is a security context that protects, or fails. */
static bool server_is_guarded(const mr_assoc_state *s) {
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const mr_slot *slot = &s->guard->slots[i];
        if (mr_auth_level_protects(slot->level) || slot->phase != MR_SLOT_DONE)
            return true;
    }
    return false;
}

/* The oldest request whose last fragment has not come. */
static const mr_call *find_open(const mr_assoc_state *s) {
    for (const mr_call *call = s->calls; call; call = call->next)
        if (!call->way[MR_DIR_TO_SERVER].done)
            return call;
    return NULL;
}

static mr_call *add_call(mr_in *in) {
    mr_assoc_state *s = in->s;
    mr_call *call = mr_call_add(s, in->pdu->header.call_id);

    if (!call) {
        mr_state_fail_code(s, MR_ERR_MEMORY, "no memory for a call");
        return NULL;
    }
    call->info.started = in->event.time_first;
    return call;
}

static void set_request(mr_in *in, mr_call *call) {
    const mr_pdu_request *r = &in->pdu->u.request;

    call->info.known = true;
    call->info.context = r->context_id;
    call->info.opnum = r->opnum;
    call->info.has_object = r->has_object;
    call->info.object = r->has_object ? r->object : MR_UUID_NIL;
    call->info.maybe = in->pdu->header.flags & MR_PFC_MAYBE;
    call->secured = in->pdu->has_auth;
    call->auth = in->pdu->auth.context_id;
}

/* A server's checks of a request's first fragment. */
static int check_first(mr_in *in, const mr_call *same) {
    mr_assoc_state *s = in->s;

    const mr_call *open = find_open(s);

    if (same)
        return break_request(in, same, AT_CALL_ID,
                             "the client begins a call with the id of one in flight");
    /* the fault is for the call that was left alone */
    if (!s->multiplex && open)
        return break_request(in, open, AT_CALL_ID, interleaved);
    if (open && !mr_state_find_bound(s, in->pdu->u.request.context_id))
        return break_request(in, NULL, AT_CONTEXT,
                             "a request for an unknown context comes between those of another");
    /* a call that was cancelled before it began cannot be there (MS-RPCE 3.3.1.5.4) */
    if (in->pdu->header.flags & MR_PFC_PENDING_CANCEL) {
        mr_send_fault(s, in->pdu->header.call_id, 0, MR_FAULT_NO_CALL_ACTIVE,
                      MR_PFC_DID_NOT_EXECUTE, MR_SLICE_NULL);
        return mr_state_violation(in, MR_ERR_PROTOCOL, AT_FLAGS,
                                  "the client begins a call that it has cancelled");
    }
    return 0;
}

/* A server's checks of a further fragment. */
static int check_further(mr_in *in, const mr_call *call) {
    const mr_pdu_request *r = &in->pdu->u.request;

    if (!call || call->way[MR_DIR_TO_SERVER].done) {
        mr_send_fault(in->s, in->pdu->header.call_id,
                      in->s->multiplex && in->pdu->has_auth ? r->context_id : 0,
                      MR_FAULT_PROTO_ERROR, 0, MR_SLICE_NULL);
        return mr_state_violation(in, MR_ERR_PROTOCOL, AT_FLAGS, "%s", not_begun);
    }
    if (call->secured)
        return 0; /* its verifier tells where it belongs */
    if (r->context_id != call->info.context || r->opnum != call->info.opnum)
        return break_request(in, call, AT_CONTEXT,
                             "a fragment names another context or operation than its request");
    return 0;
}

/* A context that was not accepted: a fault that names none, and the rest of the request is
 * dropped. */
static int refuse_call(mr_in *in, mr_call *call) {
    mr_assoc_state *s = in->s;
    int rc = 0;

    if (!call->info.maybe)
        rc = mr_send_fault(s, call->info.id, 0, MR_FAULT_UNKNOWN_IF, MR_PFC_DID_NOT_EXECUTE,
                           MR_SLICE_NULL);
    call->refused = true;
    if (is_last(in))
        mr_call_end(s, call);
    return rc;
}

/* What comes before any verifier is looked at; positive: the fragment is dropped. Windows sees to
 * the order of fragments first, even of those that nobody vouches for. */
static int check_order(mr_in *in, const mr_call *call, bool guarded) {
    mr_assoc_state *s = in->s;
    const mr_call *open = find_open(s);
    bool has_auth = in->pdu->has_auth;
    bool known = mr_state_find_bound(s, in->pdu->u.request.context_id);

    if (call && !call->way[MR_DIR_TO_SERVER].done)
        return call->secured && !has_auth
                   ? break_request(in, call, AT_AUTH_LENGTH,
                                   "a fragment of a protected request has no verifier")
                   : 0;
    if (call || !guarded)
        return 0;
    if (!s->multiplex && open)
        return break_request(in, open, AT_CALL_ID, interleaved);
    if (open && (!known || !has_auth))
        return break_request(in, NULL, AT_CONTEXT,
                             "a request that stands on nothing comes between those of another");
    if (is_first(in))
        return 0;
    if (!s->multiplex)
        return break_request(in, NULL, AT_FLAGS, not_begun);
    if (known)
        return 0;
    int rc = mr_send_fault(s, in->pdu->header.call_id, 0, MR_FAULT_UNKNOWN_IF,
                           MR_PFC_DID_NOT_EXECUTE, MR_SLICE_NULL);
    return rc < 0 ? rc : 1;
}

static int serve_request(mr_in *in, mr_call *call) {
    mr_assoc_state *s = in->s;
    int rc;

    if (call && call->refused && !is_first(in)) {
        if (is_last(in))
            mr_call_end(s, call);
        return 0;
    }
    rc = is_first(in) ? check_first(in, call) : check_further(in, call);
    if (rc < 0)
        return rc;
    if (is_first(in)) {
        call = add_call(in);
        if (!call)
            return s->failed;
        set_request(in, call);
        if (!mr_state_find_bound(s, call->info.context))
            return refuse_call(in, call);
    }
    push_chunk(in, call, MR_EVENT_REQUEST, in->pdu->u.request.alloc_hint);
    return 0;
}

static int watch_request(mr_in *in, mr_call *call) {
    mr_assoc_state *s = in->s;

    if (is_first(in) && call) {
        mr_call_end(s, call);
        call = NULL;
    }
    if (!call) {
        call = add_call(in);
        if (!call)
            return s->failed;
        call->way[MR_DIR_TO_SERVER].damaged = !is_first(in);
    }
    set_request(in, call);
    push_chunk(in, call, MR_EVENT_REQUEST, in->pdu->u.request.alloc_hint);
    if (is_last(in) && call->info.maybe)
        mr_call_end(s, call);
    return 0;
}

/* Whether the request names a security context whose exchange still goes on. */
static bool is_early(const mr_in *in) {
    const mr_slot *slot =
        in->pdu->has_auth ? mr_slot_find(in->s, in->pdu->auth.context_id) : NULL;

    return slot && slot->phase == MR_SLOT_BUSY;
}

static int receive_request(mr_in *in) {
    mr_assoc_state *s = in->s;
    mr_call *call = mr_call_find(s, in->pdu->header.call_id);
    mr_error err = MR_ERROR_INIT;

    in->stub = in->pdu->u.request.stub;
    const mr_call *begun =
        call && call->secured && !call->way[MR_DIR_TO_SERVER].done ? call : NULL;
    bool guarded = server_is_guarded(s);
    if (!mr_state_is_tap(s)) {
        int rc = check_order(in, call, guarded);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        if (is_early(in))
            return break_off(in, MR_ERR_PROTOCOL, in->pdu->auth.offset,
                             "a request uses a security context that is not complete");
    }
    /* a client that bound without a security context may go on as nobody beside those it has */
    if (mr_fragment_open(in, mr_state_is_tap(s) ? NULL : begun, guarded && !s->bare, &err) < 0)
        return forged(in, begun, &err);
    return mr_state_is_tap(s) ? watch_request(in, call) : serve_request(in, call);
}

/* ---- response and fault ---- */

/* A reply to a call this side orphaned is dropped. */
static bool is_orphans(const mr_in *in) {
    const mr_assoc_state *s = in->s;

    return s->side->orphans && in->pdu->header.call_id < s->side->next_call;
}

static int check_response(mr_in *in, const mr_call *call) {
    if (!call || !call->out_begun)
        return mr_state_violation(in, MR_ERR_PROTOCOL, AT_CALL_ID,
                                  "the server answers call %u, which is not in flight",
                                  in->pdu->header.call_id);
    if (is_first(in) == call->way[MR_DIR_TO_CLIENT].begun)
        return mr_state_violation(in, MR_ERR_PROTOCOL, AT_FLAGS,
                                  is_first(in) ? "a response begins twice"
                                               : "a response lacks its first fragment");
    return 0;
}

/* A verifier of another security context than the call's may promise less than was agreed. */
static bool is_foreign(const mr_in *in, const mr_call *call) {
    return call && call->secured && in->pdu->has_auth && !mr_state_is_tap(in->s) &&
           in->pdu->auth.context_id != call->auth;
}

static int receive_response(mr_in *in) {
    mr_assoc_state *s = in->s;
    mr_call *call = mr_call_find(s, in->pdu->header.call_id);
    mr_error err = MR_ERROR_INIT;

    in->stub = in->pdu->u.response.stub;
    if (is_foreign(in, call)) {
        mr_fail(&err, MR_ERR_AUTH, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                "a response has the verifier of another security context than its call");
        return forged(in, NULL, &err);
    }
    if (mr_fragment_open(in, NULL, call && call->secured, &err) < 0)
        return forged(in, NULL, &err);
    if (!mr_state_is_tap(s)) {
        if (!call && is_orphans(in))
            return 0;
        int rc = check_response(in, call);
        if (rc < 0)
            return rc;
    } else if (!call) {
        call = add_call(in);
        if (!call)
            return s->failed;
        call->info.context = in->pdu->u.response.context_id;
        call->way[MR_DIR_TO_SERVER].done = true;
        call->way[MR_DIR_TO_CLIENT].damaged = !is_first(in);
    } else if (is_first(in)) {
        call->way[MR_DIR_TO_CLIENT] = (mr_way){0};
    } else if (!call->way[MR_DIR_TO_CLIENT].begun) {
        call->way[MR_DIR_TO_CLIENT].damaged = true;
    }
    push_chunk(in, call, MR_EVENT_RESPONSE, in->pdu->u.response.alloc_hint);
    if (is_last(in))
        mr_call_end(s, call);
    return 0;
}

/* A fault that answers no call: it refuses the negotiation, or complains about the connection. */
static int fault_without_call(mr_in *in) {
    mr_assoc_state *s = in->s;
    mr_error end = MR_ERROR_INIT;
    bool ours = s->round.open && s->round.call_id == in->pdu->header.call_id;

    if (mr_state_is_tap(s))
        return 0;
    if (ours && s->is_bound && !s->round.slot) {
        s->round.open = false;
        mr_state_clear_deadline(s, MR_DEADLINE_BIND);
        return 0;
    }
    mr_fail_peer(&end, MR_ERR_FAULT, MR_FLOOR_ENGINE, MR_PEER_FAULT, in->pdu->u.fault.status,
                 ours ? "the server refused the negotiation with fault 0x%08x"
                      : "the server sent fault 0x%08x, which belongs to no call",
                 in->pdu->u.fault.status);
    return mr_state_end(s, &end);
}

static int receive_fault(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu_fault *f = &in->pdu->u.fault;
    mr_call *call = mr_call_find(s, in->pdu->header.call_id);
    mr_error err = MR_ERROR_INIT;

    in->stub = f->stub;
    /* Windows and Samba send faults without a verifier whatever was agreed */
    if (mr_fragment_open(in, NULL, false, &err) < 0)
        return forged(in, NULL, &err);
    if (!mr_state_is_tap(s) && !call && is_orphans(in))
        return 0;
    in->event.kind = MR_EVENT_FAULT;
    in->event.u.fault = (mr_event_fault){
        .status = f->status,
        .cancel_count = f->cancel_count,
        .did_not_execute = in->pdu->header.flags & MR_PFC_DID_NOT_EXECUTE,
        .eerr = (f->flags & MR_FAULT_EXTENDED_ERROR) && !in->sealed ? in->stub : MR_SLICE_NULL,
    };
    if (call) {
        in->event.u.fault.call = call->info;
    } else {
        in->event.u.fault.call.id = in->pdu->header.call_id;
        in->event.u.fault.call.context = f->context_id;
    }
    mr_state_push(s, &in->event);
    if (!call)
        return fault_without_call(in);
    mr_call_end(s, call);
    return 0;
}

/* ---- cancel, orphaned, shutdown ---- */

static void push_call(mr_in *in, enum mr_event_kind kind, const mr_call *call) {
    in->event.kind = kind;
    in->event.u.call = call ? call->info : (mr_event_call){.id = in->pdu->header.call_id};
    mr_state_push(in->s, &in->event);
}

static int receive_cancel(mr_in *in) {
    mr_call *call = mr_call_find(in->s, in->pdu->header.call_id);

    /* a cancel may cross the reply on its way: nothing wrong then */
    if (call || mr_state_is_tap(in->s))
        push_call(in, MR_EVENT_CANCEL, call);
    return 0;
}

/* Where it was agreed that a connection outlives its orphans (MS-RPCE 2.2.2.14), a request that is
 * not complete is forgotten; else Windows takes no notice, and answers it when its end comes. */
static int receive_orphaned(mr_in *in) {
    mr_assoc_state *s = in->s;
    mr_call *call = mr_call_find(s, in->pdu->header.call_id);
    bool begun = call && !call->way[MR_DIR_TO_SERVER].done;

    if (begun && !mr_state_is_tap(s) && !(s->features & MR_FEATURE_KEEP_ON_ORPHAN))
        return 0;
    if (call || mr_state_is_tap(s))
        push_call(in, MR_EVENT_ORPHANED, call);
    if (begun || (call && mr_state_is_tap(s)))
        mr_call_end(s, call);
    else if (call)
        call->orphaned = true;
    return 0;
}

static int receive_shutdown(mr_in *in) {
    in->event.kind = MR_EVENT_SHUTDOWN;
    mr_state_push(in->s, &in->event);
    in->s->shut = true;
    return 0;
}

/* A type that has no business on this way. */
static int receive_other(mr_in *in) {
    if (!mr_state_is_tap(in->s))
        return break_off(in, MR_ERR_PROTOCOL, AT_PTYPE,
                         "a PDU of a type that does not travel this way");
    in->event.kind = MR_EVENT_OTHER;
    mr_state_push(in->s, &in->event);
    return 0;
}

static int to_server(mr_in *in) {
    uint8_t ptype = in->pdu->header.ptype;
    mr_assoc_state *s = in->s;

    if (!mr_state_is_tap(s) && !s->is_bound && ptype != MR_PTYPE_BIND)
        return break_off(in, MR_ERR_PROTOCOL, AT_PTYPE, "the client does not begin with a bind");
    switch (ptype) {
    case MR_PTYPE_BIND:
    case MR_PTYPE_ALTER_CONTEXT:
        return mr_receive_bind(in);
    case MR_PTYPE_AUTH3:
        return mr_receive_auth3(in);
    case MR_PTYPE_REQUEST:
        return receive_request(in);
    case MR_PTYPE_CO_CANCEL:
        return receive_cancel(in);
    case MR_PTYPE_ORPHANED:
        return receive_orphaned(in);
    }
    return receive_other(in);
}

static int to_client(mr_in *in) {
    switch (in->pdu->header.ptype) {
    case MR_PTYPE_BIND_ACK:
    case MR_PTYPE_ALTER_CONTEXT_RESP:
        return mr_receive_bind_ack(in);
    case MR_PTYPE_BIND_NAK:
        return mr_receive_bind_nak(in);
    case MR_PTYPE_RESPONSE:
        return receive_response(in);
    case MR_PTYPE_FAULT:
        return receive_fault(in);
    case MR_PTYPE_SHUTDOWN:
        return receive_shutdown(in);
    }
    return receive_other(in);
}

static void set_header(mr_event *event, const mr_pdu_header *h) {
    event->ptype = h->ptype;
    event->flags = h->flags;
    event->vers_minor = h->minor;
    event->big = h->big;
    event->call_id = h->call_id;
}

/* A PDU whose frame is sound and whose body is not. */
static int malformed(mr_in *in, mr_slice bytes, mr_error *err) {
    mr_assoc_state *s = in->s;
    mr_pdu_header h = {0};
    unsigned odd;

    if (mr_pdu_decode_header(bytes, &h, &odd, NULL) == 0)
        set_header(&in->event, &h);
    /* an authentication trailer that does not fit reads like another version, Windows says */
    bool trailer = err->code == MR_ERR_MALFORMED && err->offset == AT_AUTH_LENGTH;
    if (err->offset != MR_ERROR_NO_OFFSET)
        err->offset += (size_t)in->event.offset;
    if (mr_state_is_tap(s))
        return mr_state_push_note(s, &in->event, err);
    if (s->config.role == MR_ROLE_SERVER && h.ptype == MR_PTYPE_BIND)
        mr_send_bind_nak(s, h.call_id, trailer ? MR_NAK_PROTOCOL_VERSION : MR_NAK_NOT_SPECIFIED,
                         MR_SLICE_NULL);
    else if (s->config.role == MR_ROLE_SERVER)
        mr_send_fault(s, h.call_id, 0, MR_FAULT_PROTO_ERROR, MR_PFC_DID_NOT_EXECUTE,
                      MR_SLICE_NULL);
    return mr_state_fail(s, &in->event, err);
}

int mr_receive(mr_assoc_state *s, enum mr_dir dir, mr_slice bytes, uint64_t offset,
               mr_nsec first) {
    mr_pdu pdu;
    mr_error err = MR_ERROR_INIT;
    mr_in in = {.s = s, .dir = dir, .pdu = &pdu};

    in.event = mr_state_event(s, MR_EVENT_OTHER, dir);
    in.event.time_first = first;
    in.event.offset = offset;
    in.event.size = (uint32_t)bytes.len;
    in.event.pdu = bytes;
    if (mr_pdu_decode(bytes, &pdu, &err) < 0)
        return malformed(&in, bytes, &err);
    set_header(&in.event, &pdu.header);
    if (pdu.has_auth)
        in.event.auth = (mr_event_auth){
            .present = true,
            .type = pdu.auth.type,
            .level = pdu.auth.level,
            .pad = pdu.auth.pad_length,
            .id = pdu.auth.context_id,
            .value = pdu.auth.value,
        };
    return dir == MR_DIR_TO_SERVER ? to_server(&in) : to_client(&in);
}
