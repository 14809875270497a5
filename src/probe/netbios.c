/*
 * One NetBIOS question: a name query by broadcast (every answer until the time is over) or at one
 * name server, and a node status query (RFC 1001 15.1, RFC 1002 5.1). Answers to other questions
 * are not counted; of one sender the first stays.
 */
#include <msrpc/probe/netbios.h>

#define TRIES 2
#define TIMEOUT (3 * MR_SEC)

const char *mr_netbios_state_name(enum mr_netbios_state state) {
    switch (state) {
    case MR_NETBIOS_ASKING: return "asking";
    case MR_NETBIOS_ANSWERED: return "answered";
    case MR_NETBIOS_NEGATIVE: return "negative";
    case MR_NETBIOS_REDIRECT: return "redirect";
    case MR_NETBIOS_SILENT: return "silent";
    case MR_NETBIOS_CLOSED: return "closed";
    case MR_NETBIOS_LOCAL: return "local";
    }
    return "";
}

static void query_over(mr_netbios *q, enum mr_netbios_state state) {
    mr_timer_deinit(&q->timer);
    mr_udp_deinit(&q->udp);
    q->attempt = q->datagram.attempt;
    if (!q->options.broadcast)
        q->sent = q->attempt.sent;
    mr_datagram_deinit(&q->datagram);
    q->state = state;
    q->ended = mr_clock_now();
    q->done(q->user, q);
}

/* Reads an answer to our question into @replyp: 0; 1 when it is none; MR_ERR_MEMORY. */
static int read_reply(mr_netbios *q, mr_slice bytes, mr_netbios_reply *replyp) {
    uint8_t *copy = mr_arena_get_raw(q->arena, bytes.len, 1);
    int r;

    if (!copy)
        return MR_ERR_MEMORY;
    memcpy(copy, bytes.data, bytes.len);
    bytes = mr_slice_of(copy, bytes.len);
    if (q->options.status)
        r = mr_nbt_status_decode(bytes, q->arena, &replyp->status, NULL);
    else
        r = mr_nbt_answer_decode(bytes, q->arena, &replyp->answer, NULL);
    if (r == MR_ERR_MEMORY)
        return r;
    if (r == 0 && !q->options.status && replyp->answer.has_name &&
        memcmp(replyp->answer.name, q->options.name, MR_NBT_NAME) != 0)
        return 1;
    return r == 0 ? 0 : 1;
}

static bool was_heard(const mr_netbios *q, const mr_addr *sender) {
    for (const mr_netbios_reply *r = q->replies; r; r = r->next)
        if (mr_addr_same_host(&r->sender, sender))
            return true;
    return false;
}

/* What a reply makes of the question. */
static enum mr_netbios_state state_after(const mr_netbios *q, const mr_netbios_reply *reply) {
    if (q->options.status)
        return reply->status.rcode ? MR_NETBIOS_NEGATIVE : MR_NETBIOS_ANSWERED;
    switch (reply->answer.kind) {
    case MR_NBT_ANSWER_POSITIVE: return MR_NETBIOS_ANSWERED;
    case MR_NBT_ANSWER_NEGATIVE: return MR_NETBIOS_NEGATIVE;
    case MR_NBT_ANSWER_REDIRECT: return MR_NETBIOS_REDIRECT;
    case MR_NBT_ANSWER_WAIT: break;
    }
    return MR_NETBIOS_ASKING;
}

/* Keeps an answer; what it makes of the question, or MR_NETBIOS_ASKING when nothing yet. An answer
 * for which there is no memory is no silence: the question ends as one we could not ask. */
static enum mr_netbios_state take_reply(mr_netbios *q, const mr_addr *sender, mr_slice bytes) {
    mr_netbios_reply reply = {.sender = *sender, .at = mr_clock_now()}, **tail = &q->replies;
    mr_netbios_reply *kept = NULL;

    if (bytes.len < 12 || memcmp(bytes.data, q->room, 2) != 0 || was_heard(q, sender))
        return MR_NETBIOS_ASKING;
    int r = read_reply(q, bytes, &reply);
    if (r > 0)
        return MR_NETBIOS_ASKING;
    enum mr_netbios_state state = state_after(q, &reply);
    if (r == 0 && state == MR_NETBIOS_ASKING) {
        q->waits = true;
        return state;
    }
    if (r == 0)
        kept = MR_ARENA_NEW(q->arena, mr_netbios_reply);
    if (!kept) {
        (void)mr_fail(&q->error, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                      "no memory for an answer");
        return MR_NETBIOS_LOCAL;
    }
    while (*tail)
        tail = &(*tail)->next;
    *kept = reply;
    *tail = kept;
    q->reply_count++;
    return state;
}

/* ---- at one host ---- */

static bool on_datagram(void *user, mr_slice bytes) {
    mr_netbios *q = user;

    q->state = take_reply(q, &q->options.remote, bytes);
    return q->state != MR_NETBIOS_ASKING;
}

static void on_exchange_done(void *user, int result, const mr_error *err) {
    mr_netbios *q = user;

    if (result == 0) {
        query_over(q, q->state);
        return;
    }
    q->error = *err;
    query_over(q, result == MR_ERR_TIMEOUT                                  ? MR_NETBIOS_SILENT
                  : result == MR_ERR_REFUSED || result == MR_ERR_UNREACHABLE ? MR_NETBIOS_CLOSED
                                                                             : MR_NETBIOS_LOCAL);
}

static const mr_datagram_events exchange = {on_datagram, on_exchange_done};

/* ---- on a link ---- */

static void on_broadcast_answer(void *user, const mr_addr *sender, mr_slice bytes) {
    (void)take_reply(user, sender, bytes);
}

/* Somebody who owns the name answered: it is not asked again, but the others may finish. */
static bool has_owner(const mr_netbios *q) {
    for (const mr_netbios_reply *r = q->replies; r; r = r->next)
        if (q->options.status || r->answer.kind == MR_NBT_ANSWER_POSITIVE)
            return true;
    return false;
}

static void broadcast_expired(void *user) {
    mr_netbios *q = user;
    mr_nsec per_try = q->options.timeout / q->options.tries;

    if (has_owner(q)) {
        query_over(q, MR_NETBIOS_ANSWERED);
        return;
    }
    if (q->sent == q->options.tries) {
        char text[MR_ADDR_TEXT];
        (void)mr_fail(&q->error, MR_ERR_TIMEOUT, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                      "nobody on %s answers: %u sent", mr_addr_text(&q->options.remote, text),
                      q->sent);
        query_over(q, q->replies ? MR_NETBIOS_NEGATIVE : MR_NETBIOS_SILENT);
        return;
    }
    if (q->error.code != 0 || mr_udp_send(&q->udp, &q->options.remote,
                                          mr_slice_of(q->room, q->len), &q->error) != 0) {
        query_over(q, MR_NETBIOS_LOCAL);
        return;
    }
    q->sent++;
    mr_timer_set(&q->timer, mr_clock_now() + per_try);
}

/* ---- either ---- */

static int query_encode(mr_netbios *q, mr_error *err) {
    mr_nbt_question question = {
        .type = q->options.status ? MR_NBT_TYPE_STATUS : MR_NBT_TYPE_NB,
        .broadcast = q->options.broadcast,
        .recursion = !q->options.status,
        .scope = mr_slice_str(q->options.scope),
    };
    mr_buf out;

    if (mr_entropy_get(&question.id, sizeof question.id) != 0)
        return mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "no randomness");
    if (q->options.status)
        question.name[0] = '*';
    else
        memcpy(question.name, q->options.name, MR_NBT_NAME);
    mr_buf_init(&out, q->room, sizeof q->room, sizeof q->room);
    int r = mr_nbt_encode_question(&question, &out);
    if (r != 0)
        return mr_fail(err, r, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "\"%s\" is no NetBIOS scope", q->options.scope ? q->options.scope : "");
    q->len = out.len;
    return 0;
}

int mr_netbios_start(mr_netbios *q, mr_loop *loop, mr_arena *arena,
                     const mr_netbios_options *options,
                     void (*done)(void *user, mr_netbios *query), void *user, mr_error *err) {
    *q = (mr_netbios){.options = *options, .loop = loop, .arena = arena, .done = done,
                      .user = user, .error = MR_ERROR_INIT, .started = mr_clock_now()};
    mr_netbios_options *o = &q->options;
    if (!o->remote.port)
        o->remote.port = MR_NBT_PORT;
    if (!o->tries)
        o->tries = o->broadcast ? MR_NETBIOS_TRIES : TRIES;
    if (!o->timeout)
        o->timeout = o->broadcast ? o->tries * MR_NETBIOS_PER_TRY : TIMEOUT;
    int r = query_encode(q, err);
    if (r != 0)
        return r;
    mr_timer_init(&q->timer, loop, broadcast_expired, q);
    mr_datagram_init(&q->datagram, loop, &exchange, q);
    if (!o->broadcast) {
        mr_datagram_options ask = {.remote = o->remote, .source = o->source, .tries = o->tries,
                                   .timeout = o->timeout};
        return mr_datagram_ask(&q->datagram, &ask, mr_slice_of(q->room, q->len), err);
    }
    mr_addr source = o->source;
    if (source.family == MR_FAMILY_ANY)
        source.family = MR_FAMILY_IPV4;
    /* a socket that cannot be had is told from the loop, as what cannot be sent is */
    (void)mr_udp_init(&q->udp, loop, &source, on_broadcast_answer, q, &q->error);
    mr_timer_set(&q->timer, q->started);
    return 0;
}

void mr_netbios_deinit(mr_netbios *q) {
    if (!q->loop)
        return;
    mr_timer_deinit(&q->timer);
    mr_udp_deinit(&q->udp);
    mr_datagram_deinit(&q->datagram);
}
