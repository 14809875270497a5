/*
 * Negotiation: bind, alter_context, their answers and auth3, asked by the client, decided by the
 * server's caller, watched by a tap (C706 12.6.4.1-12.6.4.5, MS-RPCE 3.3.1.5.1-3.3.1.5.3). One
 * round is open at a time.
 */
#include "state.h"

/* Windows counts the padding before a trailer as that of a request, whose header this is. */
#define REQUEST_SIZE ((size_t)24)
#define WHOLE (MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG)

static uint16_t least(uint16_t a, uint16_t b) {
    return a < b ? a : b;
}
static uint16_t clamp_frag(uint16_t size) {
    return size < MR_ASSOC_FRAG_MIN ? MR_ASSOC_FRAG_MIN : size;
}

static int no_memory(mr_assoc_state *s) {
    return mr_state_fail_code(s, MR_ERR_MEMORY, "no memory for presentation contexts");
}

/* A command that makes the negotiation go on: may it? */
static int check_command(const mr_assoc_state *s, enum mr_role role, mr_error *err) {
    if (s->failed)
        return mr_state_failed(s, err);
    if (s->config.role != role)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "this belongs to the other role");
    if (s->side->out.len > MR_OUT_HIGH || mr_state_event_room(s) < MR_EVENTS_PER_PDU)
        return mr_fail(err, MR_ERR_BUSY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "pull the output and the events first");
    return 0;
}

/* ---- the client asks ---- */

/* Features are proposed by the first transfer syntax of a context, elsewhere they are nothing; what
 * stands beside them in the context is ignored (MS-RPCE 3.3.1.5.3). */
static bool features_of(const mr_syntax *proposed, size_t count, uint16_t *bitsp) {
    uint64_t bits;

    if (count == 0 || !mr_features_get(&proposed[0], &bits))
        return false;
    *bitsp = (uint16_t)bits;
    return true;
}

/* Copies what is asked into the scratch arena, with the feature pseudo context at the end. */
static int keep_asked(mr_assoc_state *s, const mr_assoc_context *contexts, size_t count,
                      bool features) {
    mr_arena *lists = mr_state_list_arena(s, MR_DIR_TO_SERVER);
    uint16_t highest = 0;

    if (!lists)
        return no_memory(s);
    mr_event_context *asked = mr_arena_get(lists, count + 1, sizeof *asked);
    if (!asked)
        return no_memory(s);
    for (size_t i = 0; i <= count; i++) {
        const mr_assoc_context *c = &contexts[i < count ? i : 0];
        bool pseudo = i == count;
        mr_syntax *proposed = mr_arena_get(lists, pseudo ? 1 : c->transfer_count,
                                           sizeof *proposed);
        if (!proposed)
            return no_memory(s);
        if (pseudo)
            proposed[0] = mr_features_syntax(s->config.features);
        else
            memcpy(proposed, c->transfer, c->transfer_count * sizeof *proposed);
        asked[i] = (mr_event_context){
            .id = pseudo ? (uint16_t)(highest + 1) : c->id,
            .result = MR_CONTEXT_ASKED,
            .known = true,
            .features = pseudo,
            .abstract = c->abstract,
            .proposed = proposed,
            .proposed_count = pseudo ? 1 : c->transfer_count,
        };
        if (c->id > highest)
            highest = c->id;
    }
    s->round.contexts = asked;
    s->round.count = (uint16_t)(count + features);
    return 0;
}

static mr_slot *slot_to_begin(mr_assoc_state *s) {
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->guard->slots[i].phase == MR_SLOT_SET)
            return &s->guard->slots[i];
    return NULL;
}

static int draft_bind(mr_assoc_state *s, uint32_t assoc_group) {
    const mr_round *r = &s->round;
    mr_pdu_header h = mr_send_header(r->call_id, r->flags);
    mr_pdu_bind bind = {.max_xmit = s->config.max_xmit, .max_recv = s->config.max_recv,
                        .assoc_group = assoc_group};
    int rc;

    /* a small max_xmit is this side's wish; what is offered must respect MustRecvFragSize */
    if (bind.max_xmit < MR_PDU_FRAG_MUST)
        bind.max_xmit = MR_PDU_FRAG_MUST;
    mr_buf_reset(&s->side->draft);
    rc = r->alter ? mr_pdu_encode_alter_context(&s->side->draft, &h, &bind)
                  : mr_pdu_encode_bind(&s->side->draft, &h, &bind);
    for (uint16_t i = 0; rc == 0 && i < r->count; i++) {
        const mr_event_context *c = &r->contexts[i];
        rc = mr_pdu_add_context(&s->side->draft, 0, c->id, &c->abstract, c->proposed,
                                c->proposed_count);
    }
    return rc;
}

static int check_asked(const mr_assoc_state *s, const mr_assoc_context *contexts, size_t count,
                       mr_error *err) {
    if (s->round.open || s->pending || s->shut)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       s->shut ? "the server asked for the connection to be closed"
                               : "a bind or alter_context is not answered yet");
    if (count == 0)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "a bind needs a presentation context");
    if (count > MR_ASSOC_CONTEXT_MAX - s->bound_count)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "an association has at most %d presentation contexts",
                       MR_ASSOC_CONTEXT_MAX);
    for (size_t i = 0; i < count; i++)
        if (contexts[i].transfer_count == 0)
            return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                           "context %u proposes no transfer syntax", contexts[i].id);
    return 0;
}

int mr_assoc_bind(mr_assoc *a, const mr_assoc_context *contexts, size_t count,
                  uint32_t assoc_group, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_slot *slot = slot_to_begin(s);
    int rc = check_command(s, MR_ROLE_CLIENT, err);

    if (rc == 0)
        rc = check_asked(s, contexts, count, err);
    if (rc < 0)
        return rc;
    s->round = (mr_round){.alter = s->is_bound, .slot = slot, .flags = WHOLE};
    if (keep_asked(s, contexts, count, !s->is_bound && s->config.features) < 0)
        return mr_state_failed(s, err);
    s->round.call_id = s->side->next_call++;
    if (!s->is_bound && !s->config.no_multiplex)
        s->round.flags |= MR_PFC_CONC_MPX;
    if (slot && !s->config.no_header_sign)
        s->round.flags |= MR_PFC_SUPPORT_HEADER_SIGN;
    s->round.open = true;
    rc = draft_bind(s, s->is_bound ? s->assoc_group : assoc_group);
    if (rc < 0) {
        s->round.open = false;
        mr_buf_reset(&s->side->draft);
        return mr_fail(err, rc, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "the presentation contexts do not fit into one PDU");
    }
    rc = slot ? mr_step_run(s, slot, MR_STEP_ASK, MR_DIR_TO_CLIENT, MR_SLICE_NULL)
              : mr_draft_send(s, NULL);
    return rc < 0 ? mr_state_failed(s, err) : 0;
}

/* ---- the server, or a tap, reads what is asked ---- */

static int read_asked(mr_in *in, mr_event_bind *bind) {
    mr_assoc_state *s = in->s;
    mr_pdu_list list = in->pdu->u.bind.contexts;
    mr_arena *lists = mr_state_list_arena(s, MR_DIR_TO_SERVER);
    mr_pdu_context c;
    uint16_t n = 0;

    if (!lists)
        return no_memory(s);
    mr_event_context *asked = mr_arena_get(lists, list.count, sizeof *asked);
    if (!asked)
        return no_memory(s);
    for (; n < list.count && mr_pdu_read_context(&list.items, &c); n++) {
        mr_syntax *proposed = mr_arena_get_raw(lists, c.transfers.count, sizeof *proposed);
        uint8_t k = 0;
        if (!proposed)
            return no_memory(s);
        while (k < c.transfers.count && mr_pdu_read_transfer(&c.transfers.items, &proposed[k]))
            k++;
        asked[n] = (mr_event_context){
            .id = c.id,
            .result = MR_CONTEXT_ASKED,
            .known = true,
            .abstract = c.abstract,
            .proposed = proposed,
            .proposed_count = k,
        };
        asked[n].features = features_of(proposed, k, &bind->features);
    }
    bind->contexts = s->round.contexts = asked;
    bind->count = s->round.count = n;
    return 0;
}

/* What is wrong with the list of contexts; NULL when nothing is. */
static const char *check_contexts(mr_pdu_list list) {
    const char *text = list.count == 0 ? "without presentation contexts" : NULL;
    bool features = false;
    mr_pdu_context c;
    mr_syntax first;
    uint16_t bits;

    while (!text && mr_pdu_read_context(&list.items, &c)) {
        if (!mr_pdu_read_transfer(&c.transfers.items, &first)) {
            text = "with a context that proposes no transfer syntax";
        } else if (features_of(&first, 1, &bits)) {
            if (features)
                text = "that negotiates features twice";
            features = true;
        }
    }
    return text;
}

/* The server's checks of a bind or alter_context before its caller hears of it. Neither is ever
 * cut into fragments, and their flags say nothing of it: Windows looks only at
 * PFC_SUPPORT_HEADER_SIGN and PFC_CONC_MPX. */
static int check_bind(mr_in *in, bool alter) {
    mr_assoc_state *s = in->s;
    const mr_pdu_header *h = &in->pdu->header;
    uint16_t reason = MR_NAK_NOT_SPECIFIED;
    const char *text = check_contexts(in->pdu->u.bind.contexts);
    size_t at = 24;

    if (!alter && s->is_bound) {
        text = "on a bound association";
        at = 2;
    } else if (in->pdu->has_auth &&
               REQUEST_SIZE + in->pdu->auth.pad_length > in->pdu->auth.offset) {
        text = "whose padding leaves no room for its header";
        reason = MR_NAK_PROTOCOL_VERSION;
        at = in->pdu->auth.offset + 2;
    } else if (h->minor > 1) {
        text = "of a protocol version that is not 5.0 or 5.1";
        reason = MR_NAK_PROTOCOL_VERSION;
        at = 1;
    }
    if (!text)
        return 0;
    if (alter)
        mr_send_fault(s, h->call_id, 0, MR_FAULT_PROTO_ERROR, MR_PFC_DID_NOT_EXECUTE,
                      MR_SLICE_NULL);
    else
        mr_send_bind_nak(s, h->call_id, reason, MR_SLICE_NULL);
    return mr_state_violation(in, MR_ERR_PROTOCOL, at, "the client sent %s %s",
                              alter ? "an alter_context" : "a bind", text);
}

/* A tap hands a token on to its observer, if there is one. */
static void observe_token(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu *pdu = in->pdu;
    mr_slot *slot = pdu->has_auth ? mr_slot_find(s, pdu->auth.context_id) : NULL;

    s->busy = true; /* the caller may set an observer before the next PDU */
    if (!slot || slot->phase != MR_SLOT_BUSY)
        return;
    mr_buf *out = &s->guard->token_out;
    mr_buf_reset(out);
    int rc = slot->sec->class->step(slot->sec, in->dir, pdu->auth.value, out, NULL);
    if (rc == 0)
        slot->phase = MR_SLOT_DONE;
    else if (rc < 0)
        slot->phase = MR_SLOT_FAILED;
}

int mr_receive_bind(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu *pdu = in->pdu;
    const mr_pdu_bind *b = &pdu->u.bind;
    bool alter = pdu->header.ptype == MR_PTYPE_ALTER_CONTEXT;
    mr_event_bind *bind = &in->event.u.bind;
    int rc = mr_state_is_tap(s) ? 0 : check_bind(in, alter);

    if (rc < 0)
        return rc;
    s->round = (mr_round){
        .open = true,
        .alter = alter,
        .waits = !mr_state_is_tap(s),
        .has_auth = pdu->has_auth,
        .flags = pdu->header.flags,
        .auth_type = pdu->auth.type,
        .auth_level = pdu->auth.level,
        .auth_id = pdu->auth.context_id,
        .call_id = pdu->header.call_id,
        .assoc_group = b->assoc_group,
        .max_xmit = b->max_xmit,
        .max_recv = b->max_recv,
    };
    in->event.kind = alter ? MR_EVENT_ALTER : MR_EVENT_BIND;
    *bind = (mr_event_bind){
        .max_xmit = b->max_xmit,
        .max_recv = b->max_recv,
        .assoc_group = b->assoc_group,
        .multiplex = pdu->header.flags & MR_PFC_CONC_MPX,
        .header_sign = pdu->header.flags & MR_PFC_SUPPORT_HEADER_SIGN,
    };
    rc = read_asked(in, bind);
    if (rc < 0)
        return rc;
    if (mr_state_is_tap(s)) {
        observe_token(in);
    } else {
        mr_buf *token = &s->side->token_in;
        mr_buf_reset(token);
        mr_buf_write(token, pdu->has_auth ? pdu->auth.value : MR_SLICE_NULL);
        if (mr_buf_error(token))
            return mr_state_fail_code(s, mr_buf_error(token), "no memory for a token");
    }
    mr_state_push(s, &in->event);
    s->busy = true;
    return 0;
}

/* ---- the server's caller decides ---- */

int mr_assoc_reject(mr_assoc *a, uint16_t reason, mr_slice eerr, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_error end = MR_ERROR_INIT;
    int rc = check_command(s, MR_ROLE_SERVER, err);

    if (rc < 0)
        return rc;
    if (!s->round.waits)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no bind waits for an answer");
    s->round.waits = s->round.open = false;
    if (s->round.alter)
        rc = mr_send_fault(s, s->round.call_id, 0, MR_FAULT_ACCESS_DENIED,
                           MR_PFC_DID_NOT_EXECUTE, eerr);
    else
        rc = mr_send_bind_nak(s, s->round.call_id, reason, eerr);
    if (rc == 0 && !s->round.alter) {
        mr_fail_peer(&end, MR_ERR_BIND_REJECTED, MR_FLOOR_ENGINE, MR_PEER_BIND_NAK, reason,
                     "the bind was rejected here: %s", mr_bind_nak_reason_name(reason));
        mr_state_end(s, &end);
    }
    return rc < 0 ? mr_state_failed(s, err) : 0;
}

/* The security context the waiting bind asks for; NULL when it cannot be had. */
static mr_slot *slot_asked(mr_assoc_state *s) {
    const mr_round *r = &s->round;
    mr_slot *slot = mr_slot_find(s, r->auth_id);

    if (!slot || slot->sec->class->auth_type != r->auth_type ||
        (slot->phase != MR_SLOT_SET && slot->phase != MR_SLOT_BUSY))
        return NULL;
    if (slot->level == 0)
        slot->level = r->auth_level;
    return slot->level == r->auth_level ? slot : NULL;
}

/* An authentication level that exists, but the one that asks for nothing. */
static bool is_level(uint8_t level) {
    return level >= MR_AUTH_LEVEL_CONNECT && level <= MR_AUTH_LEVEL_PRIVACY;
}

/* What an alter_context hears: one context too many, a context that would go on with another
 * type. */
static uint32_t alter_fault(mr_assoc_state *s) {
    const mr_slot *slot = mr_slot_find(s, s->round.auth_id);

    if (!slot && s->slot_count == MR_ASSOC_AUTH_MAX)
        return MR_FAULT_PROTO_ERROR;
    return slot && s->round.auth_type != MR_AUTH_NONE &&
                   slot->sec->class->auth_type != s->round.auth_type
               ? MR_FAULT_SEC_PKG_ERROR
               : MR_FAULT_ACCESS_DENIED;
}

static int refuse_auth(mr_assoc_state *s, mr_error *err) {
    mr_error end = MR_ERROR_INIT;

    s->round.waits = s->round.open = false;
    if (s->round.alter)
        mr_send_fault(s, s->round.call_id, 0, alter_fault(s), MR_PFC_DID_NOT_EXECUTE,
                      MR_SLICE_NULL);
    else
        mr_send_bind_nak(s, s->round.call_id,
                         is_level(s->round.auth_level) ? MR_NAK_AUTH_TYPE : MR_NAK_NOT_SPECIFIED,
                         MR_SLICE_NULL);
    mr_fail(&end, MR_ERR_AUTH, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
            "authentication type %u at level %u is not offered here", s->round.auth_type,
            s->round.auth_level);
    mr_state_end(s, &end);
    return mr_state_failed(s, err);
}

/* The wire form of one answer; an accepted context is remembered. */
static int answer_context(mr_assoc_state *s, const mr_event_context *c, const mr_assoc_answer *d,
                          mr_pdu_result *resultp) {
    mr_pdu_result result = {.result = d->result, .reason = d->reason};
    uint16_t bits = 0;
    int rc = 0;

    if (c->features) {
        features_of(c->proposed, c->proposed_count, &bits);
        s->features = bits & s->config.features;
        result.result = s->config.features ? MR_CONTEXT_NEGOTIATE_ACK : MR_CONTEXT_PROVIDER_REJECT;
        result.reason = s->config.features ? s->features : MR_REASON_TRANSFER_SYNTAX;
    } else if (d->result == MR_CONTEXT_ACCEPT) {
        result.reason = 0;
        result.transfer = c->proposed[d->transfer];
        rc = mr_state_add_bound(s, c->id, &c->abstract, &result.transfer);
        if (rc == 0)
            mr_state_find_bound(s, c->id)->proposed = c->proposed_count;
        if (rc == MR_ERR_LIMIT) {
            result = (mr_pdu_result){.result = MR_CONTEXT_PROVIDER_REJECT,
                                     .reason = MR_REASON_LOCAL_LIMIT};
            rc = 0;
        }
    }
    *resultp = result;
    return rc;
}

static int draft_answer(mr_assoc_state *s, const mr_assoc_answer *answers, mr_slice sec_addr) {
    mr_round *r = &s->round;
    uint8_t flags = WHOLE;
    mr_pdu_bind_ack ack = {.max_xmit = s->recv_frag, .max_recv = s->recv_frag,
                           .assoc_group = s->assoc_group};
    int rc;

    if (s->multiplex && !r->alter)
        flags |= MR_PFC_CONC_MPX;
    if (s->header_sign && (r->flags & MR_PFC_SUPPORT_HEADER_SIGN))
        flags |= MR_PFC_SUPPORT_HEADER_SIGN;
    mr_pdu_header h = mr_send_header(r->call_id, flags);
    mr_buf_reset(&s->side->draft);
    if (!r->alter)
        ack.sec_addr = sec_addr;
    rc = r->alter ? mr_pdu_encode_alter_context_resp(&s->side->draft, &h, &ack)
                  : mr_pdu_encode_bind_ack(&s->side->draft, &h, &ack);
    for (uint16_t i = 0; rc == 0 && i < r->count; i++) {
        mr_pdu_result result;
        rc = answer_context(s, &r->contexts[i], &answers[i], &result);
        if (rc == 0)
            rc = mr_pdu_add_result(&s->side->draft, 0, &result);
    }
    return rc < 0 ? mr_state_fail_code(s, rc, "the answer to a bind could not be written") : 0;
}

static int check_answers(const mr_assoc_state *s, const mr_assoc_answer *answers, size_t count,
                         uint32_t assoc_group, mr_error *err) {
    const mr_round *r = &s->round;
    bool good = count == r->count && (r->alter || assoc_group != 0);

    for (size_t i = 0; good && i < count; i++)
        good = r->contexts[i].features || answers[i].result != MR_CONTEXT_ACCEPT ||
               answers[i].transfer < r->contexts[i].proposed_count;
    if (!r->waits)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no bind waits for an answer");
    if (!good)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "the answers do not fit the contexts asked for");
    return 0;
}

/* Whether @answer gives context @c other syntaxes than these. */
static bool is_other(const mr_event_context *c, const mr_assoc_answer *answer,
                     const mr_syntax *abstract, const mr_syntax *transfer) {
    return !mr_syntax_eq(abstract, &c->abstract) ||
           !mr_syntax_eq(transfer, &c->proposed[answer->transfer]);
}

static bool is_accepted(const mr_event_context *c, const mr_assoc_answer *answer) {
    return !c->features && answer->result == MR_CONTEXT_ACCEPT;
}

/* A context that stands, or was accepted earlier in the same list, keeps its syntaxes, and a leg of
 * an exchange of tokens asks for the same as the one before: whether an answer would change one. */
static bool is_changed(const mr_assoc_state *s, const mr_assoc_answer *answers) {
    const mr_event_context *contexts = s->round.contexts;

    for (uint16_t i = 0; i < s->round.count; i++) {
        const mr_event_context *c = &contexts[i];
        const mr_bound *b = mr_state_find_bound(s, c->id);
        if (!is_accepted(c, &answers[i]))
            continue;
        if (b && ((s->round.has_auth && c->proposed_count != b->proposed) ||
                  is_other(c, &answers[i], &b->abstract, &b->transfer)))
            return true;
        for (uint16_t k = 0; k < i; k++) {
            const mr_event_context *e = &contexts[k];
            if (e->id == c->id && is_accepted(e, &answers[k]) &&
                is_other(c, &answers[i], &e->abstract, &e->proposed[answers[k].transfer]))
                return true;
        }
    }
    return false;
}

static int refuse_change(mr_assoc_state *s, mr_error *err) {
    mr_error end = MR_ERROR_INIT;

    s->round.waits = s->round.open = false;
    mr_send_fault(s, s->round.call_id, 0, MR_FAULT_PROTO_ERROR, MR_PFC_DID_NOT_EXECUTE,
                  MR_SLICE_NULL);
    mr_fail(&end, MR_ERR_PROTOCOL, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
            "the client would change a presentation context that stands");
    mr_state_end(s, &end);
    return mr_state_failed(s, err);
}

/* Windows settles one size for both ways: the least that either side named, whole units of eight
 * octets, and never less than it takes in any case (MS-RPCE 3.3.1.5.3). A client that named less
 * than that, but no less than it must take, is spared it. */
static void agree_sizes(mr_assoc_state *s) {
    const mr_round *r = &s->round;
    uint16_t size = least(least(r->max_xmit, r->max_recv),
                          least(s->config.max_xmit, s->config.max_recv)) & ~7u;

    if (size < MR_ASSOC_FRAG_WINDOWS)
        size = MR_ASSOC_FRAG_WINDOWS;
    s->recv_frag = size;
    s->xmit_frag = clamp_frag(least(s->config.max_xmit, size));
    if (r->max_recv >= MR_PDU_FRAG_MUST)
        s->xmit_frag = least(s->xmit_frag, r->max_recv);
}

int mr_assoc_accept(mr_assoc *a, const mr_assoc_answer *answers, size_t count,
                    uint32_t assoc_group, mr_slice sec_addr, mr_error *err) {
    mr_assoc_state *s = a->state;
    mr_round *r = &s->round;
    mr_slot *slot = NULL;
    int rc = check_command(s, MR_ROLE_SERVER, err);

    if (rc == 0)
        rc = check_answers(s, answers, count, assoc_group, err);
    if (rc < 0)
        return rc;
    if (r->has_auth)
        slot = slot_asked(s);
    if (r->has_auth && r->auth_type == MR_AUTH_NONE)
        return refuse_auth(s, err);
    if (is_changed(s, answers))
        return refuse_change(s, err);
    if (r->has_auth && !slot)
        return refuse_auth(s, err);
    if (!r->alter) {
        s->bare = !r->has_auth;
        agree_sizes(s);
        s->assoc_group = assoc_group;
        s->multiplex = (r->flags & MR_PFC_CONC_MPX) && !s->config.no_multiplex;
    }
    if (r->flags & MR_PFC_SUPPORT_HEADER_SIGN)
        s->header_sign = !s->config.no_header_sign;
    r->waits = false;
    rc = draft_answer(s, answers, sec_addr);
    if (rc < 0)
        return mr_state_failed(s, err);
    s->is_bound = true;
    if (slot) {
        rc = mr_step_run(s, slot, MR_STEP_ANSWER, MR_DIR_TO_SERVER,
                         mr_buf_slice(&s->side->token_in));
    } else {
        r->open = false;
        s->ready = true;
        rc = mr_draft_send(s, NULL);
    }
    return rc < 0 ? mr_state_failed(s, err) : 0;
}

/* ---- the client, or a tap, reads the answer ---- */

static bool was_proposed(const mr_event_context *asked, const mr_syntax *transfer) {
    for (uint8_t i = 0; i < asked->proposed_count; i++)
        if (mr_syntax_eq(&asked->proposed[i], transfer))
            return true;
    return false;
}

/* Reads the results; @asked is NULL when a tap has not seen the question. */
static int read_results(mr_in *in, const mr_event_context *asked, mr_event_bind *bind) {
    mr_assoc_state *s = in->s;
    mr_pdu_list list = in->pdu->u.bind_ack.results;
    mr_arena *lists = mr_state_list_arena(s, MR_DIR_TO_CLIENT);
    mr_pdu_result r;
    uint16_t n = 0;

    if (!lists)
        return no_memory(s);
    mr_event_context *contexts = mr_arena_get(lists, list.count, sizeof *contexts);
    if (!contexts)
        return no_memory(s);
    for (; n < list.count && mr_pdu_read_result(&list.items, &r); n++) {
        mr_event_context *c = &contexts[n];
        if (asked)
            *c = asked[n];
        c->result = r.result;
        c->reason = r.reason;
        c->proposed = NULL;
        c->proposed_count = 0;
        if (r.result == MR_CONTEXT_NEGOTIATE_ACK) {
            c->features = true;
            bind->features = s->features = r.reason;
        }
        if (r.result != MR_CONTEXT_ACCEPT)
            continue;
        c->transfer = r.transfer;
        if (!asked)
            continue;
        if (!mr_state_is_tap(s) && (c->features || !was_proposed(&asked[n], &r.transfer)))
            return mr_state_violation(in, MR_ERR_PROTOCOL, 0,
                                      "the server accepted a transfer syntax that was not "
                                      "proposed for context %u", c->id);
        if (mr_state_add_bound(s, c->id, &c->abstract, &r.transfer) == MR_ERR_MEMORY)
            return no_memory(s);
    }
    bind->contexts = contexts;
    bind->count = n;
    return 0;
}

/* What the answer to the first bind settles. */
static void settle(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu_bind_ack *ack = &in->pdu->u.bind_ack;
    uint8_t flags = in->pdu->header.flags;
    bool tap = mr_state_is_tap(s);

    if (flags & MR_PFC_SUPPORT_HEADER_SIGN)
        s->header_sign = tap || (s->round.flags & MR_PFC_SUPPORT_HEADER_SIGN);
    if (in->pdu->header.ptype != MR_PTYPE_BIND_ACK)
        return;
    s->is_bound = true;
    s->multiplex = (flags & MR_PFC_CONC_MPX) && (tap || !s->config.no_multiplex);
    s->assoc_group = ack->assoc_group;
    s->xmit_frag = clamp_frag(tap ? ack->max_recv : least(s->config.max_xmit, ack->max_recv));
}

/* The client goes on with its security after an answer. */
static int go_on(mr_in *in) {
    mr_assoc_state *s = in->s;
    mr_slot *slot = s->round.slot;

    if (!slot || slot->phase == MR_SLOT_DONE || s->bound_count == 0) {
        mr_round_close(s);
        return 0;
    }
    if (!in->pdu->has_auth || in->pdu->auth.context_id != slot->id ||
        in->pdu->auth.type != slot->sec->class->auth_type)
        return mr_state_violation(in, MR_ERR_AUTH, 0,
                                  "the server answered without the security token expected");
    return mr_step_run(s, slot, MR_STEP_DIGEST, MR_DIR_TO_CLIENT, in->pdu->auth.value);
}

int mr_receive_bind_ack(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu_bind_ack *ack = &in->pdu->u.bind_ack;
    const mr_pdu_header *h = &in->pdu->header;
    bool alter = h->ptype == MR_PTYPE_ALTER_CONTEXT_RESP;
    bool match = s->round.open && s->round.alter == alter && s->round.call_id == h->call_id;
    mr_event_bind *bind = &in->event.u.bind;
    int rc;

    if (!mr_state_is_tap(s) && !match)
        return mr_state_violation(in, MR_ERR_PROTOCOL, 12,
                                  "the server answers a bind or alter_context that was not sent");
    if (!mr_state_is_tap(s) && ack->results.count != s->round.count)
        return mr_state_violation(in, MR_ERR_PROTOCOL, 24,
                                  "the server answers %u presentation contexts, %u were asked for",
                                  ack->results.count, s->round.count);
    match = match && ack->results.count == s->round.count;
    in->event.kind = alter ? MR_EVENT_ALTER_RESP : MR_EVENT_BIND_ACK;
    *bind = (mr_event_bind){
        .max_xmit = ack->max_xmit,
        .max_recv = ack->max_recv,
        .assoc_group = ack->assoc_group,
        .sec_addr = ack->sec_addr,
        .multiplex = h->flags & MR_PFC_CONC_MPX,
        .header_sign = h->flags & MR_PFC_SUPPORT_HEADER_SIGN,
    };
    rc = read_results(in, match ? s->round.contexts : NULL, bind);
    if (rc < 0)
        return rc;
    settle(in);
    mr_state_push(s, &in->event);
    s->busy = true;
    if (!mr_state_is_tap(s))
        return go_on(in);
    s->round.open = false;
    observe_token(in);
    return 0;
}

int mr_receive_bind_nak(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu_bind_nak *nak = &in->pdu->u.bind_nak;
    mr_event_nak *e = &in->event.u.nak;
    mr_error end = MR_ERROR_INIT;

    if (!mr_state_is_tap(s) && (!s->round.open || s->round.alter))
        return mr_state_violation(in, MR_ERR_PROTOCOL, 2,
                                  "the server rejects a bind that was not sent");
    in->event.kind = MR_EVENT_BIND_NAK;
    *e = (mr_event_nak){.reason = nak->reason, .eerr = nak->extended_error};
    for (; e->version_count < nak->version_count && e->version_count < MR_EVENT_NAK_VERSIONS;
         e->version_count++) {
        e->versions[e->version_count].major = nak->versions.data[2 * e->version_count];
        e->versions[e->version_count].minor = nak->versions.data[2 * e->version_count + 1];
    }
    mr_state_push(s, &in->event);
    s->round.open = false;
    if (mr_state_is_tap(s))
        return 0;
    mr_fail_peer(&end, MR_ERR_BIND_REJECTED, MR_FLOOR_ENGINE, MR_PEER_BIND_NAK, nak->reason,
                 "the server rejected the bind: %s", mr_bind_nak_reason_name(nak->reason));
    return mr_state_end(s, &end);
}

int mr_receive_auth3(mr_in *in) {
    mr_assoc_state *s = in->s;
    const mr_pdu *pdu = in->pdu;
    mr_slot *slot = pdu->has_auth ? mr_slot_find(s, pdu->auth.context_id) : NULL;

    in->event.kind = MR_EVENT_AUTH3;
    if (mr_state_is_tap(s)) {
        mr_state_push(s, &in->event);
        observe_token(in);
        return 0;
    }
    if (!slot || slot->phase != MR_SLOT_BUSY) {
        mr_send_fault(s, pdu->header.call_id, 0, MR_FAULT_PROTO_ERROR, MR_PFC_DID_NOT_EXECUTE,
                      MR_SLICE_NULL);
        return mr_state_violation(in, MR_ERR_PROTOCOL, 2,
                                  "an auth3 for a security context that does not wait for it");
    }
    /* Windows counts the padding as that of a request, whose header is longer than all of an auth3
     * before its trailer: there can be none */
    if (pdu->auth.pad_length > 0) {
        mr_send_fault(s, pdu->header.call_id, 0, MR_FAULT_NO_MEMORY, MR_PFC_DID_NOT_EXECUTE,
                      MR_SLICE_NULL);
        return mr_state_violation(in, MR_ERR_PROTOCOL, pdu->auth.offset + 2,
                                  "an auth3 has padding before its trailer");
    }
    mr_state_push(s, &in->event);
    return mr_step_run(s, slot, MR_STEP_AUTH3, MR_DIR_TO_SERVER, pdu->auth.value);
}
