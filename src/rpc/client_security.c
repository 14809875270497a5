/*
 * The client's security contexts (MS-RPCE 3.3.1.5.2): providers are got, given to the association
 * and given back; what became of them is judged for the report; requests at integrity and privacy
 * get a verification trailer (MS-RPCE 2.2.2.13, 3.3.2.4.1).
 */
#include "client_private.h"

#include <msrpc/wire/verification.h>

/* Faults that refuse a security context rather than a call (MS-ERREF 2.2). */
#define ERROR_ACCESS_DENIED 5
#define RPC_S_UNKNOWN_AUTHN_TYPE 1741
#define RPC_S_SEC_PKG_ERROR 1825
#define NCA_PROTO_ERROR 0x1c01000b /* Samba's, to a request whose auth3 it did not accept */

static void on_resumed(void *user) {
    mr_client_resume(user);
}

/* Whoever names a provider wants it, and at some level: nobody is anonymous by an omission. */
static int check_wish(const mr_client_security *s, mr_error *err) {
    bool provided = s->provider || s->make;

    if (provided && !s->level)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "security has a provider and no level: MR_AUTH_LEVEL_PRIVACY is meant, or "
                       "MR_AUTH_LEVEL_NONE");
    if (!provided && s->level > MR_AUTH_LEVEL_NONE)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "security has a level, %u, and no provider", s->level);
    return 0;
}

int mr_client_add_guard(mr_client *c, const mr_client_security *security, mr_error *err) {
    struct mr_client_guard guard = {.security = *security, .provider = security->provider};
    mr_client_auth *auth = &c->report.auth;
    int r = check_wish(security, err);

    if (r || security->level <= MR_AUTH_LEVEL_NONE)
        return r;
    guard.security.level = mr_auth_level_wire(security->level);
    if (c->guard_count == MR_ASSOC_AUTH_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "one connection has at most %d security contexts", MR_ASSOC_AUTH_MAX);
    if (security->make)
        r = security->make(security->user, &guard.provider, err);
    if (r)
        return r;
    uint32_t id = c->guard_count;
    c->guards[c->guard_count++] = guard;
    struct mr_client_guard *kept = &c->guards[id];
    if (security->workers)
        r = mr_offload_new(c->loop, security->workers, kept->provider, on_resumed, c,
                           &kept->offload, err);
    if (!r)
        r = mr_assoc_set_security(&c->assoc,
                                  kept->offload ? mr_offload_get_security(kept->offload)
                                                : kept->provider,
                                  id, guard.security.level, err);
    if (id == 0) {
        auth->asked = true;
        auth->mechanism = kept->provider->class->name;
        auth->type = kept->provider->class->auth_type;
        auth->level = guard.security.level;
    }
    return r;
}

static void give_back(void *user, mr_security *provider) {
    const mr_client_security *security = user;
    security->give(security->user, provider);
}

static void end_offload(struct mr_client_guard *guard) {
    const mr_client_security *s = &guard->security;
    mr_security_release release = {s->make ? s->give : NULL, s->user};

    if (s->make && s->detach && mr_offload_is_busy(guard->offload))
        release = s->detach(s->user, guard->provider);
    mr_offload_free(guard->offload, release.free, release.user);
}

void mr_client_free_guards(mr_client *c) {
    while (c->guard_count) {
        struct mr_client_guard *guard = &c->guards[--c->guard_count];
        const mr_client_security *s = &guard->security;
        bool gives = s->make && s->give;
        if (guard->offload)
            end_offload(guard);
        else if (gives)
            give_back(&guard->security, guard->provider);
    }
}

bool mr_client_waits_for_worker(const mr_client *c, mr_error *err) {
    for (uint32_t i = 0; i < c->guard_count; i++) {
        const struct mr_client_guard *guard = &c->guards[i];
        if (!guard->offload || !mr_offload_is_busy(guard->offload))
            continue;
        mr_fail(err, MR_ERR_TIMEOUT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                "%s: its library was still waiting (for a ticket to hand over it asks a KDC that "
                "krb5.conf names)", guard->provider->class->name);
        return true;
    }
    return false;
}

/* ---- what became of it ---- */

static bool is_auth_fault(uint32_t status) {
    return status == ERROR_ACCESS_DENIED || status == RPC_S_UNKNOWN_AUTHN_TYPE ||
           status == RPC_S_SEC_PKG_ERROR || status == NCA_PROTO_ERROR;
}

void mr_client_take_auth_fault(mr_client *c, uint32_t status) {
    mr_client_auth *auth = &c->report.auth;

    if (!auth->asked || auth->proven || !is_auth_fault(status))
        return;
    auth->trouble = MR_AUTH_TROUBLE_FAULT;
    auth->fault = status;
}

void mr_client_judge_auth(mr_client *c, int result, const mr_error *err) {
    mr_client_auth *auth = &c->report.auth;

    if (!auth->asked || auth->trouble != MR_AUTH_TROUBLE_NONE)
        return;
    if (c->report.has_nak)
        auth->trouble = MR_AUTH_TROUBLE_NAK;
    else if (result == MR_ERR_AUTH && auth->complete)
        auth->trouble = MR_AUTH_TROUBLE_VERIFIER;
    else if (result == MR_ERR_AUTH && err->floor == MR_FLOOR_ENGINE)
        auth->trouble = MR_AUTH_TROUBLE_NO_TOKEN;
    else if (err->floor == MR_FLOOR_AUTH)
        auth->trouble = MR_AUTH_TROUBLE_PROVIDER;
    else if (!auth->proven && err->peer_kind == MR_PEER_FAULT)
        auth->trouble = MR_AUTH_TROUBLE_FAULT;
    else if (!auth->complete && c->report.connected &&
             (result == MR_ERR_CLOSED || result == MR_ERR_RESET))
        auth->trouble = MR_AUTH_TROUBLE_CLOSED;
    if (auth->trouble == MR_AUTH_TROUBLE_FAULT)
        auth->fault = err->peer;
}

/* ---- verification trailers ---- */

static mr_client_context *context_of(mr_client *c, uint16_t id) {
    return &c->contexts[id / (c->ndr64_offered ? 2 : 1)];
}

/* Headers that are signed need no second proof. That this client can sign them, whether or not
 * the server seems to, and which presentation context is meant, the server is told until it has
 * answered a call that said so: a bind that was robbed of PFC_SUPPORT_HEADER_SIGN on its way
 * contradicts CLIENT_SUPPORT_HEADER_SIGNING, and the server refuses (MS-RPCE 2.2.2.13.2). */
int mr_client_add_verification(mr_client *c, mr_call *call, mr_error *err) {
    const struct mr_client_guard *guard =
        call->auth < c->guard_count ? &c->guards[call->auth] : NULL;
    mr_assoc_info info;
    mr_event_context context = {0};

    call->verified = 0;
    if (!guard || guard->security.level < MR_AUTH_LEVEL_INTEGRITY ||
        guard->security.no_verification)
        return 0;
    mr_assoc_get_info(&c->assoc, &info);
    bool found = mr_assoc_find_context(&c->assoc, call->context, &context);
    const mr_verification v = {
        .has_bitmask = !c->bitmask_seen && !c->options.security.no_header_sign,
        .header_sign = true,
        .has_context = found && !context_of(c, call->context)->verified,
        .abstract = context.abstract,
        .transfer = context.transfer,
        .has_header = !info.header_sign,
        .ptype = MR_PTYPE_REQUEST,
        .drep = {0x10},
        .context_id = call->context,
        .opnum = call->proc->opnum,
    };
    if (!v.has_bitmask && !v.has_context && !v.has_header)
        return 0;
    int r = mr_verification_encode(&call->request, 0, &v, &call->verified);
    return r ? mr_fail(err, r, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "the request of %s is too long",
                       call->proc->name)
             : 0;
}

void mr_client_take_verified(mr_client *c, const mr_call *call) {
    if (call->auth >= c->guard_count)
        return;
    if (call->auth == 0) {
        c->report.auth.proven = true;
        c->report.auth.trouble = MR_AUTH_TROUBLE_NONE;
    }
    const mr_client_security *s = &c->guards[call->auth].security;
    if (s->level < MR_AUTH_LEVEL_INTEGRITY || s->no_verification)
        return;
    c->bitmask_seen = true;
    context_of(c, call->context)->verified = true;
}
