/*
 * One direction of a Kerberos security context: the keys of its per-message tokens and the number
 * of the next message. A context has two, indexed by enum mr_dir. Tokens of RFC 4121 4.2 for the
 * AES encryption types (RFC 3962, RFC 8009), of RFC 4757 7 for RC4, laid out as DCE style wants
 * them (MS-KILE 3.4.5.4): the whole token in the verifier, the stub encrypted in its place.
 */
#ifndef KRB5_FLOW_H
#define KRB5_FLOW_H

#include <msrpc/crypto.h>
#include <msrpc/engine/security.h>

#define MR_KRB5_KEY_MAX 32
#define MR_KRB5_ENTROPY 32

/* Encryption types (RFC 3961 8, RFC 8009 8, RFC 4757 8). */
enum mr_krb5_etype {
    MR_KRB5_AES128_SHA1 = 17,
    MR_KRB5_AES256_SHA1 = 18,
    MR_KRB5_AES128_SHA2 = 19,
    MR_KRB5_AES256_SHA2 = 20,
    MR_KRB5_RC4 = 23,
};

/* What both directions are made of. */
typedef struct mr_krb5_secret {
    int32_t etype;
    uint8_t key[MR_KRB5_KEY_MAX];
    size_t len;
    bool acceptor_subkey; /* @key was asserted by the acceptor (RFC 4121 4.2.2) */
    uint64_t seq[2];      /* number of the first message each way */
} mr_krb5_secret;

typedef struct mr_krb5_profile mr_krb5_profile; /* what sets the encryption types apart */

typedef struct mr_krb5_flow {
    const mr_krb5_profile *profile;
    enum mr_dir dir;
    bool acceptor_subkey;
    bool any_order;       /* an observer's: messages may be missing, their own numbers count */
    uint64_t seq;         /* of the next message */
    uint8_t key[MR_KRB5_KEY_MAX];
    mr_aes cbc, cts;      /* under Ke */
    mr_hmac seal, sign;   /* under Ki and Kc; RC4: under a key that changes */
    mr_aes noise;         /* what confounders are drawn from */
    uint64_t drawn;
    mr_buf flat;          /* a body that is no multiple of the cipher's block */
} mr_krb5_flow;

/* Derives the keys. @entropy (MR_KRB5_ENTROPY octets) feeds the confounders of a direction that
 * is protected, NULL: it is only read. 0, MR_ERR_UNSUPPORTED (the encryption type), MR_ERR_MEMORY.
 * Zeroed and failed ones may be deinitialised. */
int mr_krb5_flow_init(mr_krb5_flow *flow, const mr_krb5_secret *secret, enum mr_dir dir,
                      const uint8_t *entropy, mr_error *err);
void mr_krb5_flow_deinit(mr_krb5_flow *flow);

/* What tells the keys of one usage number apart (RFC 3961 5.3). */
enum { MR_KRB5_KC = 0x99, MR_KRB5_KE = 0xaa, MR_KRB5_KI = 0x55 };

/* Derives a key for a usage number, for the AES encryption types. 0, MR_ERR_ARGUMENT, or crypto's
 * error. */
int mr_krb5_derive(int32_t etype, const uint8_t *key, uint32_t usage, uint8_t tag,
                   uint8_t out[MR_KRB5_KEY_MAX], size_t *lenp, mr_error *err);

/* Octets of a token at @level; 0 for an encryption type that is not known. */
uint16_t mr_krb5_token_size(int32_t etype, uint8_t level);
/* As mr_security_class has them, for fragments that travel this way. */
int mr_krb5_flow_protect(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                         uint8_t *value, mr_error *err);
int mr_krb5_flow_unprotect(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                           mr_error *err);

#endif
