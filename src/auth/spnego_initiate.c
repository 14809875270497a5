/*
 * The initiator (RFC 4178 4.2, 5): a list with the first mechanism's token, then whatever the
 * chosen mechanism and the signature of the list need.
 */
#include <stdio.h>

#include "spnego_private.h"

/* The names of what we offer, for people. */
static const char *offered_text(const mr_spnego *n, char *out, size_t size) {
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n->info.offered_count && len < size; i++)
        if (i == 0 || !mr_spnego_same(n->info.offered[i], n->info.offered[i - 1]))
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
                                    mr_mech_name(n->info.offered[i]));
    return out;
}

/* The mechanisms that are left as they are offered; Kerberos by both names, as Windows does. */
static void list_mechs(mr_spnego *n, const mr_spnego_mech *first) {
    uint8_t count = 0;

    for (const mr_spnego_mech *m = first; m < n->mechs + n->mech_count; m++) {
        if (m->mech == MR_MECH_KRB5)
            n->info.offered[count++] = MR_MECH_MS_KRB5;
        n->info.offered[count++] = m->mech;
    }
    n->info.offered_count = count;
}

static int send_list(mr_spnego *n, mr_spnego_mech *first, mr_buf *out, mr_error *err) {
    mr_spnego_init init = {.token = mr_buf_slice(&n->token)};
    int rc;

    list_mechs(n, first);
    n->mech = n->info.offered[0];
    mr_buf_reset(&n->mech_list);
    rc = mr_spnego_mechs_encode(n->info.offered, n->info.offered_count, &n->mech_list);
    init.mech_list = mr_buf_slice(&n->mech_list);
    if (rc == 0)
        rc = mr_spnego_init_encode(&init, out);
    if (rc < 0)
        return mr_spnego_fail(n, err, rc, "no room for the first token");
    mr_buf_reset(&n->token);
    n->stage = MR_SPNEGO_TALKING;
    return MR_SECURITY_CONTINUE;
}

/* The first mechanism that can begin; those before it are not offered. A want of memory is no
 * reason to offer less. */
static int begin(mr_spnego *n, mr_buf *out, mr_error *err) {
    mr_error first = MR_ERROR_INIT;

    if (!n->chosen)
        n->chosen = n->mechs;
    for (; n->chosen < n->mechs + n->mech_count; n->chosen++) {
        mr_error cause = MR_ERROR_INIT;
        int rc = mr_spnego_try_inner(n, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &cause);
        if (rc == MR_SECURITY_PENDING)
            return rc;
        if (rc >= 0)
            return send_list(n, n->chosen, out, err);
        if (rc == MR_ERR_MEMORY)
            return mr_spnego_fail_of(n, err, rc, &cause);
        if (first.code == 0)
            first = cause;
        mr_spnego_fall_back(n, MR_SPNEGO_FALLBACK_INITIATOR, "%s", cause.text);
    }
    n->chosen = NULL;
    return mr_spnego_fail_of(n, err, first.code, &first);
}

/* The acceptor's choice, told in its first answer. Returns 0, 1 when it is another mechanism than
 * the one begun with, or a negative result. */
static int take_choice(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    enum mr_mech mech = t->supported == MR_MECH_UNKNOWN ? n->mech : t->supported;
    mr_spnego_mech *chosen = NULL;

    if (mr_spnego_same(mech, n->mech)) {
        mr_spnego_choose(n, n->chosen, n->agreed ? n->mech : mech);
        n->agreed = true;
        return 0;
    }
    if (n->agreed)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the server chose %s after it had chosen %s",
                              mr_mech_name(mech), mr_mech_name(n->mech));
    for (size_t i = 0; i < n->info.offered_count && !chosen; i++)
        if (mr_spnego_same(n->info.offered[i], mech))
            chosen = mr_spnego_find(n, mech);
    if (!chosen)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL,
                              "the server chose %s, which was not offered", mr_mech_name(mech));
    if (t->whole.len > 0)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the server sent a token of %s, which was "
                              "not begun", mr_mech_name(mech));
    mr_spnego_fall_back(n, MR_SPNEGO_FALLBACK_ACCEPTOR, "the server does not take %s",
                        mr_mech_name(n->mech));
    mr_spnego_choose(n, chosen, mech);
    n->agreed = n->must_protect = true;
    return 1;
}

/* A server may say in the mechanism's own words that it is over. */
static int take_bare(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    int rc = mr_spnego_same(t->mech, n->mech)
                 ? mr_spnego_step_inner(n, MR_DIR_TO_CLIENT, t->whole, err) : 0;

    return rc < 0 ? rc : mr_spnego_fail(n, err, MR_ERR_PROTOCOL,
                                        "the server's answer is no token of a negotiation");
}

static int rejected(mr_spnego *n, const mr_gss_token *t, mr_error *err) {
    char text[100];

    n->info.rejected = true;
    if (t->whole.len > 0 && !n->inner_done && mr_spnego_same(t->mech, n->mech)) {
        int rc = mr_spnego_step_inner(n, MR_DIR_TO_CLIENT, t->whole, err);
        if (rc < 0)
            return rc;
    }
    return mr_spnego_fail(n, err, MR_ERR_AUTH,
                          n->agreed ? "the server broke off the negotiation of %s"
                                    : "the server takes none of the mechanisms offered: %s",
                          n->agreed ? mr_mech_name(n->mech) : offered_text(n, text, sizeof text));
}

/* The server ended the negotiation. */
static int finish(mr_spnego *n, mr_buf *out, mr_error *err) {
    int rc = 0;

    if (!n->inner_done)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the server ended before %s was complete",
                              mr_mech_name(n->mech));
    if (n->must_protect && !n->checked_list && mr_spnego_can_sign(n))
        return mr_spnego_fail_unprotected(n, "server", err);
    if (n->token.len > 0)
        rc = mr_spnego_answer(n, MR_SPNEGO_COMPLETED, MR_MECH_UNKNOWN, false, out, err);
    if (rc == 0)
        mr_spnego_complete(n);
    return rc;
}

/* Goes on once the mechanism took the server's token. */
static int go_on(mr_spnego *n, mr_buf *out, mr_error *err) {
    bool signing = n->inner_done && !n->signed_list && mr_spnego_can_sign(n);
    bool idle = n->token.len == 0 && !signing;
    int rc = mr_spnego_check_list(n, MR_DIR_TO_CLIENT, err);

    if (rc < 0)
        return rc;
    if (n->peer_state == MR_SPNEGO_COMPLETED ||
        (n->peer_state == MR_SPNEGO_NO_STATE && n->inner_done && idle))
        return finish(n, out, err);
    if (idle)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL,
                              "the server waits for a token that does not exist");
    rc = mr_spnego_answer(n, MR_SPNEGO_INCOMPLETE, MR_MECH_UNKNOWN, signing, out, err);
    return rc < 0 ? rc : MR_SECURITY_CONTINUE;
}

static int take_answer(mr_spnego *n, mr_slice token, mr_buf *out, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    mr_gss_token t;
    int rc = mr_gss_token_decode(token, &t, &cause);

    if (rc < 0)
        return mr_spnego_fail_of(n, err, rc, &cause);
    if (t.wrap != MR_GSS_RESP)
        return take_bare(n, &t, err);
    if (t.state == MR_SPNEGO_REJECT)
        return rejected(n, &t, err);
    rc = take_choice(n, &t, err);
    if (rc < 0)
        return rc;
    bool other = rc > 0;
    rc = mr_spnego_keep_peer(n, &t, err);
    if (rc < 0)
        return rc;
    if (n->inner_done && t.whole.len > 0)
        return mr_spnego_fail(n, err, MR_ERR_PROTOCOL, "the server sent a token too many");
    if (!n->inner_done)
        rc = mr_spnego_step_inner(n, MR_DIR_TO_CLIENT, other ? MR_SLICE_NULL : t.whole, err);
    return rc < 0 || rc == MR_SECURITY_PENDING ? rc : go_on(n, out, err);
}

int mr_spnego_initiate(mr_spnego *n, mr_slice token, mr_buf *out, mr_error *err) {
    int rc;

    if (n->stage == MR_SPNEGO_BEGIN)
        return begin(n, out, err);
    if (!n->inner_pending)
        return take_answer(n, token, out, err);
    rc = mr_spnego_step_inner(n, MR_DIR_TO_CLIENT, MR_SLICE_NULL, err);
    return rc < 0 || rc == MR_SECURITY_PENDING ? rc : go_on(n, out, err);
}
