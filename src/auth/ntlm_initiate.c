/* The initiator: NEGOTIATE, then the answer to the CHALLENGE (MS-NLMP 3.1.5.1). */
#include "ntlm_private.h"

#define TEMP_FIXED 28 /* octets of the client's part of an answer before the pairs, 2.2.2.7 */

/* What an answer is made of. */
typedef struct answer {
    uint8_t lm[24], v1[MR_NTLM_ANSWER_V1];
    mr_buf v2;                          /* NTProofStr and the client's part */
    mr_slice lm_part, nt_part;
    uint8_t base_key[MR_NTLM_KEY], sealed_key[MR_NTLM_KEY];
    bool mic;
} answer;

static mr_slice own_challenge(const mr_ntlm *n) {
    return mr_slice_of(n->o.entropy, MR_NTLM_CHALLENGE_SIZE);
}

static int negotiate(mr_ntlm *n, mr_buf *out, mr_error *err) {
    mr_ntlm_negotiate m = {
        .flags = (MR_NTLM_COMMON & ~(uint32_t)MR_NTLM_SEAL) | MR_NTLM_REQUEST_TARGET |
                 MR_NTLM_TARGET_INFO | MR_NTLM_VERSION,
        .version = MR_NTLM_OWN_VERSION,
    };
    size_t at = out->len;

    if (n->o.level == MR_AUTH_LEVEL_PRIVACY)
        m.flags |= MR_NTLM_SEAL;
    /* at level connect Samba refuses the requests of a context that agreed to sign */
    if (!mr_auth_level_protects(n->o.level))
        m.flags &= ~(uint32_t)MR_NTLM_SIGN;
    if (n->anonymous)
        m.flags |= MR_NTLM_ANONYMOUS;
    int rc = mr_ntlm_negotiate_encode(&m, out);
    if (rc < 0)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_SYSTEM, rc, "no room for a message");
    rc = mr_ntlm_keep(n, MR_NTLM_NEGOTIATE, mr_slice_sub(mr_buf_slice(out), at, SIZE_MAX), err);
    if (rc < 0)
        return rc;
    n->flags = m.flags;
    n->info.flags = m.flags;
    n->info.v2 = !n->o.v1 && !n->anonymous;
    n->stage = MR_NTLM_ASKED;
    return MR_SECURITY_CONTINUE;
}

/* NTLMv2_CLIENT_CHALLENGE (2.2.2.7) behind room for the proof: the server's pairs, and ours. The
 * MIC is told whenever there is a list to tell it in, so that whoever strips the time from a
 * challenge gains nothing. */
static int write_temp(mr_ntlm *n, const mr_ntlm_challenge *m, answer *a, mr_error *err) {
    mr_ntlm_target own = {
        .flags = m->target.flags | MR_NTLM_AV_MIC,
        .channel_bindings = mr_slice_of(n->bindings, sizeof n->bindings),
        .spn = n->spn,
    };

    a->mic = true;
    mr_buf_write_zero(&a->v2, MR_NTLM_PROOF);
    mr_buf_write_u16(&a->v2, 0x0101); /* RespType, HiRespType */
    mr_buf_write_zero(&a->v2, 6);
    mr_buf_write_u64(&a->v2, m->target.time ? m->target.time : n->o.now);
    mr_buf_write(&a->v2, own_challenge(n));
    mr_buf_write_zero(&a->v2, 4);
    int rc = mr_ntlm_target_encode(m->target_info, &own, &a->v2);
    mr_buf_write_zero(&a->v2, 4);
    if (rc == 0)
        rc = mr_buf_error(&a->v2);
    return rc == 0 ? 0 : mr_fail(err, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                                 "NTLM: no room for the answer to a challenge");
}

static int answer_v2(mr_ntlm *n, const mr_ntlm_challenge *m, answer *a, mr_error *err) {
    uint8_t owf[16];
    int rc = mr_ntlm_owf_v2(n->nt_hash, n->user, n->domain, owf, err);

    if (rc == 0)
        rc = write_temp(n, m, a, err);
    if (rc == 0)
        rc = mr_ntlm_proof_v2(owf, m->challenge,
                              mr_slice_sub(mr_buf_slice(&a->v2), MR_NTLM_PROOF, SIZE_MAX),
                              a->v2.data, a->base_key, err);
    if (rc == 0 && m->target.time == 0) /* else 24 zeros, 3.1.5.1.2 */
        rc = mr_ntlm_lm_v2(owf, m->challenge, own_challenge(n), a->lm, err);
    a->lm_part = mr_slice_of(a->lm, sizeof a->lm);
    a->nt_part = mr_buf_slice(&a->v2);
    mr_wipe(owf, sizeof owf);
    return rc;
}

/* The answer to the server's challenge goes in the place of LM's, too, or the client's challenge
 * in extended session security. */
static int answer_v1(mr_ntlm *n, const mr_ntlm_challenge *m, answer *a, mr_error *err) {
    uint8_t challenge[MR_NTLM_CHALLENGE_SIZE];
    mr_slice hash = mr_slice_of(n->nt_hash, sizeof n->nt_hash);
    int rc = mr_ntlm_challenge_v1(n->flags, m->challenge, own_challenge(n), challenge, err);

    if (rc == 0)
        rc = mr_ntlm_answer_v1(n->nt_hash, challenge, a->v1, err);
    if (n->flags & MR_NTLM_EXTENDED)
        memcpy(a->lm, n->o.entropy, MR_NTLM_CHALLENGE_SIZE);
    else
        memcpy(a->lm, a->v1, sizeof a->lm);
    mr_md4(hash, a->base_key);
    a->lm_part = mr_slice_of(a->lm, sizeof a->lm);
    a->nt_part = mr_slice_of(a->v1, sizeof a->v1);
    return rc;
}

/* The keys (3.1.5.1.2): of a session key that is exchanged, the other half is in @a. */
static int make_keys(mr_ntlm *n, const mr_ntlm_challenge *m, answer *a, mr_error *err) {
    uint8_t exchange[MR_NTLM_KEY] = {0};
    mr_rc4 rc4;
    int rc = 0;

    if (!n->anonymous)
        rc = mr_ntlm_exchange_key(n->flags, !n->o.v1, a->base_key, m->challenge, a->lm_part,
                                  exchange, err);
    if (n->flags & MR_NTLM_KEY_EXCH) {
        memcpy(n->key, n->o.entropy + MR_NTLM_CHALLENGE_SIZE, sizeof n->key);
        mr_rc4_init(&rc4, mr_slice_of(exchange, sizeof exchange));
        mr_rc4_crypt(&rc4, n->key, a->sealed_key, sizeof n->key);
        mr_wipe(&rc4, sizeof rc4);
    } else {
        memcpy(n->key, exchange, sizeof n->key);
    }
    mr_wipe(exchange, sizeof exchange);
    return rc;
}

static int write_answer(mr_ntlm *n, answer *a, mr_buf *out, mr_error *err) {
    mr_ntlm_authenticate m = {
        .flags = n->flags,
        .unicode = true,
        .mic = a->mic,
        .user = n->user,
        .domain = n->domain,
        .workstation = n->workstation,
        .lm = a->lm_part,
        .nt = a->nt_part,
        .version = MR_NTLM_OWN_VERSION,
    };
    size_t at = out->len;
    uint8_t mic[16];

    if (n->flags & MR_NTLM_KEY_EXCH)
        m.session_key = mr_slice_of(a->sealed_key, sizeof a->sealed_key);
    int rc = mr_ntlm_authenticate_encode(&m, out);
    if (rc < 0)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_SYSTEM, rc, "no room for a message");
    rc = mr_ntlm_keep(n, MR_NTLM_AUTHENTICATE, mr_slice_sub(mr_buf_slice(out), at, SIZE_MAX), err);
    if (rc < 0 || !a->mic)
        return rc;
    rc = mr_ntlm_compute_mic(n, mic, err);
    if (rc == 0)
        memcpy(out->data + at + MR_NTLM_MIC_OFFSET, mic, sizeof mic);
    n->info.mic = rc == 0;
    return rc;
}

static int answer_to(mr_ntlm *n, const mr_ntlm_challenge *m, mr_buf *out, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    answer a = {0};
    int rc = 0;

    mr_buf_init(&a.v2, NULL, 0, UINT16_MAX);
    if (n->anonymous) /* 3.3.2: one zero octet */
        a.lm_part = mr_slice_of(a.lm, 1);
    else
        rc = n->o.v1 ? answer_v1(n, m, &a, &cause) : answer_v2(n, m, &a, &cause);
    if (rc == 0)
        rc = make_keys(n, m, &a, &cause);
    if (rc == 0)
        rc = write_answer(n, &a, out, &cause);
    if (rc == 0)
        rc = mr_ntlm_set_keys(n, &cause);
    mr_buf_deinit(&a.v2);
    mr_wipe(&a, sizeof a);
    return rc < 0 ? mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_SYSTEM, rc, &cause) : 0;
}

static int take_challenge(mr_ntlm *n, mr_slice token, mr_buf *out, mr_error *err) {
    mr_error cause = MR_ERROR_INIT;
    mr_ntlm_challenge m;
    int rc = mr_ntlm_challenge_decode(token, &m, &cause);

    if (rc < 0)
        return mr_ntlm_fail_of(n, err, MR_NTLM_FAIL_TOKEN, rc, &cause);
    rc = mr_ntlm_keep(n, MR_NTLM_CHALLENGE, token, err);
    if (rc < 0)
        return rc;
    mr_ntlm_note_challenge(n, &m);
    n->flags = (n->flags & m.flags) | (n->flags & (MR_NTLM_ANONYMOUS | MR_NTLM_VERSION));
    n->info.flags = n->flags;
    rc = mr_ntlm_check_flags(n, n->flags, "server", err);
    return rc < 0 ? rc : answer_to(n, &m, out, err);
}

int mr_ntlm_initiate(mr_ntlm *n, mr_slice token, mr_buf *out, mr_error *err) {
    int rc = MR_ERR_PROTOCOL;

    if (n->stage == MR_NTLM_BEGIN && token.len == 0)
        return negotiate(n, out, err);
    if (n->stage == MR_NTLM_ASKED)
        rc = take_challenge(n, token, out, err);
    else
        mr_ntlm_fail(n, err, MR_NTLM_FAIL_TOKEN, rc, "the server sent a token too many");
    mr_wipe(n->o.entropy, sizeof n->o.entropy);
    mr_wipe(n->nt_hash, sizeof n->nt_hash);
    return rc;
}
