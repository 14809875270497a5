/*
 * NTLM inside: the computations (ntlm_keys.c), signing and sealing (ntlm_seal.c), the two ends and
 * the observer (ntlm_initiate.c, ntlm_accept.c), and the object they work on (ntlm.c).
 */
#ifndef MR_AUTH_NTLM_PRIVATE_H
#define MR_AUTH_NTLM_PRIVATE_H

#include <msrpc/auth/ntlm.h>
#include <msrpc/base/arena.h>
#include <msrpc/crypto.h>

#define MR_NTLM_CHALLENGE_SIZE 8
#define MR_NTLM_ANSWER_V1 24
#define MR_NTLM_PROOF 16

/* ---- names ---- */

uint16_t mr_upcase(uint16_t unit);
/* Equality of little-endian UTF-16 octets without case. */
bool mr_utf16le_eq_nocase(mr_slice a, mr_slice b);

/* ---- computations, MS-NLMP 3.3 and 3.4.5; results go to @out ---- */

/* NTOWFv2: the key of an account's NTLMv2 answers; names as UTF-16 in little-endian octets. */
int mr_ntlm_owf_v2(const uint8_t nt_hash[16], mr_slice user, mr_slice domain, uint8_t out[16],
                   mr_error *err);
/* NTProofStr over the server's challenge and the client's part of the answer (3.3.2 "temp"), and
 * the session base key. */
int mr_ntlm_proof_v2(const uint8_t owf[16], mr_slice challenge, mr_slice temp,
                     uint8_t proof[MR_NTLM_PROOF], uint8_t base_key[MR_NTLM_KEY], mr_error *err);
int mr_ntlm_lm_v2(const uint8_t owf[16], mr_slice challenge, mr_slice client_challenge,
                  uint8_t out[24], mr_error *err);
/* What NTLMv1 answers to: the challenge itself, or a digest of both challenges (3.3.1). */
int mr_ntlm_challenge_v1(uint32_t flags, mr_slice challenge, mr_slice client_challenge,
                         uint8_t out[MR_NTLM_CHALLENGE_SIZE], mr_error *err);
int mr_ntlm_answer_v1(const uint8_t nt_hash[16], const uint8_t challenge[MR_NTLM_CHALLENGE_SIZE],
                      uint8_t out[MR_NTLM_ANSWER_V1], mr_error *err);
/* KXKEY */
int mr_ntlm_exchange_key(uint32_t flags, bool v2, const uint8_t base_key[MR_NTLM_KEY],
                         mr_slice challenge, mr_slice lm, uint8_t out[MR_NTLM_KEY],
                         mr_error *err);
/* SIGNKEY and SEALKEY; a sealing key may be shorter than its room. */
int mr_ntlm_sign_key(uint32_t flags, const uint8_t key[MR_NTLM_KEY], enum mr_dir dir,
                     uint8_t out[MR_NTLM_KEY], mr_error *err);
int mr_ntlm_seal_key(uint32_t flags, const uint8_t key[MR_NTLM_KEY], enum mr_dir dir,
                     uint8_t out[MR_NTLM_KEY], size_t *lenp, mr_error *err);
/* The strength of sealing that @flags give. */
unsigned mr_ntlm_key_bits(uint32_t flags);

/* ---- the object ---- */

enum mr_ntlm_stage {
    MR_NTLM_BEGIN,
    MR_NTLM_ASKED,      /* a NEGOTIATE went */
    MR_NTLM_CHALLENGED, /* a CHALLENGE went */
    MR_NTLM_VERIFYING,  /* an AUTHENTICATE is judged elsewhere */
    MR_NTLM_COMPLETE,
    MR_NTLM_FAILED,
};

/* One direction's signing and sealing. Without extended session security both directions share
 * the first one (3.4.4.1). */
typedef struct mr_ntlm_way {
    mr_hmac sign;
    mr_rc4 rc4;
    uint8_t seal_key[MR_NTLM_KEY];
    size_t seal_len;
    uint32_t seq;
} mr_ntlm_way;

struct mr_ntlm {
    mr_security base;
    mr_ntlm_options o;       /* its strings are in @arena or NULL, its secrets wiped */
    enum mr_ntlm_stage stage;
    uint8_t bindings[MR_NTLM_BINDINGS];
    uint8_t nt_hash[MR_NT_HASH_SIZE]; /* initiator */
    bool anonymous;          /* initiator */
    mr_slice user, domain, workstation, spn; /* initiator: UTF-16LE in @arena */
    mr_buf messages[3];      /* as they travelled: NEGOTIATE, CHALLENGE, AUTHENTICATE */
    uint32_t flags;
    uint8_t key[MR_NTLM_KEY]; /* exported session key */
    mr_ntlm_way way[2];
    mr_ntlm_info info;
    mr_error detail;         /* its text is info.why */
    mr_arena arena;
};

/* The failure is kept for the info; returns @code. */
int mr_ntlm_fail(mr_ntlm *n, mr_error *err, enum mr_ntlm_failure failure, int code,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same for an error that another function made: MR_NTLM_FAIL_SYSTEM, or @failure. */
int mr_ntlm_fail_of(mr_ntlm *n, mr_error *err, enum mr_ntlm_failure failure, int code,
                    const mr_error *cause);

/* A message as it travelled, kept for the MIC. */
int mr_ntlm_keep(mr_ntlm *n, enum mr_ntlm_type type, mr_slice message, mr_error *err);
mr_slice mr_ntlm_kept(const mr_ntlm *n, enum mr_ntlm_type type);
/* What a message says goes into the info. */
void mr_ntlm_note_challenge(mr_ntlm *n, const mr_ntlm_challenge *m);
void mr_ntlm_note_answer(mr_ntlm *n, const mr_ntlm_authenticate *m);
/* UTF-8 as UTF-16 in little-endian octets in the arena; NULL is the empty slice. */
int mr_ntlm_encode_name(mr_ntlm *n, const char *utf8, mr_slice *utf16p, mr_error *err);

/* Whether @flags are enough for the level and the options; @who says whose they are. */
int mr_ntlm_check_flags(mr_ntlm *n, uint32_t flags, const char *who, mr_error *err);
/* The flags both ends may use, apart from those that only speak of a message. */
#define MR_NTLM_COMMON                                                                        \
    (MR_NTLM_UNICODE | MR_NTLM_SIGN | MR_NTLM_SEAL | MR_NTLM_NTLM | MR_NTLM_ALWAYS_SIGN |     \
     MR_NTLM_EXTENDED | MR_NTLM_128 | MR_NTLM_56 | MR_NTLM_KEY_EXCH)
/* What we say our version is (2.2.2.10): that of the first Windows with all that is here. */
#define MR_NTLM_OWN_VERSION ((mr_ntlm_version){.major = 6, .minor = 1, .build = 7601})

/* The MIC of the three messages under the exported session key, as if the one in the last were
 * zeros (3.1.5.1.2). */
int mr_ntlm_compute_mic(mr_ntlm *n, uint8_t out[16], mr_error *err);
/* Keys of both directions from the flags and the exported session key; then it is complete. */
int mr_ntlm_set_keys(mr_ntlm *n, mr_error *err);

int mr_ntlm_initiate(mr_ntlm *n, mr_slice token, mr_buf *out, mr_error *err);
int mr_ntlm_accept(mr_ntlm *n, mr_slice token, mr_buf *out, mr_error *err);
int mr_ntlm_observe(mr_ntlm *n, mr_slice token, mr_error *err);

int mr_ntlm_protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                    mr_error *err);
int mr_ntlm_unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                      mr_error *err);

#endif
