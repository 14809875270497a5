/*
 * Netlogon's secure channel (MS-NRPC 3.3, auth type 68) behind the engine's security vtable, as
 * initiator, acceptor and observer, from the session key that NetrServerAuthenticate3 left. With
 * AES the signature is HMAC-SHA256 and the cipher AES-128 in CFB8; without, HMAC-MD5 and RC4. What
 * is covered is the stub and its padding, and header and trailer where header signing was agreed.
 * Both ends count all fragments of both directions in one sequence, so a channel has one call at a
 * time. Packet level is integrity.
 */
#ifndef MSRPC_AUTH_NETLOGON_H
#define MSRPC_AUTH_NETLOGON_H

#include <msrpc/base.h>
#include <msrpc/engine/security.h>

#define MR_NETLOGON_KEY 16
#define MR_NETLOGON_ENTROPY 32

typedef struct mr_netlogon_key {
    uint8_t key[MR_NETLOGON_KEY];
    bool aes; /* 0x01000000 was negotiated (MS-NRPC 3.1.4.2) */
} mr_netlogon_key;

/* What NetrServerReqChallenge and NetrServerAuthenticate3 exchange (MS-NRPC 3.4.5.2). */
typedef struct mr_netlogon_exchange {
    uint8_t client[8], server[8]; /* challenges */
    uint8_t credential[8];        /* the client's */
    uint32_t flags;               /* as negotiated */
} mr_netlogon_exchange;

/* The session key behind an exchange, with the NT hash of the machine's password (MS-NRPC
 * 3.1.4.3). 0, MR_ERR_AUTH (the client's credential is of another password), MR_ERR_UNSUPPORTED (a
 * key of DES), or what the crypto floor says. */
int mr_netlogon_derive(const mr_netlogon_exchange *exchange, const uint8_t nt_hash[16],
                       mr_netlogon_key *keyp, mr_error *err);

/* The client's half: makes the key and fills @exchange->credential, which proves it; that the
 * server has the same key only its own credential proves (MS-NRPC 3.1.4.1). 0, MR_ERR_UNSUPPORTED,
 * or what the crypto floor says. */
int mr_netlogon_begin(mr_netlogon_exchange *exchange, const uint8_t nt_hash[16],
                      mr_netlogon_key *keyp, mr_error *err);
/* Whether @credential is the server's for its challenge (MS-NRPC 3.1.4.4): 0, MR_ERR_AUTH, or what
 * the crypto floor says. */
int mr_netlogon_check(const mr_netlogon_exchange *exchange, const mr_netlogon_key *key,
                      const uint8_t credential[8], mr_error *err);

/* What @plain, a challenge or what a chain stores, becomes under the session key (MS-NRPC 3.1.4.4).
 * 0 or what the crypto floor says. */
int mr_netlogon_get_credential(const mr_netlogon_key *key, const uint8_t plain[8],
                               uint8_t credentialp[8], mr_error *err);

/* One end of the authenticators that go with calls (MS-NRPC 3.1.4.5). */
typedef struct mr_netlogon_chain {
    mr_netlogon_key key;
    uint8_t stored[8]; /* the client's credential, at first that of the exchange */
} mr_netlogon_chain;

/* An authenticator as a client sends it. */
typedef struct mr_netlogon_step {
    uint8_t credential[8];
    uint32_t time;
} mr_netlogon_step;

/* The client's end: the authenticator of the next call, at @time (any number). 0 or what the crypto
 * floor says. */
int mr_netlogon_chain_get(const mr_netlogon_chain *chain, uint32_t time, mr_netlogon_step *stepp,
                          mr_error *err);
/* What the server answered to it: 0, and the chain goes on; MR_ERR_AUTH, or what the crypto floor
 * says. */
int mr_netlogon_chain_check(mr_netlogon_chain *chain, const mr_netlogon_step *step,
                            const uint8_t answer[8], mr_error *err);

/* The server's end: takes the next authenticator and makes the credential to answer with. 0,
 * MR_ERR_AUTH (it is not the next one), or what the crypto floor says; the chain goes on only
 * with 0. */
int mr_netlogon_chain_feed(mr_netlogon_chain *chain, const mr_netlogon_step *step,
                           uint8_t answerp[8], mr_error *err);

/* Finds the session key of a client by the names it tells (OEM octets, *borrowed*). Returns 0,
 * MR_ERR_NOT_FOUND, or another negative result with its detail in @err. */
typedef int mr_netlogon_find(void *user, mr_slice domain, mr_slice computer,
                             mr_netlogon_key *keyp, mr_error *err);

/* Everything but the callback and its @user is copied by mr_netlogon_new. */
typedef struct mr_netlogon_options {
    enum mr_security_role role;
    uint8_t entropy[MR_NETLOGON_ENTROPY]; /* unpredictable; initiator and acceptor */
    /* initiator */
    const char *domain, *computer;        /* its NetBIOS names, ASCII, 15 octets at most */
    mr_netlogon_key key;
    /* acceptor and observer */
    mr_netlogon_find *find;
    void *user;
} mr_netlogon_options;

typedef struct mr_netlogon_info {
    bool complete;
    bool aes;
    char domain[16], computer[16]; /* of the client; "" when not told or too long */
} mr_netlogon_info;

typedef struct mr_netlogon mr_netlogon;

/* A new channel. Returns 0, MR_ERR_ARGUMENT, MR_ERR_MEMORY, MR_ERR_UNSUPPORTED or
 * MR_ERR_MISSING (no libcrypto). */
int mr_netlogon_new(const mr_netlogon_options *options, mr_netlogon **netlogonp, mr_error *err);
/* Wipes the keys. */
void mr_netlogon_free(mr_netlogon *netlogon);
/* Its face to the association; lives as long as @netlogon. */
mr_security *mr_netlogon_get_security(mr_netlogon *netlogon);
void mr_netlogon_get_info(const mr_netlogon *netlogon, mr_netlogon_info *infop);

#endif
