/*
 * NTLM (MS-NLMP) behind the engine's security vtable, as initiator, acceptor and observer, without
 * I/O, clock or randomness of its own. NTLMv2 with MIC, channel bindings and target name; NTLMv1
 * only when it is asked for. Signatures cover the whole PDU whether header signing was agreed or
 * not (without extended session security only where it was), privacy seals the stub and its padding
 * (MS-RPCE 2.2.2.11, 3.3.1.5.2.2). At level connect only tokens travel. Secrets never come into
 * error texts; all are wiped by mr_ntlm_free.
 */
#ifndef MSRPC_AUTH_NTLM_H
#define MSRPC_AUTH_NTLM_H

#include <msrpc/auth/identity.h>
#include <msrpc/engine/security.h>

#define MR_NTLM_ENTROPY 32
#define MR_NTLM_KEY 16       /* octets of a session key */
#define MR_NTLM_SIGNATURE 16 /* octets of a signature (2.2.2.9) */
#define MR_NTLM_BINDINGS 16  /* octets of hashed channel bindings */

/* What an acceptor is asked to judge; slices are *borrowed* and hold while the step runs. Names
 * are UTF-16 in little-endian octets. */
typedef struct mr_ntlm_attempt {
    mr_slice user, domain, workstation;
    mr_slice challenge;     /* the server's 8 octets; with extended session security and NTLMv1
                             * the answer is to MD5(challenge, first 8 octets of @lm) */
    mr_slice lm, nt;        /* the answers */
    uint32_t flags;         /* as negotiated */
    bool v2;
} mr_ntlm_attempt;

/* Finds the NT hash of an account. Returns 0, MR_ERR_NOT_FOUND (no such account), or another
 * negative result with its detail in @err. */
typedef int mr_ntlm_find(void *user, mr_slice account, mr_slice domain,
                         uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err);
/* Judges an attempt elsewhere (winbind) and gives the session base key (MS-NLMP 3.3.1, 3.3.2).
 * Returns 0, MR_SECURITY_PENDING (mr_assoc_resume makes it be called again with the same attempt),
 * or a negative result with its detail in @err. */
typedef int mr_ntlm_verify(void *user, const mr_ntlm_attempt *attempt,
                           uint8_t base_keyp[MR_NTLM_KEY], mr_error *err);

/* What the acceptor calls itself in its challenge; UTF-8, *borrowed* by mr_ntlm_new, NULL or "":
 * not told. */
typedef struct mr_ntlm_names {
    const char *computer;      /* NetBIOS name; needed */
    const char *domain;        /* NetBIOS name; a standalone server gives its computer name */
    const char *dns_computer;
    const char *dns_domain;
    const char *dns_forest;
    bool standalone;           /* no member of a domain: the target is the server itself */
} mr_ntlm_names;

/* Everything but the callbacks and their @user is copied by mr_ntlm_new. */
typedef struct mr_ntlm_options {
    enum mr_security_role role;
    uint8_t level;                    /* enum mr_auth_level that is to be protected at; of
                                       * no interest to an observer */
    uint64_t now;                     /* FILETIME */
    uint8_t entropy[MR_NTLM_ENTROPY]; /* unpredictable; initiator and acceptor */
    bool v1;          /* initiator: answer with NTLMv1; acceptor: take it */
    bool weak;        /* take session keys below 128 bits and no extended session security */

    /* initiator */
    const mr_identity *identity;      /* a password or NT hash, or anonymous */
    const char *workstation;          /* UTF-8; NULL: not told */
    const char *spn;                  /* UTF-8, "host/server.example.org"; NULL: not told */
    /* both ends: hashed as mr_ntlm_hash_bindings does it; NULL: none. An acceptor that is given
     * some refuses clients that bound themselves to another channel, or to none with
     * @require_bindings. */
    const uint8_t *bindings;
    bool require_bindings;

    /* acceptor */
    mr_ntlm_names names;
    bool anonymous;   /* let nobody in: a null session */
    bool require_mic; /* refuse NTLMv2 clients that send no MIC */

    /* acceptor and observer: one of the two; an observer needs @find */
    mr_ntlm_find *find;
    mr_ntlm_verify *verify;
    void *user;                       /* for them */
} mr_ntlm_options;

/* Why there is no security context. */
enum mr_ntlm_failure {
    MR_NTLM_FAIL_NONE,
    MR_NTLM_FAIL_TOKEN,     /* a token that is no NTLM message, or not the one expected */
    MR_NTLM_FAIL_WEAK,      /* the peer does not agree to what the level or the options need */
    MR_NTLM_FAIL_ACCOUNT,   /* no such account */
    MR_NTLM_FAIL_PASSWORD,  /* the answer to the challenge is wrong */
    MR_NTLM_FAIL_V1,        /* NTLMv1 came and is not allowed */
    MR_NTLM_FAIL_ANONYMOUS, /* nobody came and is not allowed */
    MR_NTLM_FAIL_MIC,       /* the MIC is wrong or missing: messages were changed on their way */
    MR_NTLM_FAIL_BINDINGS,  /* the client is bound to another channel, or to none */
    MR_NTLM_FAIL_VERIFIER,  /* the verifying service refused, see its mr_error */
    MR_NTLM_FAIL_SYSTEM,    /* no memory, no algorithm */
};

/* How things stand. Strings are UTF-8, *borrowed* until the next step or mr_ntlm_free, "" when not
 * told. */
typedef struct mr_ntlm_info {
    bool complete;
    enum mr_ntlm_failure failure;
    const char *why;           /* one sentence about @failure, or "" */
    uint32_t flags;            /* enum mr_ntlm_flag, as they stand */
    bool v2;                   /* the answer was (or is to be) NTLMv2's */
    bool mic;                  /* initiator: sent; else: sent by the client and right */
    bool anonymous;
    unsigned key_bits;         /* strength of sealing: 128, 56, 40; 0 before completion */
    /* of the challenge: who the server is */
    const char *target, *computer, *domain, *dns_computer, *dns_domain, *dns_forest;
    uint64_t server_time;      /* FILETIME; 0: not told */
    mr_ntlm_version server_version;
    /* of the answer: who the client is */
    const char *user, *user_domain, *workstation;
    const char *spn;           /* whom it meant to reach */
    bool bound;                /* it told channel bindings */
    mr_ntlm_version client_version;
} mr_ntlm_info;

typedef struct mr_ntlm mr_ntlm;

/* A new context. Returns 0, MR_ERR_ARGUMENT, MR_ERR_MEMORY, MR_ERR_UNSUPPORTED (no MD5) or
 * MR_ERR_MISSING (no libcrypto). */
int mr_ntlm_new(const mr_ntlm_options *options, mr_ntlm **ntlmp, mr_error *err);
void mr_ntlm_free(mr_ntlm *ntlm);
/* Its face to the association; lives as long as @ntlm. */
mr_security *mr_ntlm_get_security(mr_ntlm *ntlm);
void mr_ntlm_get_info(const mr_ntlm *ntlm, mr_ntlm_info *infop);
/* The exported session key, once complete (MS-NLMP 3.1.1.1); else MR_ERR_STATE. */
int mr_ntlm_get_session_key(const mr_ntlm *ntlm, uint8_t keyp[MR_NTLM_KEY], mr_error *err);

/* GSS_GetMIC and GSS_VerifyMIC over any octets that travel @dir (SPNEGO's mechListMIC, RFC 4178
 * 5); they count as messages. Returns 0, MR_ERR_STATE, MR_ERR_AUTH. */
int mr_ntlm_get_mic(mr_ntlm *ntlm, enum mr_dir dir, mr_slice octets,
                    uint8_t micp[MR_NTLM_SIGNATURE], mr_error *err);
int mr_ntlm_verify_mic(mr_ntlm *ntlm, enum mr_dir dir, mr_slice octets, mr_slice mic,
                       mr_error *err);
/* After SPNEGO exchanged mechListMICs the key streams begin anew in both directions while the
 * sequence numbers go on, so that the first PDU has number 1 (MS-SPNG 3.3.5.1). With
 * @from_zero they begin anew, too: peers that know no MIC in the answer. */
void mr_ntlm_reset_for_spnego(mr_ntlm *ntlm, bool from_zero);

/* MD5 of channel bindings whose application data is @data ("tls-server-end-point:..."), without
 * addresses (MS-NLMP 2.2.2.1 MsvAvChannelBindings, RFC 4121 4.1.1.2). */
int mr_ntlm_hash_bindings(mr_slice data, uint8_t hashp[MR_NTLM_BINDINGS], mr_error *err);

/* An mr_ntlm_find over one const mr_identity in @user: a name that was set must match (without
 * case), one that was not matches everybody. */
int mr_ntlm_find_identity(void *user, mr_slice account, mr_slice domain,
                          uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err);

#endif
