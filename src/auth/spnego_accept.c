/*
 * The acceptor and the observer (RFC 4178 4.2, 5, MS-SPNG 3.2.5): the first mechanism of the
 * client's list that is here, its exchange, and the signature of the list.
 */
#include "spnego_private.h"

/* What Windows tells those who ask for its list first (MS-SPNG 3.2.5.2). */
#define HINT "not_defined_in_RFC4178@please_ignore"

/* An empty token asks for our list (MS-SPNG 2.2.1). */
static int send_hints(mr_spnego *n, mr_buf *out, mr_error *err) {
    enum mr_mech mechs[2 * MR_SPNEGO_INNER_MAX];
    mr_spnego_init init = {.hint = HINT};
    size_t count = 0;
    int rc;

    if (n->hinted)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the client sent no token");
    n->hinted = true;
    for (size_t i = 0; i < n->mech_count; i++) {
        if (n->mechs[i].mech == MR_MECH_KRB5)
            mechs[count++] = MR_MECH_MS_KRB5;
        mechs[count++] = n->mechs[i].mech;
    }
    mr_buf_reset(&n->mech_list);
    rc = mr_spnego_mechs_encode(mechs, count, &n->mech_list);
    init.mech_list = mr_buf_slice(&n->mech_list);
    if (rc == 0)
        rc = mr_spnego_init_encode(&init, out);
    return rc < 0 ? mr_spnego_fail(n, err, rc, "no room for a token") : MR_SECURITY_CONTINUE;
}

/* A client that skips SPNEGO. */
static int take_bare(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    mr_spnego_mech *mech = mr_spnego_find(n, t->mech);

    if (!mech)
        return mr_spnego_fail(n, err, MR_ERR_AUTH, "the client wants %s, which is not taken",
                              mr_mech_name(t->mech));
    mr_spnego_choose(n, mech, t->mech);
    n->info.bare = true;
    return 0;
}

/* Takes the list and chooses. Returns 0, 1 when it is another mechanism than the list's first, or
 * a negative result. */
static int take_list(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    int rc = mr_spnego_keep_list(n, t, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < t->mech_count; i++) {
        mr_spnego_mech *mech = mr_spnego_find(n, t->mechs[i]);
        if (!mech)
            continue;
        mr_spnego_choose(n, mech, t->mechs[i]);
        if (mr_spnego_same(t->mechs[i], t->mechs[0]))
            return 0;
        mr_spnego_fall_back(n, MR_SPNEGO_FALLBACK_ACCEPTOR,
                            "the client would rather have %s, which is not taken",
                            mr_mech_name(t->mechs[0]));
        n->must_protect = true;
        return 1;
    }
    return mr_spnego_fail(n, err, MR_ERR_AUTH, "the client offers nothing that is taken, %s first",
                          mr_mech_name(t->mech_count ? t->mechs[0] : MR_MECH_UNKNOWN));
}

/* Answers once the mechanism took the client's token. */
static int go_on(mr_spnego *n, mr_buf *out, mr_error *err) {
    enum mr_mech told = n->agreed ? MR_MECH_UNKNOWN : n->mech;
    uint8_t state = n->must_protect && !n->agreed ? MR_SPNEGO_REQUEST_MIC : MR_SPNEGO_INCOMPLETE;
    int rc = mr_spnego_check_list(n, MR_DIR_TO_SERVER, err);
    bool done = n->inner_done &&
                (n->checked_list || !n->must_protect || !mr_spnego_can_sign(n));

    if (rc < 0)
        return rc;
    if (n->inner_done && !done) {
        if (n->asked)
            return mr_spnego_fail_unprotected(n, "client", err);
        n->asked = true;
        state = MR_SPNEGO_REQUEST_MIC;
    }
    n->agreed = true;
    rc = mr_spnego_answer(n, done ? MR_SPNEGO_COMPLETED : state, told, done && n->checked_list,
                          out, err);
    if (rc < 0)
        return rc;
    n->stage = MR_SPNEGO_TALKING;
    if (!done)
        return MR_SECURITY_CONTINUE;
    mr_spnego_complete(n);
    return 0;
}

/* The mechanism takes the client's token, if there is one, then we answer. */
static int take_token(mr_spnego *n, mr_slice token, mr_buf *out, mr_error *err) {
    int rc = 0;

    if (token.len > 0 || n->inner_pending)
        rc = mr_spnego_step_inner(n, MR_DIR_TO_SERVER, token, err);
    return rc < 0 || rc == MR_SECURITY_PENDING ? rc : go_on(n, out, err);
}

static int take_first(mr_spnego *n, const mr_gss_token *t, mr_buf *out, mr_error *err) {
    int rc;

    switch (t->wrap) {
    case MR_GSS_BARE:
    case MR_GSS_FRAMED:
        rc = take_bare(n, t, err);
        return rc < 0 ? rc : mr_spnego_step_bare(n, MR_DIR_TO_SERVER, t->whole, out, err);
    case MR_GSS_RESP:
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the client answers what was not asked");
    case MR_GSS_INIT:
        break;
    }
    rc = take_list(n, t, err);
    if (rc < 0)
        return rc;
    /* a token for a mechanism that is not taken is of no use (RFC 4178 4.2.1) */
    return take_token(n, rc > 0 ? MR_SLICE_NULL : t->whole, out, err);
}

static int take_next(mr_spnego *n, const mr_gss_token *t, mr_buf *out, mr_error *err) {
    int rc;

    if (t->wrap != MR_GSS_RESP)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the client began anew");
    if (t->state == MR_SPNEGO_REJECT) {
        n->info.rejected = true;
        return mr_spnego_fail(n, err, MR_ERR_AUTH, "the client broke off the negotiation");
    }
    if (t->whole.len == 0 && !n->inner_done)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the client sent no token of %s",
                              mr_mech_name(n->mech));
    if (t->whole.len > 0 && n->inner_done)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the client sent a token too many");
    rc = mr_spnego_keep_peer(n, t, err);
    return rc < 0 ? rc : take_token(n, t->whole, out, err);
}

int mr_spnego_accept(mr_spnego *n, mr_slice token, mr_buf *out, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    mr_gss_token t;
    int rc;

    if (n->info.bare)
        return mr_spnego_step_bare(n, MR_DIR_TO_SERVER, token, out, err);
    if (n->inner_pending)
        return take_token(n, MR_SLICE_NULL, out, err);
    if (n->stage == MR_SPNEGO_BEGIN && token.len == 0)
        return send_hints(n, out, err);
    rc = mr_gss_token_decode(token, &t, &cause);
    if (rc < 0)
        return mr_spnego_fail_of(n, err, rc, &cause);
    return n->stage == MR_SPNEGO_BEGIN ? take_first(n, &t, out, err) : take_next(n, &t, out, err);
}

/* ---- the observer ---- */

static int watch_first(mr_spnego *n, enum mr_dir dir, const mr_gss_token *t, mr_error *err) {
    int rc;

    switch (t->wrap) {
    case MR_GSS_BARE:
    case MR_GSS_FRAMED:
        rc = take_bare(n, t, err);
        return rc < 0 ? rc : mr_spnego_step_bare(n, dir, t->whole, NULL, err);
    case MR_GSS_RESP:
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the client's first token was not seen");
    case MR_GSS_INIT:
        break;
    }
    if (dir == MR_DIR_TO_CLIENT) /* a server's hints */
        return MR_SECURITY_CONTINUE;
    rc = mr_spnego_keep_list(n, t, err);
    if (rc < 0)
        return rc;
    n->stage = MR_SPNEGO_TALKING;
    n->mech = t->mechs[0];
    n->chosen = mr_spnego_find(n, n->mech);
    /* a token that cannot be opened matters once the server takes the mechanism */
    if (n->chosen && t->whole.len > 0 &&
        mr_spnego_try_inner(n, dir, t->whole, &n->detail) == MR_ERR_MEMORY)
        return mr_spnego_fail_of(n, err, MR_ERR_MEMORY, &n->detail);
    return MR_SECURITY_CONTINUE;
}

/* The server's choice; an observer may lack its keys. */
static int watch_choice(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    enum mr_mech mech = t->supported == MR_MECH_UNKNOWN ? n->mech : t->supported;

    n->agreed = true;
    if (!mr_spnego_same(mech, n->mech)) {
        mr_spnego_fall_back(n, MR_SPNEGO_FALLBACK_ACCEPTOR, "the server does not take %s",
                            mr_mech_name(n->mech));
        n->chosen = mr_spnego_find(n, mech);
    }
    n->info.chosen = mech;
    if (!n->chosen)
        return mr_spnego_fail(n, err, MR_ERR_NOT_FOUND, "there is no key for %s",
                              mr_mech_name(mech));
    mr_spnego_choose(n, n->chosen, mech);
    return mr_spnego_same(mech, n->info.offered[0]) && n->detail.code
               ? mr_spnego_fail_of(n, err, n->detail.code, &n->detail)
               : 0;
}

static int watch_next(mr_spnego *n, enum mr_dir dir, const mr_gss_token *t, mr_error *err) {
    bool server = dir == MR_DIR_TO_CLIENT;
    int rc = 0;

    if (t->wrap != MR_GSS_RESP || t->state == MR_SPNEGO_REJECT) {
        n->info.rejected = t->state == MR_SPNEGO_REJECT;
        return mr_spnego_fail(n, err, MR_ERR_AUTH, "the %s broke off the negotiation",
                              server ? "server" : "client");
    }
    if (server && !n->agreed)
        rc = watch_choice(n, t, err);
    if (rc == 0 && !n->chosen)
        rc = mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the server's choice was not seen");
    if (rc == 0)
        rc = mr_spnego_keep_peer(n, t, err);
    if (rc == 0 && t->whole.len > 0)
        rc = mr_spnego_step_inner(n, dir, t->whole, err);
    bool mic = n->peer_mic_len > 0;
    if (rc >= 0)
        rc = mr_spnego_check_list(n, dir, err);
    if (rc < 0)
        return rc;
    /* an unsigned last token of the client's may be its very last, in an auth3 */
    if (!n->inner_done || (server ? t->state != MR_SPNEGO_COMPLETED && !mic : mic))
        return MR_SECURITY_CONTINUE;
    mr_spnego_complete(n);
    return 0;
}

int mr_spnego_observe(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    mr_gss_token t;
    int rc;

    if (n->info.bare)
        return mr_spnego_step_bare(n, dir, token, NULL, err);
    rc = mr_gss_token_decode(token, &t, &cause);
    if (rc < 0)
        return mr_spnego_fail_of(n, err, rc, &cause);
    return n->stage == MR_SPNEGO_BEGIN ? watch_first(n, dir, &t, err)
                                       : watch_next(n, dir, &t, err);
}
