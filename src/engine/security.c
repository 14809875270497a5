/*
 * The association's side of the security vtable: fragments are verified before anything else looks
 * at their stub, protected when they are cut, and tokens travel in the trailers of bind,
 * alter_context, their answers and auth3 (MS-RPCE 2.2.2.11, 3.3.1.5.2).
 */
#include "state.h"

mr_slot *mr_slot_find(mr_assoc_state *s, uint32_t id) {
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->guard->slots[i].id == id)
            return &s->guard->slots[i];
    return NULL;
}

static mr_guard *new_guard(mr_arena *arena) {
    mr_guard *guard = MR_ARENA_NEW(arena, mr_guard);

    if (guard) {
        mr_buf_init(&guard->token_out, NULL, 0, MR_ASSOC_TOKEN_MAX);
        mr_buf_init(&guard->plain, NULL, 0, MR_PDU_FRAG_MAX);
    }
    return guard;
}

int mr_assoc_set_security(mr_assoc *a, mr_security *sec, uint32_t id, uint8_t level,
                          mr_error *err) {
    mr_assoc_state *s = a->state;
    bool server = s->config.role == MR_ROLE_SERVER;

    if (s->failed)
        return mr_state_failed(s, err);
    if ((server && !(s->round.waits && s->round.has_auth && s->round.auth_id == id)) ||
        mr_slot_find(s, id))
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "security context %u does not begin here", id);
    if (s->slot_count == MR_ASSOC_AUTH_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "an association has at most %d security contexts", MR_ASSOC_AUTH_MAX);
    if (!s->guard && !(s->guard = new_guard(s->arena)))
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no memory for a security context");
    s->guard->slots[s->slot_count++] = (mr_slot){
        .sec = sec,
        .id = id,
        .level = level,
        .phase = mr_state_is_tap(s) ? MR_SLOT_BUSY : MR_SLOT_SET,
    };
    return 0;
}

/* ---- fragments ---- */

static mr_security_frag view_frag(mr_slice pdu, size_t stub, size_t trailer) {
    return (mr_security_frag){
        .header = mr_slice_sub(pdu, 0, stub),
        .body = mr_slice_sub(pdu, stub, trailer - stub),
        .trailer = mr_slice_sub(pdu, trailer, MR_PDU_AUTH_SIZE),
        .value = mr_slice_sub(pdu, trailer + MR_PDU_AUTH_SIZE, SIZE_MAX),
    };
}

static int auth_fail(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET, "%s", text);
}

/* Runs the provider over the fragment; 0 or negative. */
static int unprotect(mr_in *in, mr_slot *slot, uint8_t level, mr_error *err) {
    mr_assoc_state *s = in->s;
    const mr_pdu_auth *auth = &in->pdu->auth;
    size_t stub = mr_pdu_stub_offset(in->pdu->header.ptype, in->pdu->header.flags);
    mr_security_frag frag = view_frag(in->event.pdu, stub, auth->offset);
    uint8_t *plain = NULL;
    int rc;

    frag.level = level;
    frag.sign_header = s->header_sign;
    frag.dir = in->dir;
    if (level == MR_AUTH_LEVEL_PRIVACY) {
        mr_buf *body = &s->guard->plain;
        mr_buf_reset(body);
        plain = mr_buf_add(body, frag.body.len);
        if (!plain && frag.body.len > 0)
            return mr_fail(err, mr_buf_error(body), MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                           "no memory to open a sealed fragment");
    }
    rc = slot->sec->class->unprotect(slot->sec, &frag, plain, err);
    if (rc < 0)
        return rc;
    in->event.auth.verified = true;
    if (plain) {
        in->stub = mr_slice_of(plain, in->stub.len);
        s->busy = true;
    }
    return 0;
}

/* What a tap does with a fragment: open it when it can, else show it as it came. */
static void observe(mr_in *in, mr_slot *slot) {
    const mr_pdu_auth *auth = &in->pdu->auth;

    if (mr_auth_level_protects(auth->level) && slot && slot->phase == MR_SLOT_DONE &&
        unprotect(in, slot, auth->level, NULL) == 0)
        return;
    in->sealed = auth->level == MR_AUTH_LEVEL_PRIVACY;
}

int mr_fragment_open(mr_in *in, const mr_call *begun, bool required, mr_error *err) {
    mr_assoc_state *s = in->s;
    const mr_pdu *pdu = in->pdu;
    mr_slot *slot;

    if (!pdu->has_auth) {
        if (required && !mr_state_is_tap(s))
            return auth_fail(err, "a fragment came without the verifier that was agreed");
        return 0;
    }
    slot = mr_slot_find(s, begun ? begun->auth : pdu->auth.context_id);
    if (mr_state_is_tap(s)) {
        observe(in, slot);
        return 0;
    }
    if (begun && slot && slot->phase == MR_SLOT_DONE)
        return mr_auth_level_protects(slot->level) ? unprotect(in, slot, slot->level, err) : 0;
    if (!slot || slot->sec->class->auth_type != pdu->auth.type)
        return auth_fail(err, "a fragment names a security context that does not exist");
    if (slot->phase != MR_SLOT_DONE)
        return auth_fail(err, "a fragment uses a security context that is not complete");
    if (slot->level != pdu->auth.level)
        return auth_fail(err, "a fragment has another authentication level than agreed");
    if (!mr_auth_level_protects(slot->level))
        return 0;
    return unprotect(in, slot, slot->level, err);
}

int mr_fragment_protect(mr_assoc_state *s, mr_slot *slot, mr_buf *buf, size_t at, uint8_t ptype,
                        uint8_t flags, enum mr_dir dir, mr_error *err) {
    uint16_t size = slot->sec->class->sizes(slot->sec, slot->level);
    mr_pdu_auth auth = {
        .type = slot->sec->class->auth_type,
        .level = slot->level,
        .context_id = slot->id,
        .value = {NULL, size},
    };
    int rc = mr_pdu_encode_auth(buf, at, &auth);

    if (rc < 0)
        return mr_fail(err, rc, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no room for a fragment's verifier");
    size_t stub = mr_pdu_stub_offset(ptype, flags);
    size_t trailer = buf->len - at - size - MR_PDU_AUTH_SIZE;
    mr_security_frag frag = view_frag(mr_slice_of(buf->data + at, buf->len - at), stub, trailer);
    frag.level = slot->level;
    frag.sign_header = s->header_sign;
    frag.dir = dir;
    return slot->sec->class->protect(slot->sec, &frag, buf->data + at + stub,
                                     buf->data + buf->len - size, err);
}

/* ---- steps ---- */

/* A sec_trailer that no token follows: auth_length is 0, and what reads by it sees none. */
static int add_bare_trailer(mr_buf *buf, const mr_pdu_auth *auth) {
    size_t end = buf->len;

    mr_buf_write_align(buf, 0, 4);
    uint8_t pad = (uint8_t)(buf->len - end);
    mr_buf_write_u8(buf, auth->type);
    mr_buf_write_u8(buf, auth->level);
    mr_buf_write_u8(buf, pad);
    mr_buf_write_u8(buf, 0);
    mr_buf_write_u32(buf, auth->context_id);
    return mr_pdu_set_length(buf, 0);
}

int mr_draft_send(mr_assoc_state *s, mr_slot *slot) {
    int rc = mr_buf_error(&s->side->draft);

    if (slot && rc == 0) {
        mr_pdu_auth auth = {
            .type = slot->sec->class->auth_type,
            .level = slot->level,
            .context_id = slot->id,
            .value = mr_buf_slice(&s->guard->token_out),
        };
        rc = auth.value.len ? mr_pdu_encode_auth(&s->side->draft, 0, &auth)
                            : add_bare_trailer(&s->side->draft, &auth);
    }
    if (rc == 0)
        mr_buf_write(&s->side->out, mr_buf_slice(&s->side->draft));
    if (rc == 0)
        rc = mr_buf_error(&s->side->out);
    mr_buf_reset(&s->side->draft);
    if (rc < 0)
        return mr_state_fail_code(s, rc, "a PDU of the negotiation could not be written");
    return 0;
}

static void push_ready(mr_assoc_state *s, const mr_slot *slot) {
    mr_event event = mr_state_event(s, MR_EVENT_READY, s->config.role == MR_ROLE_CLIENT
                                                     ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER);

    if (slot)
        event.u.ready = (mr_event_auth){
            .present = true,
            .type = slot->sec->class->auth_type,
            .level = slot->level,
            .id = slot->id,
        };
    mr_state_push(s, &event);
}

void mr_round_close(mr_assoc_state *s) {
    mr_slot *slot = s->round.slot;

    s->round.open = false;
    s->round.slot = NULL;
    mr_state_clear_deadline(s, MR_DEADLINE_BIND);
    if (s->bound_count > 0 && (!slot || slot->phase == MR_SLOT_DONE)) {
        s->ready = true;
        push_ready(s, slot);
    }
}

/* The client's further legs: an alter_context that asks again for an accepted context while the
 * server must answer, auth3 for the last token (MS-RPCE 3.3.1.5.2). */
static int send_leg(mr_assoc_state *s, mr_slot *slot) {
    mr_pdu_header h = mr_send_header(s->round.call_id, MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG);
    mr_pdu_bind bind = {s->xmit_frag, s->recv_frag, s->assoc_group, {{0}, 0}};
    const mr_bound *b = s->bound;
    int rc;

    mr_buf_reset(&s->side->draft);
    if (slot->phase == MR_SLOT_DONE) {
        rc = mr_pdu_encode_auth3(&s->side->draft, &h);
        if (rc == 0)
            rc = mr_draft_send(s, slot);
        if (rc == 0)
            mr_round_close(s);
        return rc;
    }
    s->round.alter = true;
    s->round.count = 1;
    s->round.contexts[0] = (mr_event_context){
        .id = b->id,
        .result = MR_CONTEXT_ASKED,
        .known = true,
        .abstract = b->abstract,
        .proposed = &b->transfer,
        .proposed_count = 1,
    };
    rc = mr_pdu_encode_alter_context(&s->side->draft, &h, &bind);
    if (rc == 0)
        rc = mr_pdu_add_context(&s->side->draft, 0, b->id, &b->abstract, &b->transfer, 1);
    if (rc < 0)
        return mr_state_fail_code(s, rc, "an alter_context could not be written");
    return mr_draft_send(s, slot);
}

/* A step failed: tell the peer where the protocol has words for it, and end. */
static int step_failed(mr_assoc_state *s, enum mr_step step, mr_slot *slot, int code,
                       const mr_error *detail) {
    mr_error err = *detail;

    slot->phase = MR_SLOT_FAILED;
    if (err.code == 0)
        mr_fail(&err, code, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET, "%s: the security step failed",
                slot->sec->class->name);
    switch (step) {
    case MR_STEP_NONE:
    case MR_STEP_ASK:
    case MR_STEP_DIGEST:
        break;
    case MR_STEP_ANSWER:
        if (s->round.alter)
            mr_send_fault(s, s->round.call_id, 0, MR_FAULT_SEC_PKG_ERROR, MR_PFC_DID_NOT_EXECUTE,
                          MR_SLICE_NULL);
        else
            mr_send_bind_nak(s, s->round.call_id, MR_NAK_NOT_SPECIFIED, MR_SLICE_NULL);
        break;
    case MR_STEP_AUTH3: /* auth3 has no answer: the next request is refused */
        return 0;
    }
    return mr_state_fail(s, NULL, &err);
}

static int step_done(mr_assoc_state *s, mr_slot *slot, enum mr_step step, int rc,
                     const mr_error *err) {
    if (rc == MR_SECURITY_PENDING) {
        mr_event event = mr_state_event(s, MR_EVENT_AUTH_PENDING, MR_DIR_TO_SERVER);
        event.u.ready.id = slot->id;
        s->pending = slot;
        s->step = step;
        mr_state_push(s, &event);
        return 0;
    }
    if (rc >= 0 && mr_buf_error(&s->guard->token_out))
        rc = mr_buf_error(&s->guard->token_out);
    if (rc < 0)
        return step_failed(s, step, slot, rc, err);
    slot->phase = rc == 0 ? MR_SLOT_DONE : MR_SLOT_BUSY;
    switch (step) {
    case MR_STEP_NONE:
        break;
    case MR_STEP_ASK:
        return mr_draft_send(s, slot);
    case MR_STEP_DIGEST:
        if (s->guard->token_out.len > 0)
            return send_leg(s, slot);
        if (rc != 0)
            return mr_state_fail_code(s, MR_ERR_AUTH,
                                      "the security context wants more tokens but sends none");
        mr_round_close(s);
        break;
    case MR_STEP_ANSWER:
        s->round.open = false;
        /* the trailer comes also without a token, as Windows sends it */
        rc = mr_draft_send(s, slot);
        if (rc == 0 && slot->phase == MR_SLOT_DONE)
            push_ready(s, slot);
        return rc;
    case MR_STEP_AUTH3: /* an answer could not be given */
        if (slot->phase == MR_SLOT_DONE && s->guard->token_out.len == 0)
            push_ready(s, slot);
        else
            slot->phase = MR_SLOT_FAILED;
        break;
    }
    return 0;
}

int mr_step_run(mr_assoc_state *s, mr_slot *slot, enum mr_step step, enum mr_dir dir,
                mr_slice token) {
    mr_error err = MR_ERROR_INIT;
    int rc;

    mr_buf_reset(&s->guard->token_out);
    rc = slot->sec->class->step(slot->sec, dir, token, &s->guard->token_out, &err);
    return step_done(s, slot, step, rc, &err);
}

int mr_step_resume(mr_assoc_state *s) {
    mr_slot *slot = s->pending;
    enum mr_dir dir = s->config.role == MR_ROLE_SERVER ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT;

    s->pending = NULL;
    return mr_step_run(s, slot, s->step, dir, MR_SLICE_NULL);
}

int mr_assoc_resume(mr_assoc *a, mr_nsec now, mr_error *err) {
    mr_assoc_state *s = a->state;

    s->now = now;
    if (s->failed)
        return mr_state_failed(s, err);
    if (!s->pending)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no security step waits");
    return mr_step_resume(s) < 0 ? mr_state_failed(s, err) : 0;
}
