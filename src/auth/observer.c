/*
 * An observer of whatever comes: one of each mechanism inside, Negotiate around two of them where
 * the context asks for it. It stands between the association and the mechanism so that a step that
 * failed can be asked about afterwards.
 */
#include <stdio.h>
#include <stdlib.h>

#include <msrpc/auth/observer.h>
#include <msrpc/auth/spnego.h>

#define TEXT_MAX 640

struct mr_observer {
    mr_security base;
    const mr_observer_keys *keys;
    mr_security *inner;   /* the one that takes the tokens, of these: */
    mr_ntlm *ntlm;
    mr_krb5 *krb5;
    mr_spnego *spnego;
    mr_netlogon *netlogon;
    bool complete;
    mr_error failure;     /* of a step; code 0: none */
    char text[TEXT_MAX];
};

/* ---- the vtable ---- */

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    mr_observer *o = mr_observer_of(sec);
    int rc;

    rc = o->inner->class->step(o->inner, dir, token, out, &o->failure);
    if (rc < 0 && o->failure.code == 0)
        mr_fail(&o->failure, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", mr_result_text(rc));
    if (rc < 0 && err)
        *err = o->failure;
    o->complete = rc == 0;
    return rc;
}

static uint16_t sizes(mr_security *sec, uint8_t level) {
    const mr_observer *o = mr_observer_of(sec);

    return o->inner->class->sizes(o->inner, level);
}

static int protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                   mr_error *err) {
    (void)sec;
    (void)frag;
    (void)body;
    (void)value;
    return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "an observer protects nothing");
}

static int unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                     mr_error *err) {
    const mr_observer *o = mr_observer_of(sec);

    return o->inner->class->unprotect(o->inner, frag, body, err);
}

static const mr_security_class observer_class = {
    .name = "observer", .step = step, .sizes = sizes, .protect = protect, .unprotect = unprotect};

/* ---- its life ---- */

static int find_nobody(void *user, mr_slice account, mr_slice domain,
                       uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    (void)user;
    (void)account;
    (void)domain;
    (void)nt_hashp;
    return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "no key was given");
}

static int find_no_channel(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                           mr_error *err) {
    (void)keyp;
    return find_nobody(user, domain, computer, NULL, err);
}

static int make_ntlm(mr_observer *o, mr_error *err) {
    const mr_ntlm_options options = {
        .role = MR_SECURITY_OBSERVER,
        .find = o->keys->find_account ? o->keys->find_account : find_nobody,
        .user = o->keys->user,
    };
    int rc = mr_ntlm_new(&options, &o->ntlm, err);

    if (rc == 0)
        o->inner = mr_ntlm_get_security(o->ntlm);
    return rc;
}

static int make_krb5(mr_observer *o, mr_error *err) {
    const mr_krb5_options options = {
        .role = MR_SECURITY_OBSERVER,
        .keytab = o->keys->tickets ? mr_krb5_keys_get_name(o->keys->tickets) : NULL,
    };
    int rc = mr_krb5_new(&options, &o->krb5, err);

    if (rc == 0)
        o->inner = mr_krb5_get_security(o->krb5);
    return rc;
}

static int make_netlogon(mr_observer *o, mr_error *err) {
    const mr_netlogon_options options = {
        .role = MR_SECURITY_OBSERVER,
        .find = o->keys->find_channel ? o->keys->find_channel : find_no_channel,
        .user = o->keys->user,
    };
    int rc = mr_netlogon_new(&options, &o->netlogon, err);

    if (rc == 0)
        o->inner = mr_netlogon_get_security(o->netlogon);
    return rc;
}

static int make_spnego(mr_observer *o, mr_error *err) {
    mr_spnego_options options = {.role = MR_SECURITY_OBSERVER};
    int rc = make_krb5(o, err);

    if (rc == MR_ERR_MISSING && !o->keys->tickets) /* without the library NTLM is left */
        rc = 0;
    if (rc == 0)
        rc = make_ntlm(o, err);
    if (rc < 0)
        return rc;
    if (o->krb5)
        options.mechs[options.mech_count++] = mr_spnego_of_krb5(o->krb5);
    options.mechs[options.mech_count++] = mr_spnego_of_ntlm(o->ntlm);
    rc = mr_spnego_new(&options, &o->spnego, err);
    if (rc == 0)
        o->inner = mr_spnego_get_security(o->spnego);
    return rc;
}

int mr_observer_new(const mr_observer_keys *keys, uint8_t auth_type, mr_observer **observerp,
                    mr_error *err) {
    static const struct {
        uint8_t type;
        int (*make)(mr_observer *o, mr_error *err);
    } types[] = {
        {MR_AUTH_NTLM, make_ntlm},     {MR_AUTH_KRB5, make_krb5},
        {MR_AUTH_SPNEGO, make_spnego}, {MR_AUTH_NETLOGON, make_netlogon},
    };
    size_t i = 0;

    while (i < MR_COUNT(types) && types[i].type != auth_type)
        i++;
    if (i == MR_COUNT(types))
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "contexts of type %u cannot be observed", auth_type);
    mr_observer *o = calloc(1, sizeof *o);
    if (!o)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for an observer");
    o->base = (mr_security){&observer_class, MR_SECURITY_OBSERVER};
    o->keys = keys;
    int rc = types[i].make(o, err);
    if (rc < 0) {
        mr_observer_free(o);
        return rc;
    }
    *observerp = o;
    return 0;
}

void mr_observer_free(mr_observer *o) {
    if (!o)
        return;
    mr_spnego_free(o->spnego);
    mr_ntlm_free(o->ntlm);
    mr_krb5_free(o->krb5);
    mr_netlogon_free(o->netlogon);
    free(o);
}

mr_security *mr_observer_get_security(mr_observer *o) {
    return &o->base;
}

mr_observer *mr_observer_of(mr_security *security) {
    return (mr_observer *)security; /* its first member */
}

/* ---- how it stands ---- */

static const char *etype_name(int32_t etype) {
    switch (etype) {
    case 3: return "des-cbc-md5";
    case 17: return "aes128-cts-hmac-sha1-96";
    case 18: return "aes256-cts-hmac-sha1-96";
    case 19: return "aes128-cts-hmac-sha256-128";
    case 20: return "aes256-cts-hmac-sha384-192";
    case 23: return "rc4-hmac";
    }
    return "another encryption type";
}

/* "DOMAIN\user", as far as told. */
static void put_account(char *out, size_t size, const char *domain, const char *user) {
    snprintf(out, size, "%s%s%s", domain, *domain ? "\\" : "", user);
}

static void describe_ntlm(mr_observer *o) {
    mr_ntlm_info info;
    char who[TEXT_MAX / 2];

    mr_ntlm_get_info(o->ntlm, &info);
    put_account(who, sizeof who, info.user_domain, info.user);
    if (o->complete)
        snprintf(o->text, sizeof o->text, "%s by NTLM", info.anonymous ? "nobody" : who);
    else if (info.failure == MR_NTLM_FAIL_ACCOUNT)
        snprintf(o->text, sizeof o->text, "the NT hash or password of %s", who);
    else if (info.failure == MR_NTLM_FAIL_PASSWORD)
        snprintf(o->text, sizeof o->text,
                 "another NT hash or password of %s: the one given does not fit this logon", who);
    else
        snprintf(o->text, sizeof o->text, "%s", o->failure.text);
}

static void describe_krb5(mr_observer *o) {
    mr_krb5_info info;

    mr_krb5_get_info(o->krb5, &info);
    if (o->complete)
        snprintf(o->text, sizeof o->text, "%s by Kerberos, for %s", info.client, info.service);
    else if (*info.service && !*info.client && info.ticket_kvno)
        snprintf(o->text, sizeof o->text, "a keytab with the key of %s: number %u, %s",
                 info.service, info.ticket_kvno, etype_name(info.ticket_etype));
    else if (*info.service && !*info.client)
        snprintf(o->text, sizeof o->text, "a keytab with the key of %s: %s", info.service,
                 etype_name(info.ticket_etype));
    else
        snprintf(o->text, sizeof o->text, "%s", o->failure.text);
}

static void describe_netlogon(mr_observer *o) {
    mr_netlogon_info info;
    char who[TEXT_MAX / 2];

    mr_netlogon_get_info(o->netlogon, &info);
    put_account(who, sizeof who, info.domain, info.computer);
    snprintf(o->text, sizeof o->text, o->complete ? "%s by Netlogon" :
             "the NT hash of %s$, and in the capture how its channel began", who);
}

static void describe_spnego(mr_observer *o) {
    mr_spnego_info info;

    mr_spnego_get_info(o->spnego, &info);
    if (info.security && o->krb5 && info.security == mr_krb5_get_security(o->krb5))
        describe_krb5(o);
    else if (info.security)
        describe_ntlm(o);
    else
        snprintf(o->text, sizeof o->text, "%s", o->failure.text);
}

void mr_observer_get_info(mr_observer *o, mr_observer_info *infop) {
    bool closed = o->failure.code != 0;

    o->text[0] = '\0';
    if (!o->complete && !closed)
        ;
    else if (o->spnego)
        describe_spnego(o);
    else if (o->krb5)
        describe_krb5(o);
    else if (o->ntlm)
        describe_ntlm(o);
    else
        describe_netlogon(o);
    *infop = (mr_observer_info){.complete = o->complete, .closed = closed, .text = o->text};
}
