/*
 * Providers of a logon that is done: each connection has a security context of its own, all use the
 * same tickets and the same password. SPNEGO's inner providers go with it.
 */
#include "logon_private.h"

#include <msrpc/crypto.h>

#include <stdlib.h>

void mr_logon_made_free(struct mr_logon_made *made) {
    if (!made)
        return;
    mr_spnego_free(made->is.spnego);
    mr_krb5_free(made->is.krb5);
    mr_ntlm_free(made->is.ntlm);
    mr_netlogon_free(made->is.netlogon);
    free(made);
}

static int no_entropy(mr_error *err) {
    return mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                   "the system gives no random octets");
}

static int make_ntlm(const mr_logon *l, mr_ntlm **ntlmp, mr_error *err) {
    const mr_logon_options *o = &l->options;
    mr_ntlm_options n = {.role = MR_SECURITY_INITIATOR, .level = o->level, .v1 = o->ntlm_v1,
                         .weak = o->ntlm_weak, .identity = o->identity,
                         .workstation = o->workstation, .spn = l->spn};
    int64_t now;
    uint32_t nsec;

    mr_clock_get_wall(&now, &nsec);
    n.now = mr_time_filetime(now, nsec);
    uint8_t bindings[MR_NTLM_BINDINGS];
    int r = o->bindings.len ? mr_ntlm_hash_bindings(o->bindings, bindings, err) : 0;
    if (o->bindings.len)
        n.bindings = bindings;
    if (r == 0 && mr_entropy_get(n.entropy, sizeof n.entropy))
        r = no_entropy(err);
    if (r == 0)
        r = mr_ntlm_new(&n, ntlmp, err);
    mr_wipe(n.entropy, sizeof n.entropy);
    return r;
}

int mr_logon_new_krb5(const mr_krb5_options *options, mr_krb5 **krb5p, mr_error *err) {
    mr_krb5_options k = *options;
    uint32_t nsec;

    mr_clock_get_wall(&k.now, &nsec);
    int r = mr_entropy_get(k.entropy, sizeof k.entropy) ? no_entropy(err)
                                                        : mr_krb5_new(&k, krb5p, err);
    mr_wipe(k.entropy, sizeof k.entropy);
    return r;
}

static int make_krb5(const mr_logon *l, mr_krb5 **krb5p, mr_error *err) {
    mr_krb5_options k = l->work->provider;

    k.level = l->options.level;
    k.service = l->report.tickets.service;
    k.ccache = l->report.tickets.ccache;
    return mr_logon_new_krb5(&k, krb5p, err);
}

static int make_spnego(const mr_logon *l, mr_logon_provider *p, mr_error *err) {
    mr_spnego_options s = {.role = MR_SECURITY_INITIATOR};

    if (p->krb5)
        s.mechs[s.mech_count++] = mr_spnego_of_krb5(p->krb5);
    if (p->ntlm)
        s.mechs[s.mech_count++] = mr_spnego_of_ntlm(p->ntlm);
    if (l->report.fallback)
        s.missing = l->report.why.text;
    return mr_spnego_new(&s, &p->spnego, err);
}

static int make_parts(const mr_logon *l, mr_logon_provider *p, mr_error *err) {
    int r = l->report.kerberos ? make_krb5(l, &p->krb5, err) : 0;

    if (r == 0 && l->report.ntlm)
        r = make_ntlm(l, &p->ntlm, err);
    if (r)
        return r;
    switch (l->options.mechanism) {
    case MR_LOGON_NEGOTIATE:
        r = make_spnego(l, p, err);
        if (r == 0)
            p->security = mr_spnego_get_security(p->spnego);
        return r;
    case MR_LOGON_KERBEROS:
        p->security = mr_krb5_get_security(p->krb5);
        return 0;
    case MR_LOGON_NTLM:
        p->security = mr_ntlm_get_security(p->ntlm);
        return 0;
    case MR_LOGON_NETLOGON:
        r = mr_logon_channel_make(l, &p->netlogon, err);
        if (r == 0)
            p->security = mr_netlogon_get_security(p->netlogon);
        return r;
    }
    return MR_ERR_STATE;
}

int mr_logon_make(void *logon, mr_security **securityp, mr_error *err) {
    mr_logon *l = logon;

    if (l->report.stage != MR_LOGON_DONE)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "nobody is logged on");
    struct mr_logon_made *made = calloc(1, sizeof *made);
    if (!made)
        return mr_logon_no_memory(err);
    int r = make_parts(l, &made->is, err);
    if (r) {
        mr_logon_made_free(made);
        return r;
    }
    mr_logon_made_free(l->kept);
    l->kept = NULL;
    made->next = l->made;
    l->made = made;
    *securityp = made->is.security;
    return 0;
}

/* No longer one of those in use; NULL: it is not. */
static struct mr_logon_made *take_out(mr_logon *l, const mr_security *security) {
    struct mr_logon_made **at = &l->made;

    while (*at && (*at)->is.security != security)
        at = &(*at)->next;
    struct mr_logon_made *made = *at;
    if (made) {
        *at = made->next;
        made->next = NULL;
    }
    return made;
}

void mr_logon_give(void *logon, mr_security *security) {
    mr_logon *l = logon;
    struct mr_logon_made *made = take_out(l, security);

    if (!made)
        return;
    mr_logon_made_free(l->kept);
    l->kept = made;
}

static void free_detached(void *user, mr_security *security) {
    (void)security;
    mr_logon_made_free(user);
}

mr_security_release mr_logon_detach(void *logon, mr_security *security) {
    return (mr_security_release){free_detached, take_out(logon, security)};
}

int mr_logon_find(const mr_logon *l, const mr_security *security,
                  mr_logon_provider *providerp) {
    const struct mr_logon_made *found = l->made ? l->made : l->kept;

    if (security) {
        found = l->kept && l->kept->is.security == security ? l->kept : NULL;
        for (const struct mr_logon_made *made = l->made; made && !found; made = made->next)
            if (made->is.security == security)
                found = made;
    }
    if (!found)
        return MR_ERR_NOT_FOUND;
    *providerp = found->is;
    return 0;
}
