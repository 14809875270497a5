/* The object behind Negotiate's three roles: its mechanisms, the signed list, what it can tell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "spnego_private.h"

#define LIST_MAX ((size_t)4 << 10)   /* octets of a list of mechanisms */
#define TOKEN_MAX ((size_t)64 << 10) /* octets of a mechanism's token: more fits no trailer */

/* ---- mechanisms ---- */

static int krb5_get_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, uint8_t *micp,
                        size_t *lenp, mr_error *err) {
    return mr_krb5_get_mic((mr_krb5 *)sec, dir, octets, micp, lenp, err);
}

static int krb5_verify_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, mr_slice mic,
                           mr_error *err) {
    return mr_krb5_verify_mic((mr_krb5 *)sec, dir, octets, mic, err);
}

mr_spnego_mech mr_spnego_of_krb5(mr_krb5 *krb5) {
    return (mr_spnego_mech){.mech = MR_MECH_KRB5, .security = mr_krb5_get_security(krb5),
                            .get_mic = krb5_get_mic, .verify_mic = krb5_verify_mic};
}

static int ntlm_get_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, uint8_t *micp,
                        size_t *lenp, mr_error *err) {
    *lenp = MR_NTLM_SIGNATURE;
    return mr_ntlm_get_mic((mr_ntlm *)sec, dir, octets, micp, err);
}

static int ntlm_verify_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, mr_slice mic,
                           mr_error *err) {
    return mr_ntlm_verify_mic((mr_ntlm *)sec, dir, octets, mic, err);
}

/* Without NTLMSSP_NEGOTIATE_SIGN, as at level connect, Samba neither makes nor checks any. */
static bool ntlm_can_sign(mr_security *sec) {
    mr_ntlm_info info;

    mr_ntlm_get_info((mr_ntlm *)sec, &info);
    return info.flags & MR_NTLM_SIGN;
}

static void ntlm_reset(mr_security *sec, bool from_zero) {
    mr_ntlm_reset_for_spnego((mr_ntlm *)sec, from_zero);
}

mr_spnego_mech mr_spnego_of_ntlm(mr_ntlm *ntlm) {
    return (mr_spnego_mech){.mech = MR_MECH_NTLM, .security = mr_ntlm_get_security(ntlm),
                            .get_mic = ntlm_get_mic, .verify_mic = ntlm_verify_mic,
                            .can_sign = ntlm_can_sign, .reset = ntlm_reset};
}

bool mr_spnego_same(enum mr_mech a, enum mr_mech b) {
    return (a == MR_MECH_MS_KRB5 ? MR_MECH_KRB5 : a) == (b == MR_MECH_MS_KRB5 ? MR_MECH_KRB5 : b);
}

mr_spnego_mech *mr_spnego_find(mr_spnego *n, enum mr_mech mech) {
    for (size_t i = 0; i < n->mech_count; i++)
        if (mr_spnego_same(n->mechs[i].mech, mech))
            return &n->mechs[i];
    return NULL;
}

void mr_spnego_choose(mr_spnego *n, mr_spnego_mech *chosen, enum mr_mech mech) {
    n->chosen = chosen;
    n->mech = mech;
    n->info.security = chosen->security;
    n->info.chosen = mech;
}

/* ---- failures ---- */

static int end(mr_spnego *n, mr_error *err) {
    n->stage = MR_SPNEGO_FAILED;
    n->info.failure = n->detail.text;
    if (err)
        *err = n->detail;
    return n->detail.code;
}

int mr_spnego_fail(mr_spnego *n, mr_error *err, int code, const char *fmt, ...) {
    char text[sizeof n->detail.text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mr_fail(&n->detail, code, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "SPNEGO: %s", text);
    return end(n, err);
}

int mr_spnego_fail_of(mr_spnego *n, mr_error *err, int code, const mr_error *cause) {
    n->detail = *cause;
    if (n->detail.code == 0)
        mr_fail(&n->detail, code, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "SPNEGO: %s",
                mr_result_text(code));
    return end(n, err);
}

void mr_spnego_fall_back(mr_spnego *n, enum mr_spnego_fallback who, const char *fmt, ...) {
    va_list ap;

    if (n->info.fallback != MR_SPNEGO_NO_FALLBACK)
        return; /* the first is the one to be told */
    n->info.fallback = who;
    va_start(ap, fmt);
    vsnprintf(n->why, sizeof n->why, fmt, ap);
    va_end(ap);
}

int mr_spnego_fail_unprotected(mr_spnego *n, const char *who, mr_error *err) {
    n->info.tampered = true;
    return mr_spnego_fail(n, err, MR_ERR_AUTH,
                          "the %s did not sign the list of mechanisms although %s is not its "
                          "first: a better one may have been struck from it on its way", who,
                          mr_mech_name(n->mech));
}

/* ---- what comes ---- */

int mr_spnego_keep_list(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    mr_buf_reset(&n->mech_list);
    mr_buf_write(&n->mech_list, t->mech_list);
    if (mr_buf_error(&n->mech_list) < 0)
        return mr_spnego_fail(n, err, mr_buf_error(&n->mech_list),
                              "no room for the list of mechanisms");
    memcpy(n->info.offered, t->mechs, sizeof n->info.offered);
    n->info.offered_count = t->mech_count;
    return 0;
}

int mr_spnego_keep_peer(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    /* Windows 2000 repeats its token where the signature belongs (MS-SPNG 3.1.5.1) */
    mr_slice mic = mr_slice_eq(t->mic, t->whole) ? MR_SLICE_NULL : t->mic;

    if (mic.len > sizeof n->peer_mic)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "a mechListMIC has %zu octets", mic.len);
    n->peer_state = t->state;
    n->peer_mic_len = mic.len;
    if (mic.len > 0)
        memcpy(n->peer_mic, mic.data, mic.len);
    return 0;
}

/* ---- the mechanism ---- */

static void note_inner(mr_spnego *n, int rc) {
    n->inner_done = rc == 0;
    n->inner_pending = rc == MR_SECURITY_PENDING;
}

int mr_spnego_try_inner(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_error *err) {
    mr_security *sec = n->chosen->security;
    int rc;

    mr_buf_reset(&n->token);
    rc = sec->class->step(sec, dir, token, &n->token, err);
    if (rc >= 0 && mr_buf_error(&n->token) < 0)
        rc = mr_fail(err, mr_buf_error(&n->token), MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "SPNEGO: no room for a token of %s", sec->class->name);
    note_inner(n, rc);
    return rc;
}

int mr_spnego_step_inner(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    int rc = mr_spnego_try_inner(n, dir, token, &cause);

    return rc < 0 ? mr_spnego_fail_of(n, err, rc, &cause) : rc;
}

int mr_spnego_step_bare(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_buf *out,
                        mr_error *err) {
    mr_security *sec = n->chosen->security;
    mr_error cause = MR_ERROR_INIT;
    int rc = sec->class->step(sec, dir, token, out, &cause);

    if (rc < 0)
        return mr_spnego_fail_of(n, err, rc, &cause);
    note_inner(n, rc);
    n->stage = rc == 0 ? MR_SPNEGO_COMPLETE : MR_SPNEGO_TALKING;
    n->info.complete = rc == 0;
    return rc;
}

/* ---- the list's signature, RFC 4178 5 ---- */

bool mr_spnego_can_sign(const mr_spnego *n) {
    const mr_spnego_mech *m = n->chosen;

    return m && m->get_mic && (!m->can_sign || m->can_sign(m->security));
}

static int sign(mr_spnego *n, uint8_t mic[MR_SPNEGO_MIC_MAX], size_t *lenp, mr_error *err) {
    enum mr_dir dir = n->base.role == MR_SECURITY_INITIATOR ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT;
    mr_error cause = MR_ERROR_INIT;
    int rc = n->chosen->get_mic(n->chosen->security, dir, mr_buf_slice(&n->mech_list), mic, lenp,
                                &cause);

    n->signed_list = rc == 0;
    return rc < 0 ? mr_spnego_fail_of(n, err, rc, &cause) : 0;
}

int mr_spnego_check_list(mr_spnego *n, enum mr_dir dir, mr_error *err) {
    mr_slice mic = mr_slice_of(n->peer_mic, n->peer_mic_len);
    mr_error cause = MR_ERROR_INIT;
    int rc;

    n->peer_mic_len = 0;
    if (mic.len == 0 || !mr_spnego_can_sign(n))
        return 0;
    if (!n->inner_done)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL,
                              "a mechListMIC came before %s was complete", mr_mech_name(n->mech));
    rc = n->chosen->verify_mic(n->chosen->security, dir, mr_buf_slice(&n->mech_list), mic,
                               &cause);
    if (rc == MR_ERR_AUTH) {
        n->info.tampered = true;
        return mr_spnego_fail(n, err, rc, "the list of mechanisms was changed on its way: its "
                              "signature (mechListMIC) is wrong");
    }
    if (rc < 0)
        return mr_spnego_fail_of(n, err, rc, &cause);
    n->checked_list = true;
    n->info.protected = true;
    return 0;
}

int mr_spnego_answer(mr_spnego *n, uint8_t state, enum mr_mech mech, bool signing, mr_buf *out,
                     mr_error *err) {
    mr_spnego_resp resp = {.state = state, .mech = mech, .token = mr_buf_slice(&n->token)};
    uint8_t mic[MR_SPNEGO_MIC_MAX];
    size_t len = 0;
    int rc = signing ? sign(n, mic, &len, err) : 0;

    if (rc < 0)
        return rc;
    resp.mic = mr_slice_of(mic, len);
    rc = mr_spnego_resp_encode(&resp, out);
    mr_buf_reset(&n->token);
    return rc < 0 ? mr_spnego_fail(n, err, rc, "no room for a token") : 0;
}

void mr_spnego_complete(mr_spnego *n) {
    n->stage = MR_SPNEGO_COMPLETE;
    n->info.complete = true;
    if ((n->signed_list || n->checked_list) && n->chosen->reset)
        n->chosen->reset(n->chosen->security, !n->checked_list);
}

/* ---- the class ---- */

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    mr_spnego *n = (mr_spnego *)sec;

    if (n->stage == MR_SPNEGO_FAILED) {
        if (err)
            *err = n->detail;
        return n->detail.code;
    }
    if (n->stage == MR_SPNEGO_COMPLETE)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "a token came after the negotiation");
    switch (sec->role) {
    case MR_SECURITY_INITIATOR:
        return mr_spnego_initiate(n, token, out, err);
    case MR_SECURITY_ACCEPTOR:
        return mr_spnego_accept(n, token, out, err);
    case MR_SECURITY_OBSERVER:
        break;
    }
    return mr_spnego_observe(n, dir, token, err);
}

static uint16_t sizes(mr_security *sec, uint8_t level) {
    const mr_spnego *n = (const mr_spnego *)sec;

    return n->chosen ? n->chosen->security->class->sizes(n->chosen->security, level) : 0;
}

static int incomplete(mr_error *err) {
    return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "SPNEGO: the negotiation is not complete");
}

static int protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                   mr_error *err) {
    const mr_spnego *n = (const mr_spnego *)sec;

    if (n->stage != MR_SPNEGO_COMPLETE)
        return incomplete(err);
    return n->chosen->security->class->protect(n->chosen->security, frag, body, value, err);
}

static int unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                     mr_error *err) {
    const mr_spnego *n = (const mr_spnego *)sec;

    if (n->stage != MR_SPNEGO_COMPLETE)
        return incomplete(err);
    return n->chosen->security->class->unprotect(n->chosen->security, frag, body, err);
}

static const mr_security_class spnego_class = {
    .name = "Negotiate",
    .auth_type = MR_AUTH_SPNEGO,
    .step = step,
    .sizes = sizes,
    .protect = protect,
    .unprotect = unprotect,
};

/* ---- its life ---- */

static int check_options(const mr_spnego_options *o, mr_error *err) {
    const char *what = NULL;

    if (o->mech_count == 0 || o->mech_count > MR_SPNEGO_INNER_MAX)
        what = "SPNEGO needs one to four mechanisms";
    for (size_t i = 0; !what && i < o->mech_count; i++) {
        if (o->mechs[i].security->role != o->role)
            what = "SPNEGO's mechanisms have to have its role";
        if (mr_mech_oid(o->mechs[i].mech).len == 0 ||
            !o->mechs[i].get_mic != !o->mechs[i].verify_mic)
            what = "SPNEGO cannot negotiate such a mechanism";
    }
    return what ? mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", what) : 0;
}

int mr_spnego_new(const mr_spnego_options *options, mr_spnego **spnegop, mr_error *err) {
    int rc = check_options(options, err);
    mr_spnego *n = rc < 0 ? NULL : calloc(1, sizeof *n);

    if (rc < 0)
        return rc;
    if (!n)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for a negotiation");
    n->base = (mr_security){&spnego_class, options->role};
    memcpy(n->mechs, options->mechs, sizeof n->mechs);
    n->mech_count = options->mech_count;
    n->info.why = n->why;
    n->info.failure = "";
    mr_buf_init(&n->mech_list, NULL, 0, LIST_MAX);
    mr_buf_init(&n->token, NULL, 0, TOKEN_MAX);
    if (options->missing)
        mr_spnego_fall_back(n, MR_SPNEGO_FALLBACK_INITIATOR, "%s", options->missing);
    *spnegop = n;
    return 0;
}

void mr_spnego_free(mr_spnego *n) {
    if (!n)
        return;
    mr_buf_deinit(&n->mech_list);
    mr_buf_deinit(&n->token);
    free(n);
}

mr_security *mr_spnego_get_security(mr_spnego *n) {
    return &n->base;
}

void mr_spnego_get_info(const mr_spnego *n, mr_spnego_info *infop) {
    *infop = n->info;
}
