/*
 * The acceptor and the observer (MS-NLMP 3.2.5.1): a CHALLENGE for a NEGOTIATE, then a judgement of
 * the answer; an observer only looks for the keys. An answer that is judged elsewhere is kept until
 * the step is taken again.
 */
#include "ntlm_private.h"

static bool observes(const mr_ntlm *n) {
    return n->base.role == MR_SECURITY_OBSERVER;
}

/* ---- the challenge ---- */

static int encode_target(mr_ntlm *n, mr_buf *info, mr_slice *namep, mr_error *err) {
    mr_ntlm_target t = {.time = n->o.now};
    const mr_ntlm_names *names = &n->o.names;
    int rc = mr_ntlm_encode_name(n, names->computer, &t.computer, err);

    if (rc == 0)
        rc = mr_ntlm_encode_name(n, *names->domain ? names->domain : names->computer, &t.domain,
                                 err);
    if (rc == 0)
        rc = mr_ntlm_encode_name(n, names->dns_computer, &t.dns_computer, err);
    if (rc == 0)
        rc = mr_ntlm_encode_name(n, names->dns_domain, &t.dns_domain, err);
    if (rc == 0)
        rc = mr_ntlm_encode_name(n, names->dns_forest, &t.dns_forest, err);
    if (rc < 0)
        return rc;
    *namep = names->standalone ? t.computer : t.domain;
    rc = mr_ntlm_target_encode(MR_SLICE_NULL, &t, info);
    return rc == 0 ? 0 : mr_fail(err, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                                 "NTLM: no room for a challenge");
}

static int write_challenge(mr_ntlm *n, mr_buf *out, mr_error *err) {
    mr_ntlm_challenge m = {
        .flags = n->flags | MR_NTLM_NTLM | MR_NTLM_REQUEST_TARGET | MR_NTLM_TARGET_INFO |
                 (n->o.names.standalone ? MR_NTLM_TARGET_SERVER : MR_NTLM_TARGET_DOMAIN),
        .unicode = true,
        .challenge = mr_slice_of(n->o.entropy, MR_NTLM_CHALLENGE_SIZE),
        .version = MR_NTLM_OWN_VERSION,
    };
    size_t at = out->len;
    mr_buf info;

    mr_buf_init(&info, NULL, 0, UINT16_MAX);
    int rc = encode_target(n, &info, &m.target_name, err);
    m.target_info = mr_buf_slice(&info);
    if (rc == 0) {
        rc = mr_ntlm_challenge_encode(&m, out);
        if (rc < 0)
            mr_fail(err, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "NTLM: no room for a challenge");
    }
    mr_buf_deinit(&info);
    if (rc == 0)
        rc = mr_ntlm_keep(n, MR_NTLM_CHALLENGE, mr_slice_sub(mr_buf_slice(out), at, SIZE_MAX),
                          err);
    return rc;
}

static int take_negotiate(mr_ntlm *n, mr_slice token, mr_buf *out, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    mr_ntlm_negotiate m;
    mr_ntlm_challenge said;
    int rc = mr_ntlm_negotiate_decode(token, &m, &cause);

    if (rc < 0)
        return mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_TOKEN, rc, &cause);
    rc = mr_ntlm_keep(n, MR_NTLM_NEGOTIATE, token, err);
    if (rc < 0)
        return rc;
    n->info.flags = m.flags;
    n->info.client_version = m.version;
    rc = mr_ntlm_check_flags(n, m.flags, "client", err);
    if (rc < 0)
        return rc;
    n->flags = m.flags & (MR_NTLM_COMMON | MR_NTLM_VERSION);
    rc = write_challenge(n, out, &cause);
    if (rc < 0)
        return mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_SYSTEM, rc, &cause);
    if (mr_ntlm_challenge_decode(mr_ntlm_kept(n, MR_NTLM_CHALLENGE), &said, NULL) == 0)
        mr_ntlm_note_challenge(n, &said);
    n->stage = MR_NTLM_CHALLENGED;
    return MR_SECURITY_CONTINUE;
}

/* ---- the answer ---- */

static int wrong_password(mr_ntlm *n, mr_error *err) {
    return mr_ntlm_fail(n, err, MR_NTLM_FAIL_PASSWORD, MR_ERR_AUTH,
                        "the answer to the challenge does not fit %s's password",
                        *n->info.user ? n->info.user : "nobody");
}

/* Judges an answer by the account's NT hash and gives the session base key. */
static int judge_hash(mr_ntlm *n, const mr_ntlm_attempt *t, const uint8_t nt_hash[16],
                      uint8_t base_key[MR_NTLM_KEY], mr_error *err) {
    uint8_t owf[16], want[MR_NTLM_ANSWER_V1];
    mr_slice temp = mr_slice_sub(t->nt, MR_NTLM_PROOF, SIZE_MAX);
    mr_error cause = MR_ERROR_INIT;
    size_t size = t->v2 ? MR_NTLM_PROOF : MR_NTLM_ANSWER_V1;
    int rc;

    if (t->v2) {
        rc = mr_ntlm_owf_v2(nt_hash, t->user, t->domain, owf, &cause);
        if (rc == 0)
            rc = mr_ntlm_proof_v2(owf, t->challenge, temp, want, base_key, &cause);
    } else {
        rc = t->nt.len != size ? MR_ERR_AUTH
                               : mr_ntlm_challenge_v1(t->flags, t->challenge,
                                                      mr_slice_sub(t->lm, 0, 8), owf, &cause);
        if (rc == 0)
            rc = mr_ntlm_answer_v1(nt_hash, owf, want, &cause);
        mr_md4(mr_slice_of(nt_hash, 16), base_key);
    }
    if (rc < 0 && rc != MR_ERR_AUTH)
        rc = mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_SYSTEM, rc, &cause);
    else if (rc < 0 || !mr_secret_eq(want, t->nt.data, size))
        rc = wrong_password(n, err);
    mr_wipe(owf, sizeof owf);
    mr_wipe(want, sizeof want);
    return rc;
}

static int judge(mr_ntlm *n, const mr_ntlm_attempt *t, uint8_t base_key[MR_NTLM_KEY],
                 mr_error *err) {
    uint8_t nt_hash[MR_NT_HASH_SIZE];
    mr_error cause = MR_ERROR_INIT;
    int rc;

    if (n->o.verify) {
        rc = n->o.verify(n->o.user, t, base_key, &cause);
        if (rc == MR_SECURITY_PENDING)
            n->stage = MR_NTLM_VERIFYING;
        return rc < 0 ? mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_VERIFIER, rc, &cause) : rc;
    }
    rc = n->o.find(n->o.user, t->user, t->domain, nt_hash, &cause);
    if (rc == MR_ERR_NOT_FOUND)
        rc = mr_ntlm_fail(n, err, MR_NTLM_FAIL_ACCOUNT, observes(n) ? rc : MR_ERR_AUTH,
                          "there is no account %s", *n->info.user ? n->info.user : "without name");
    else if (rc < 0)
        rc = mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_VERIFIER, rc, &cause);
    else
        rc = judge_hash(n, t, nt_hash, base_key, err);
    mr_wipe(nt_hash, sizeof nt_hash);
    return rc;
}

/* Whether an answer may be judged at all. */
static int check_form(mr_ntlm *n, const mr_ntlm_authenticate *m, mr_error *err) {
    if (!m->anonymous && !m->v2 && (m->nt.len < MR_NTLM_ANSWER_V1 || m->lm.len < 8))
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_TOKEN, MR_ERR_AUTH,
                            "the client did not answer the challenge");
    if (n->flags & MR_NTLM_KEY_EXCH && m->session_key.len != MR_NTLM_KEY)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_TOKEN, MR_ERR_PROTOCOL,
                            "the client sent no session key");
    if (observes(n))
        return 0;
    if (m->anonymous)
        return n->o.anonymous ? 0 : mr_ntlm_fail(n, err, MR_NTLM_FAIL_ANONYMOUS, MR_ERR_AUTH,
                                                 "a client without a name is not let in");
    if (!m->v2 && !n->o.v1)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_V1, MR_ERR_AUTH,
                            "the client answered with NTLMv1, which is not taken");
    return 0;
}

static int check_bindings(mr_ntlm *n, const mr_ntlm_authenticate *m, mr_error *err) {
    if (!n->o.bindings || observes(n))
        return 0;
    if (!n->info.bound)
        return !n->o.require_bindings
                   ? 0
                   : mr_ntlm_fail(n, err, MR_NTLM_FAIL_BINDINGS, MR_ERR_AUTH,
                                  "the client told no channel bindings");
    if (!mr_secret_eq(m->target.channel_bindings.data, n->bindings, sizeof n->bindings))
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_BINDINGS, MR_ERR_AUTH,
                            "the client is bound to another channel");
    return 0;
}

/* The MIC that NTLMv2 clients announce in their pairs (3.2.5.1.2). An observer that missed the
 * NEGOTIATE cannot tell. */
static int check_mic(mr_ntlm *n, const mr_ntlm_authenticate *m, mr_error *err) {
    bool announced = m->v2 && m->target.flags & MR_NTLM_AV_MIC;
    mr_slice message = mr_ntlm_kept(n, MR_NTLM_AUTHENTICATE);
    mr_error cause = MR_ERROR_INIT;
    uint8_t mic[16];
    bool right;
    int rc;

    if (!announced)
        return !n->o.require_mic || m->anonymous || observes(n)
                   ? 0
                   : mr_ntlm_fail(n, err, MR_NTLM_FAIL_MIC, MR_ERR_AUTH, "the client sent no MIC");
    rc = mr_ntlm_compute_mic(n, mic, &cause);
    if (rc < 0)
        return mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_SYSTEM, rc, &cause);
    right = m->mic && mr_secret_eq(message.data + MR_NTLM_MIC_OFFSET, mic, sizeof mic);
    mr_wipe(mic, sizeof mic);
    n->info.mic = right;
    if (!right && !observes(n))
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_MIC, MR_ERR_AUTH,
                            "the MIC is wrong: the messages were changed on their way");
    return 0;
}

/* The exported session key (3.2.5.1.2). */
static int make_key(mr_ntlm *n, const mr_ntlm_authenticate *m, const mr_ntlm_attempt *t,
                    const uint8_t base_key[MR_NTLM_KEY], mr_error *err) {
    uint8_t exchange[MR_NTLM_KEY] = {0};
    mr_rc4 rc4;
    int rc = 0;

    if (!m->anonymous)
        rc = mr_ntlm_exchange_key(n->flags, m->v2, base_key, t->challenge, m->lm, exchange, err);
    if (n->flags & MR_NTLM_KEY_EXCH) {
        mr_rc4_init(&rc4, mr_slice_of(exchange, sizeof exchange));
        mr_rc4_crypt(&rc4, m->session_key.data, n->key, sizeof n->key);
        mr_wipe(&rc4, sizeof rc4);
    } else {
        memcpy(n->key, exchange, sizeof n->key);
    }
    mr_wipe(exchange, sizeof exchange);
    return rc;
}

/* Judges the kept answer to the kept challenge. */
static int conclude(mr_ntlm *n, mr_error *err) {
    uint8_t base_key[MR_NTLM_KEY] = {0};
    mr_error cause = MR_ERROR_INIT;
    mr_ntlm_authenticate m;
    mr_ntlm_challenge c;
    int rc = mr_ntlm_authenticate_decode(mr_ntlm_kept(n, MR_NTLM_AUTHENTICATE), &m, &cause);

    if (rc == 0)
        rc = mr_ntlm_challenge_decode(mr_ntlm_kept(n, MR_NTLM_CHALLENGE), &c, &cause);
    if (rc < 0)
        return mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_TOKEN, rc, &cause);
    mr_ntlm_note_answer(n, &m);
    n->flags = c.flags & m.flags & (MR_NTLM_COMMON | MR_NTLM_VERSION);
    n->info.flags = n->flags;
    n->o.weak |= m.anonymous; /* everybody knows the key of a null session */
    if (!observes(n))
        rc = mr_ntlm_check_flags(n, n->flags, "client", err);
    if (rc == 0)
        rc = check_form(n, &m, err);
    if (rc < 0)
        return rc;
    mr_ntlm_attempt t = {m.user, m.domain, m.workstation, c.challenge, m.lm, m.nt, n->flags, m.v2};
    if (!m.anonymous)
        rc = judge(n, &t, base_key, err);
    if (rc == 0) {
        rc = make_key(n, &m, &t, base_key, &cause);
        if (rc < 0)
            mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_SYSTEM, rc, &cause);
    }
    mr_wipe(base_key, sizeof base_key);
    if (rc == 0)
        rc = check_mic(n, &m, err);
    if (rc == 0)
        rc = check_bindings(n, &m, err);
    if (rc != 0)
        return rc;
    rc = mr_ntlm_set_keys(n, &cause);
    return rc < 0 ? mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_SYSTEM, rc, &cause) : 0;
}

int mr_ntlm_accept(mr_ntlm *n, mr_slice token, mr_buf *out, mr_error *err) {
    int rc;

    if (n->stage == MR_NTLM_BEGIN)
        return take_negotiate(n, token, out, err);
    if (n->stage == MR_NTLM_VERIFYING && token.len == 0)
        return conclude(n, err);
    if (n->stage != MR_NTLM_CHALLENGED)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_TOKEN, MR_ERR_PROTOCOL,
                            "the client sent a token too many");
    rc = mr_ntlm_keep(n, MR_NTLM_AUTHENTICATE, token, err);
    return rc < 0 ? rc : conclude(n, err);
}

int mr_ntlm_observe(mr_ntlm *n, mr_slice token, mr_error *err) {
    enum mr_ntlm_type type = mr_ntlm_get_type(token);
    mr_error cause = MR_ERROR_INIT;
    mr_ntlm_challenge m;
    int rc;

    if (type == 0 || n->stage == MR_NTLM_COMPLETE)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_TOKEN, MR_ERR_PROTOCOL,
                            "a token is none that could come now");
    rc = mr_ntlm_keep(n, type, token, err);
    if (rc < 0)
        return rc;
    switch (type) {
    case MR_NTLM_NEGOTIATE:
        return MR_SECURITY_CONTINUE;
    case MR_NTLM_CHALLENGE:
        rc = mr_ntlm_challenge_decode(token, &m, &cause);
        if (rc < 0)
            return mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_TOKEN, rc, &cause);
        mr_ntlm_note_challenge(n, &m);
        return MR_SECURITY_CONTINUE;
    case MR_NTLM_AUTHENTICATE:
        break;
    }
    return conclude(n, err);
}
