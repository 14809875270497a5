/*
 * What is encrypted, and who has keys (MS-RPCE 2.2.2.11, 3.3.1.5.2): an observer for each security
 * context of a watched association, fed its tokens, and what came of the fragments it protects. A
 * fragment that cannot be verified is never believed. Whether something is wrong with it is certain
 * only as long as nothing is missing before it: most contexts count their fragments.
 */
#include "tap_rpc.h"

#include <stdlib.h>

#include <msrpc/ifaces/netlogon.h>

/* A security context of the association. */
typedef struct rpc_key {
    mr_security *security;  /* NULL: there is no observer of its type */
    uint32_t id;
    uint8_t type, level;
    enum mr_seen_seal seal; /* OPENED, CLOSED, or UNSEEN while tokens are missing */
    bool lost, wrong;       /* told */
} rpc_key;

struct rpc_keys {
    rpc_key keys[MR_ASSOC_AUTH_MAX];
    uint32_t count;
    bool gap;    /* something is missing behind the first token */
    bool unseen; /* told: fragments of a context whose tokens are missing */
};

static rpc_key *find_key(const rpc_tap *t, uint32_t id) {
    for (uint32_t i = 0; t->keys && i < t->keys->count; i++)
        if (t->keys->keys[i].id == id)
            return &t->keys->keys[i];
    return NULL;
}

static int tell(rpc_tap *t, const mr_event *e, enum mr_seen_seal seal, const char *text,
                const mr_flow_at *at) {
    const char *copy = text ? mr_tap_text(t->tap.ctx, mr_slice_str(text)) : NULL;
    mr_seen *seen = rpc_add(t, MR_SEEN_KEY, e->dir, at);

    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.key = (mr_seen_key){.seal = seal, .auth_type = e->auth.type,
                                .auth_level = e->auth.level, .text = copy};
    return 0;
}

/* ---- tokens ---- */

/* A context begins: its observer sees the first token, the association shows it the others. */
static int begin(rpc_tap *t, const mr_event *e, rpc_key **keyp) {
    const mr_watch *watch = t->tap.ctx->watch;
    mr_security *security = NULL;
    mr_buf none;

    if (!t->keys && !(t->keys = calloc(1, sizeof *t->keys)))
        return MR_ERR_MEMORY;
    if (t->keys->count == MR_ASSOC_AUTH_MAX)
        return 0;
    rpc_key *key = &t->keys->keys[t->keys->count];
    *key = (rpc_key){.id = e->auth.id, .type = e->auth.type, .level = e->auth.level,
                     .seal = MR_SEAL_UNSEEN};
    int r = watch->make(watch->user, e->auth.type, &security, NULL);
    if (r == MR_ERR_MEMORY)
        return r;
    if (r == 0) {
        mr_buf_init(&none, NULL, 0, 0);
        r = security->class->step(security, e->dir, e->auth.value, &none, NULL);
        key->security = security;
    }
    if (r >= 0 && mr_assoc_set_security(&t->assoc, security, key->id, key->level, NULL) < 0) {
        watch->give(watch->user, security);
        key->security = NULL;
    }
    t->keys->count++;
    *keyp = key;
    return r == MR_ERR_MEMORY ? r : 0;
}

static int on_token(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    const mr_watch *watch = t->tap.ctx->watch;
    rpc_key *key = find_key(t, e->auth.id);
    enum mr_seen_seal seal = MR_SEAL_CLOSED;
    const char *text = NULL;
    int r = 0;

    if (!key && mr_auth_level_protects(e->auth.level))
        r = begin(t, e, &key);
    if (r < 0 || !key)
        return r;
    if (key->security)
        seal = watch->describe(watch->user, key->security, &text);
    if (seal == key->seal)
        return 0;
    key->seal = seal;
    /* what is only signed can be read without a key */
    if (seal == MR_SEAL_UNSEEN ||
        (seal == MR_SEAL_CLOSED && key->level != MR_AUTH_LEVEL_PRIVACY))
        return 0;
    return tell(t, e, seal, text, at);
}

/* ---- fragments ---- */

enum mr_seen_seal mr_rpc_seal(const rpc_tap *t, const mr_event *e) {
    bool privacy = e->auth.present && e->auth.level == MR_AUTH_LEVEL_PRIVACY;
    const rpc_key *key = find_key(t, e->auth.id);

    if (!e->auth.present || !mr_auth_level_protects(e->auth.level))
        return MR_SEAL_NONE;
    if (e->auth.verified)
        return privacy ? MR_SEAL_OPENED : MR_SEAL_NONE;
    if (!t->tap.ctx->watch)
        return privacy ? MR_SEAL_CLOSED : MR_SEAL_NONE;
    if (!key || key->seal != MR_SEAL_OPENED)
        return !privacy ? MR_SEAL_NONE : key ? key->seal : MR_SEAL_UNSEEN;
    /* Netlogon's two directions count in one sequence, which a capture may show in another order */
    if (t->keys->gap || key->type == MR_AUTH_NETLOGON)
        return privacy ? MR_SEAL_LOST : MR_SEAL_NONE;
    return MR_SEAL_WRONG;
}

static int on_fragment(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    enum mr_seen_seal seal = mr_rpc_seal(t, e);
    rpc_key *key = find_key(t, e->auth.id);
    bool *told = NULL;

    switch (seal) {
    case MR_SEAL_NONE:
    case MR_SEAL_OPENED:
    case MR_SEAL_CLOSED:
        return 0;
    case MR_SEAL_UNSEEN:
        if (!t->keys && !(t->keys = calloc(1, sizeof *t->keys)))
            return MR_ERR_MEMORY;
        told = &t->keys->unseen;
        break;
    case MR_SEAL_LOST:
        told = &key->lost;
        break;
    case MR_SEAL_WRONG:
        told = &key->wrong;
        break;
    }
    if (*told)
        return 0;
    *told = true;
    return tell(t, e, seal, NULL, at);
}

int mr_rpc_watch(rpc_tap *t, const mr_event *e, const mr_flow_at *at) {
    switch (e->kind) {
    case MR_EVENT_BIND:
    case MR_EVENT_ALTER:
    case MR_EVENT_BIND_ACK:
    case MR_EVENT_ALTER_RESP:
    case MR_EVENT_AUTH3:
        return e->auth.value.len > 0 ? on_token(t, e, at) : 0;
    case MR_EVENT_REQUEST:
    case MR_EVENT_RESPONSE:
    case MR_EVENT_FAULT:
        return on_fragment(t, e, at);
    case MR_EVENT_GAP:
    case MR_EVENT_RESYNC:
    case MR_EVENT_ERROR:
        if (t->keys)
            t->keys->gap = true;
        return 0;
    case MR_EVENT_BIND_NAK:
    case MR_EVENT_READY:
    case MR_EVENT_AUTH_PENDING:
    case MR_EVENT_CANCEL:
    case MR_EVENT_ORPHANED:
    case MR_EVENT_SHUTDOWN:
    case MR_EVENT_SENT:
    case MR_EVENT_OTHER:
    case MR_EVENT_FOREIGN:
    case MR_EVENT_TIMEOUT:
        return 0;
    }
    return 0;
}

/* ---- what tells keys ---- */

enum { REQ_CHALLENGE = 4, AUTHENTICATE2 = 15, AUTHENTICATE3 = 26 }; /* MS-NRPC 3.5.4 */

bool mr_rpc_tells_keys(const rpc_tap *t, const rpc_context *context, uint16_t opnum) {
    const mr_watch *watch = t->tap.ctx->watch;

    return watch && watch->learn && context->iface == &mr_netlogon_iface &&
           (opnum == REQ_CHALLENGE || opnum == AUTHENTICATE2 || opnum == AUTHENTICATE3);
}

void mr_rpc_tell_keys(rpc_tap *t, const rpc_call *call, const mr_event *e,
                      const rpc_context *context, mr_slice stub) {
    const mr_watch *watch = t->tap.ctx->watch;
    const mr_seen_stub seen = {.interface = context->interface, .version = context->version,
                               .known = true, .opnum = call->opnum, .ndr64 = context->ndr64,
                               .big = e->big, .id = call->id, .request = call->packet,
                               .bytes = stub};

    watch->learn(watch->user, e->dir, t->tap.id, &seen);
}

void mr_rpc_free_keys(rpc_tap *t) {
    const mr_watch *watch = t->tap.ctx->watch;

    for (uint32_t i = 0; t->keys && i < t->keys->count; i++)
        if (t->keys->keys[i].security)
            watch->give(watch->user, t->keys->keys[i].security);
    free(t->keys);
}
