/*
 * SMB watched (MS-SMB2, MS-CIFS, RFC 1002): what was negotiated, sessions, shares, pipes and what
 * failed become observations; each named pipe has a tap of DCE/RPC of its own.
 */
#include "tap_rpc.h"

#include <stdlib.h>

#include "totals.h"

#define FRAME 4
#define DAMAGES_TOLD 4
#define PIPES_MAX 1024

typedef struct smb_pipe {
    uint32_t key;
    mr_tap *rpc;
    char *name;
    uint64_t position[2];
} smb_pipe;

typedef struct smb_tap {
    mr_tap tap;
    mr_smb smb;
    bool made;
    uint8_t damages;      /* told */
    smb_pipe *pipes;
    uint32_t pipe_count, pipe_room;
    mr_seen_end sum;      /* of the pipes that were closed */
    uint64_t most_calls;  /* of the pipe that @sum is named after */
    char most_pipe[32];
} smb_tap;

/* ---- recognition ---- */

static bool is_port(uint16_t port) {
    return port == 445 || port == 139;
}

static enum mr_tap_verdict recognise(const mr_tap_head *h, bool *turnedp) {
    mr_slice s = h->head;
    uint8_t type = s.data[0];

    if (!h->midstream && h->server_port == 139 &&
        (type == MR_NBT_REQUEST || type == MR_NBT_POSITIVE || type == MR_NBT_NEGATIVE ||
         type == MR_NBT_RETARGET)) {
        if (s.len < FRAME)
            return MR_TAP_MORE;
        return s.data[1] == 0 && s.data[2] == 0 ? MR_TAP_YES : MR_TAP_NO;
    }
    if (type != MR_NBT_MESSAGE)
        return MR_TAP_NO;
    if (s.len < FRAME + 4)
        return s.len > 1 && s.data[1] != 0 ? MR_TAP_NO : MR_TAP_MORE;
    mr_slice body = mr_slice_sub(s, FRAME, s.len);
    enum mr_smb_magic magic = mr_smb_get_magic(body);
    if (magic == MR_SMB_MAGIC_NONE)
        return MR_TAP_NO;
    /* the flags tell who speaks */
    bool answer = h->dir == MR_DIR_TO_CLIENT;
    if (magic == MR_SMB_MAGIC_SMB2 && body.len > 16)
        answer = body.data[16] & 1;
    else if (magic == MR_SMB_MAGIC_SMB1 && body.len > 9)
        answer = body.data[9] & 0x80;
    /* but some clients set them carelessly, and to a server's port comes no answer */
    *turnedp = answer != (h->dir == MR_DIR_TO_CLIENT) &&
               (is_port(h->client_port) || !is_port(h->server_port));
    return MR_TAP_YES;
}

static int init(mr_tap *tap) {
    smb_tap *t = (smb_tap *)tap;
    mr_smb_config config = {.midstream = tap->flow->midstream};
    int r = mr_smb_init(&t->smb, &config, NULL);

    t->made = r == 0;
    return r;
}

/* ---- pipes ---- */

static smb_pipe *find_pipe(smb_tap *t, uint32_t key) {
    for (uint32_t i = t->pipe_count; i-- > 0;)
        if (t->pipes[i].key == key)
            return &t->pipes[i];
    return NULL;
}

static void free_pipe(smb_pipe *pipe) {
    mr_tap_free(pipe->rpc);
    free(pipe->name);
}

/* What a pipe's tap counted goes into the connection's sum and is told. */
static int end_pipe(smb_tap *t, smb_pipe *pipe, const mr_flow_seen *seen, const mr_flow_at *at) {
    mr_seen_end end = {.via = MR_SEEN_PIPE, .service = MR_SEEN_RPC};
    int r = pipe->rpc->class->end(pipe->rpc, seen, &end);
    mr_seen_end *sum = &t->sum;

    if (r < 0)
        return r;
    mr_seen *record = mr_tap_add(pipe->rpc, MR_SEEN_CLOSED, MR_DIR_TO_CLIENT, at->packet,
                                 at->time);
    if (!record)
        return MR_ERR_MEMORY;
    record->u.end = end;
    if (end.calls > t->most_calls || t->most_pipe[0] == 0) {
        t->most_calls = end.calls;
        sum->interface = end.interface;
        sum->interface_version = end.interface_version;
        sum->median_us = end.median_us;
        sum->auth_type = end.auth_type;
        sum->auth_level = end.auth_level;
        size_t n = strlen(pipe->name);
        n = n < sizeof t->most_pipe ? n : sizeof t->most_pipe - 1;
        memcpy(t->most_pipe, pipe->name, n);
        t->most_pipe[n] = 0;
    }
    sum->calls += end.calls;
    sum->faults += end.faults;
    sum->unanswered += end.unanswered;
    sum->requests_bytes += end.requests_bytes;
    sum->replies_bytes += end.replies_bytes;
    if (end.p99_us > sum->p99_us)
        sum->p99_us = end.p99_us;
    if (end.max_us > sum->max_us)
        sum->max_us = end.max_us;
    return 0;
}

static int close_pipe(smb_tap *t, uint32_t key, const mr_flow_at *at) {
    smb_pipe *pipe = find_pipe(t, key);

    if (!pipe)
        return 0;
    int r = end_pipe(t, pipe, NULL, at);
    free_pipe(pipe);
    *pipe = t->pipes[--t->pipe_count];
    return r;
}

static int open_pipe(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    int r = close_pipe(t, e->pipe, at);

    if (r < 0 || t->pipe_count == PIPES_MAX)
        return r;
    if (t->pipe_count == t->pipe_room) {
        uint32_t room = t->pipe_room ? t->pipe_room * 2 : 1;
        smb_pipe *grown = reallocarray(t->pipes, room, sizeof *grown);
        if (!grown)
            return MR_ERR_MEMORY;
        t->pipes = grown;
        t->pipe_room = room;
    }
    smb_pipe pipe = {.key = e->pipe, .name = strdup(e->name)};
    if (pipe.name)
        pipe.rpc = mr_tap_new(&mr_tap_rpc, &t->tap, MR_SEEN_PIPE, pipe.name);
    if (!pipe.rpc) {
        free(pipe.name);
        return MR_ERR_MEMORY;
    }
    ((rpc_tap *)pipe.rpc)->midstream = e->late;
    t->pipes[t->pipe_count++] = pipe;
    return 0;
}

static int feed_pipe(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    smb_pipe *pipe = find_pipe(t, e->pipe);
    mr_flow_at inner = *at;
    int r = 0;

    if (!pipe)
        return 0;
    inner.position = pipe->position[e->dir];
    if (e->u.data.damaged)
        r = mr_tap_rpc.gap(pipe->rpc, e->dir, 0, &inner);
    pipe->position[e->dir] += e->u.data.bytes.len;
    return r < 0 ? r : mr_tap_rpc.feed(pipe->rpc, e->dir, e->u.data.bytes, &inner);
}

/* ---- records ---- */

static uint32_t ms_of(const mr_smb_event *e) {
    uint64_t ms = e->answers ? e->latency / MR_MSEC : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static mr_seen *add(smb_tap *t, const mr_smb_event *e, enum mr_seen_smb_kind kind,
                    const mr_flow_at *at) {
    const char *text = mr_tap_str(t->tap.ctx, e->name);
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_SMB, e->dir, at->packet, at->time);

    if (!seen)
        return NULL;
    seen->u.smb = (mr_seen_smb){
        .kind = kind,
        .version = e->smb1 ? 1 : 2,
        .command = e->command,
        .status = e->dos_status ? (e->status & 0xffff) << 16 | e->status >> 16 : e->status,
        .dos = e->dos_status,
        .ms = ms_of(e),
        .text = text,
    };
    return seen;
}

/* Statuses that no client takes for a failure: an answer in parts, the end of a list or file. */
static bool is_benign(const mr_smb_event *e) {
    switch (e->status) {
    case 0:
    case 0x00000103: /* STATUS_PENDING */
    case 0x0000010b: /* STATUS_NOTIFY_CLEANUP */
    case 0x0000010c: /* STATUS_NOTIFY_ENUM_DIR */
    case 0x80000005: /* STATUS_BUFFER_OVERFLOW */
    case 0x80000006: /* STATUS_NO_MORE_FILES */
    case 0x8000001a: /* STATUS_NO_MORE_ENTRIES */
    case 0xc0000011: /* STATUS_END_OF_FILE */
    case 0xc0000016: /* STATUS_MORE_PROCESSING_REQUIRED */
        return true;
    }
    return e->dos_status && e->status == 0x00120001; /* ERRDOS, ERRnofiles */
}

static void count_status(smb_tap *t, const mr_smb_event *e) {
    mr_totals *totals = t->tap.ctx->totals;

    if (!is_benign(e))
        mr_codes_add(e->smb1 ? &totals->smb1 : &totals->smb2, e->status);
}

static int on_offer(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    mr_seen *seen = add(t, e, MR_SEEN_SMB_ASKED, at);

    if (!seen)
        return MR_ERR_MEMORY;
    for (uint16_t i = 0; i < e->u.offer.count; i++)
        if (e->u.offer.dialects[i] > seen->u.smb.dialect)
            seen->u.smb.dialect = e->u.offer.dialects[i];
    seen->u.smb.signing = e->u.offer.security & MR_SMB_SIGNING_ENABLED;
    seen->u.smb.signing_required = e->u.offer.security & MR_SMB_SIGNING_REQUIRED;
    return 0;
}

static mr_nsec clock_of(uint64_t filetime) {
    int64_t seconds;
    uint32_t nsec;

    if (filetime == 0)
        return 0;
    mr_time_unix(filetime, &seconds, &nsec);
    return seconds > 0 ? (mr_nsec)seconds * MR_SEC + nsec : 0;
}

static int token(smb_tap *t, const mr_smb_event *e, mr_slice blob, const mr_flow_at *at) {
    uint8_t type = MR_AUTH_SPNEGO;

    if (blob.len == 0)
        return 0;
    if (mr_slice_eq(mr_slice_sub(blob, 0, 8), mr_slice_of("NTLMSSP", 8)))
        type = MR_AUTH_NTLM;
    return mr_tap_token(&t->tap, e->dir, type, blob, at->packet, at->time);
}

static int on_negotiated(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    const mr_smb_negotiated *n = &e->u.negotiated;
    mr_seen *seen = add(t, e, MR_SEEN_SMB_NEGOTIATED, at);

    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.smb.dialect = n->dialect;
    if (!e->status) /* SMB1 says "no dialect" without one */
        seen->u.smb.status = n->status;
    seen->u.smb.signing = n->security & MR_SMB_SIGNING_ENABLED;
    seen->u.smb.signing_required = n->security & MR_SMB_SIGNING_REQUIRED;
    seen->u.smb.guid = n->guid;
    seen->u.smb.clock = clock_of(n->system_time);
    count_status(t, e);
    return token(t, e, n->token, at);
}

static int on_session(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    bool last = e->dir == MR_DIR_TO_CLIENT && e->status != 0xc0000016;
    int r = token(t, e, e->u.session.token, at);

    if (r < 0 || !last)
        return r;
    count_status(t, e);
    mr_seen *seen = add(t, e, MR_SEEN_SMB_SESSION, at);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.smb.guest = e->status == 0 && (e->u.session.flags & MR_SMB2_SESSION_GUEST);
    return 0;
}

static int on_result(smb_tap *t, const mr_smb_event *e, enum mr_seen_smb_kind kind,
                     const mr_flow_at *at) {
    count_status(t, e);
    return add(t, e, kind, at) ? 0 : MR_ERR_MEMORY;
}

static int on_open(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    int r = e->status == 0 && e->pipe ? open_pipe(t, e, at) : 0;

    return r < 0 ? r : on_result(t, e, MR_SEEN_SMB_OPEN, at);
}

static int on_error(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    enum mr_seen_smb_kind kind = e->pipe ? MR_SEEN_SMB_PIPE : MR_SEEN_SMB_OTHER;

    return is_benign(e) ? 0 : on_result(t, e, kind, at);
}

static int on_negative(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    mr_seen *seen = add(t, e, MR_SEEN_NBSS_NEGATIVE, at);

    mr_codes_add(&t->tap.ctx->totals->nbss, e->code);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.smb.status = e->code;
    return 0;
}

static int on_damage(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    t->tap.ctx->totals->damaged++;
    if (t->damages == DAMAGES_TOLD)
        return 0;
    t->damages++;
    const char *text = mr_tap_str(t->tap.ctx, e->u.error->text);
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_DAMAGE, e->dir, at->packet, at->time);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.foreign = (mr_seen_foreign){.text = text};
    return 0;
}

static int on_event(smb_tap *t, const mr_smb_event *e, const mr_flow_at *at) {
    switch (e->kind) {
    case MR_SMB_EVENT_NBSS_REQUEST:
        return add(t, e, MR_SEEN_NBSS_REQUEST, at) ? 0 : MR_ERR_MEMORY;
    case MR_SMB_EVENT_NBSS_NEGATIVE:
        return on_negative(t, e, at);
    case MR_SMB_EVENT_NEGOTIATE:
        return on_offer(t, e, at);
    case MR_SMB_EVENT_NEGOTIATED:
        return on_negotiated(t, e, at);
    case MR_SMB_EVENT_SESSION:
        return on_session(t, e, at);
    case MR_SMB_EVENT_TREE:
        return on_result(t, e, MR_SEEN_SMB_TREE, at);
    case MR_SMB_EVENT_OPEN:
        return on_open(t, e, at);
    case MR_SMB_EVENT_DATA:
        return feed_pipe(t, e, at);
    case MR_SMB_EVENT_CLOSED:
        return close_pipe(t, e->pipe, at);
    case MR_SMB_EVENT_ERROR:
        return on_error(t, e, at);
    case MR_SMB_EVENT_ENCRYPTED:
        return add(t, e, MR_SEEN_SMB_ENCRYPTED, at) ? 0 : MR_ERR_MEMORY;
    case MR_SMB_EVENT_DAMAGED:
        return on_damage(t, e, at);
    case MR_SMB_EVENT_LOGOFF:
        return add(t, e, MR_SEEN_SMB_LOGOFF, at) ? 0 : MR_ERR_MEMORY;
    case MR_SMB_EVENT_NBSS_POSITIVE:
    case MR_SMB_EVENT_COMPRESSED:
    case MR_SMB_EVENT_RESYNC:
        break;
    }
    return 0;
}

/* ---- the class ---- */

static int drain(smb_tap *t, const mr_flow_at *at) {
    mr_smb_event e;
    int r = 0;

    while (mr_smb_pull_event(&t->smb, &e))
        if (r == 0)
            r = on_event(t, &e, at);
    return r;
}

static int feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    smb_tap *t = (smb_tap *)tap;
    size_t used;
    int r, drained = 0;

    do {
        r = mr_smb_feed(&t->smb, dir, octets, at->time, &used, NULL);
        octets = mr_slice_sub(octets, used, octets.len);
        drained = drain(t, at);
    } while (r == MR_SMB_DRAIN && drained == 0);
    return r < 0 ? r : drained;
}

static int gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    smb_tap *t = (smb_tap *)tap;
    int r = mr_smb_feed_gap(&t->smb, dir, len, NULL);
    int drained = drain(t, at);

    return r < 0 ? r : drained;
}

/* The oldest request without an answer. */
static int tell_unanswered(smb_tap *t, const mr_flow_seen *flow) {
    mr_smb_info info;

    mr_smb_get_info(&t->smb, &info);
    if (!info.pending)
        return 0;
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_SMB, MR_DIR_TO_SERVER, flow->last_packet,
                               info.oldest);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.smb = (mr_seen_smb){.kind = MR_SEEN_SMB_UNANSWERED,
                                .version = info.dialect == MR_SMB1 ? 1 : 2,
                                .command = info.oldest_command,
                                .dialect = info.dialect};
    return 0;
}

static int end(mr_tap *tap, const mr_flow_seen *seen, mr_seen_end *endp) {
    smb_tap *t = (smb_tap *)tap;
    mr_flow_at at = {.packet = seen->last_packet, .time = seen->last, .now = seen->last};
    uint16_t service = endp->service;
    int r = tell_unanswered(t, seen);

    for (uint32_t i = 0; i < t->pipe_count && r == 0; i++)
        r = end_pipe(t, &t->pipes[i], seen, &at);
    if (t->most_pipe[0] == 0)
        return r;
    t->sum.tcp = endp->tcp;
    t->sum.turned = endp->turned;
    t->sum.service = service;
    t->sum.via = MR_SEEN_PIPE;
    t->sum.pipe = mr_tap_str(tap->ctx, t->most_pipe);
    *endp = t->sum;
    return r;
}

static void deinit(mr_tap *tap) {
    smb_tap *t = (smb_tap *)tap;

    for (uint32_t i = 0; i < t->pipe_count; i++)
        free_pipe(&t->pipes[i]);
    free(t->pipes);
    if (t->made)
        mr_smb_deinit(&t->smb);
}

const mr_tap_class mr_tap_smb = {
    .name = "smb",
    .service = MR_SEEN_IS_SMB,
    .size = sizeof(smb_tap),
    .recognise = recognise,
    .init = init,
    .feed = feed,
    .gap = gap,
    .end = end,
    .deinit = deinit,
};
