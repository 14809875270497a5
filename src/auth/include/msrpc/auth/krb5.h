/*
 * Kerberos (RFC 4120, MS-KILE) behind the engine's security vtable, as initiator, acceptor and
 * observer. The AP exchange is MIT GSSAPI's in DCE style: three legs, AP-REQ, AP-REP and another
 * AP-REP, always with mutual authentication (MS-RPCE 3.3.1.5.2, MS-KILE 3.4.5.1). Fragments are
 * protected by code of our own over libcrypto. What tickets a context needs is fetched beforehand
 * by mr_krb5_kdc, a machine without I/O: no function here sends anything or waits for anybody.
 * Contexts of different objects may be used in different threads. Secrets never come into error
 * texts; all are wiped when their object is freed.
 */
#ifndef MSRPC_AUTH_KRB5_H
#define MSRPC_AUTH_KRB5_H

#include <msrpc/auth/identity.h>
#include <msrpc/base/time.h>
#include <msrpc/engine/security.h>

#define MR_KRB5_ENTROPY_SIZE 32
#define MR_KRB5_NO_CODE UINT32_MAX

/* What went wrong, in Kerberos' own words. Strings are *borrowed* from the object, "" when not
 * told. */
typedef struct mr_krb5_failure {
    uint32_t code;        /* RFC 4120 7.5.9, MR_SPACE_KRB of the code table, or MR_KRB5_NO_CODE */
    bool from_peer;       /* a KRB-ERROR said so; else it was found here */
    int64_t server_time;  /* the peer's clock, Unix seconds; 0: not told */
    int64_t skew;         /* by how many seconds the peer is ahead of us, if its clock is known */
    bool has_status;
    uint32_t status;      /* NTSTATUS behind the code (MS-KILE 2.2.2) */
    const char *text;     /* the peer's e-text, or the library's sentence */
    const char *realm;    /* of the peer that answered */
} mr_krb5_failure;

/* ---- security contexts ---- */

typedef struct mr_krb5 mr_krb5;

/* Everything is copied by mr_krb5_new. */
typedef struct mr_krb5_options {
    enum mr_security_role role;
    uint8_t level;        /* enum mr_auth_level that is to be protected at; of no interest to an
                           * observer */
    int64_t now;          /* Unix seconds; 0: skew is not told */
    uint8_t entropy[MR_KRB5_ENTROPY_SIZE]; /* unpredictable; initiator and acceptor */
    /* Initiator: whom to reach, with its realm, "host/server.example.org@EXAMPLE.ORG", as
     * mr_krb5_kdc_info.service tells it. Acceptor: who is served; NULL: every name in the key
     * table. */
    const char *service;
    const char *ccache;   /* initiator: "MEMORY:...", "FILE:..."; holds the ticket for @service */
    const char *keytab;   /* acceptor, observer: "FILE:...", "MEMORY:..."; an observer without one
                           * learns only what the ticket needs */
    bool delegate;        /* initiator: hand over a ticket to act for us; MR_ERR_AUTH where the KDC
                           * does not trust the service with it, or gives none. The library
                           * fetches that one by itself, from the KDC that the machine's
                           * configuration names */
    bool rc4_only;        /* initiator: offer RC4 alone for what protects; its ticket's session key
                           * must be RC4's, too */
    /* Initiator and acceptor: application data of channel bindings, "tls-server-end-point:..."
     * (RFC 4121 4.1.1.2, RFC 5929); empty: none. An acceptor that is given some refuses clients
     * that bound themselves to another channel, or to none with @require_bindings. */
    mr_slice bindings;
    bool require_bindings;
} mr_krb5_options;

typedef struct mr_krb5_info {
    bool complete;
    const char *client;   /* principals, UTF-8; "" when not known; *borrowed* until the next step */
    const char *service;
    int32_t etype;        /* of the key that protects (RFC 3961 8); 0: none yet */
    int32_t ticket_etype; /* of the ticket the client showed; 0: not known */
    uint32_t ticket_kvno;
    mr_slice pac;         /* acceptor: the client's PAC (wire/pac.h) whose signature is right; empty
                           * without one; *borrowed* from the object */
    bool bound;           /* acceptor: the client is bound to the channel of our bindings */
    size_t token_len;     /* octets of the last token made, also where it was too long to go out */
    mr_krb5_failure failure;
} mr_krb5_info;

/* A new context. Returns 0, MR_ERR_ARGUMENT, MR_ERR_MEMORY, MR_ERR_NOT_FOUND (no ticket for
 * @service in the cache, no key table), MR_ERR_MISSING (this system has no MIT krb5) or MR_ERR_AUTH
 * (the library refused). */
int mr_krb5_new(const mr_krb5_options *options, mr_krb5 **krb5p, mr_error *err);
void mr_krb5_free(mr_krb5 *krb5);
/* Its face to the association; lives as long as @krb5. */
mr_security *mr_krb5_get_security(mr_krb5 *krb5);
void mr_krb5_get_info(const mr_krb5 *krb5, mr_krb5_info *infop);
/* The key both sides agreed on, *borrowed*, once complete; else MR_ERR_STATE. */
int mr_krb5_get_session_key(const mr_krb5 *krb5, mr_slice *keyp, mr_error *err);

#define MR_KRB5_MIC_MAX 40

/* GSS_GetMIC and GSS_VerifyMIC over any octets that travel @dir (SPNEGO's mechListMIC, RFC 4178
 * 5); they count as messages. @micp has room for MR_KRB5_MIC_MAX octets. Return 0, MR_ERR_STATE,
 * MR_ERR_AUTH. */
int mr_krb5_get_mic(mr_krb5 *krb5, enum mr_dir dir, mr_slice octets, uint8_t *micp, size_t *lenp,
                    mr_error *err);
int mr_krb5_verify_mic(mr_krb5 *krb5, enum mr_dir dir, mr_slice octets, mr_slice mic,
                       mr_error *err);

/* ---- key tables ---- */

/* A key table read once and kept in memory, for many observers and acceptors. */
typedef struct mr_krb5_keys mr_krb5_keys;

/* Reads the table @keytab names. 0, MR_ERR_NOT_FOUND (no such table, or it is empty), MR_ERR_AUTH
 * (it is none, or may not be read), MR_ERR_MISSING (no MIT krb5) or MR_ERR_MEMORY. */
int mr_krb5_keys_new(const char *keytab, mr_krb5_keys **keysp, mr_error *err);
void mr_krb5_keys_free(mr_krb5_keys *keys);
/* For mr_krb5_options.keytab; goes with @keys. */
const char *mr_krb5_keys_get_name(const mr_krb5_keys *keys);

/* ---- the exchange with the KDC ---- */

typedef struct mr_krb5_kdc mr_krb5_kdc;

typedef struct mr_krb5_kdc_options {
    /* *Borrowed* until the machine is freed. Its secret is, first of those it has: a ticket cache,
     * a key table, an AES key, a password, an NT hash. With none and no user: the default ticket
     * cache of this process (KRB5CCNAME). */
    const mr_identity *identity;
    const char *realm;    /* the user's; NULL: the identity's domain */
    const char *service;  /* "host/server.example.org", or with "@REALM"; NULL: only a TGT */
    const char *computer; /* our NetBIOS name, by which a KDC minds the workstations that an account
                           * may log on at (RFC 4120 7.5.3, MS-KILE 3.2.5.3); NULL: not told */
    int64_t now;          /* Unix seconds; 0: skew is not told */
    bool no_clock_sync;   /* stamp with our own clock even where the KDC's is known to differ */
    bool rc4_only;        /* ask for RC4 alone: what a server without AES does */
} mr_krb5_kdc_options;

enum mr_krb5_stage {
    MR_KRB5_STAGE_CACHE, /* nothing was asked yet */
    MR_KRB5_STAGE_AS,    /* a ticket-granting ticket for the user */
    MR_KRB5_STAGE_TGS,   /* a ticket for the service */
    MR_KRB5_STAGE_DONE,
};

/* Requests for the user's ticket, and for the service's, at most: twice what ten realms on the way
 * and as many answers that must go over TCP would take. */
#define MR_KRB5_KDC_REQUESTS 40

/* Positive outcome of mr_krb5_kdc_step. */
enum { MR_KRB5_KDC_SEND = 1 };

typedef struct mr_krb5_kdc_request {
    mr_slice bytes;       /* without TCP's length (RFC 4120 7.2.2); *borrowed* until the next
                           * step */
    const char *realm;    /* whose KDC is asked; likewise */
    bool tcp;             /* a reply did not fit UDP */
} mr_krb5_kdc_request;

typedef struct mr_krb5_kdc_info {
    enum mr_krb5_stage stage;
    unsigned requests;    /* so far */
    const char *client;   /* as the KDC calls it; "" before there is a ticket */
    const char *service;  /* with its realm */
    const char *ccache;   /* name of the cache the tickets are in, for mr_krb5_options.ccache; it
                           * goes with the machine */
    int32_t ticket_etype; /* of the service's ticket, and of its session key; 0: none yet */
    int32_t session_etype;
    int64_t end_time;     /* when the service's ticket ends, Unix seconds */
    int64_t server_time;  /* a KDC's clock as last told, Unix seconds; 0: not told */
    int64_t skew;         /* by how many seconds it is ahead of us */
    const char *realm;    /* that was asked last */
    bool endless;         /* the KDC would have gone on asking */
    mr_krb5_failure failure; /* what ended it; none where the exchange went on */
    bool bad_reply;       /* what ended it was a reply with tickets that cannot be read, do not
                           * open, or are others than were asked for */
} mr_krb5_kdc_info;

/* Returns 0, MR_ERR_ARGUMENT (no user, no realm, no secret), MR_ERR_NOT_FOUND (no cache, no key
 * table), MR_ERR_MISSING (no MIT krb5), MR_ERR_MEMORY or MR_ERR_AUTH. No configuration file
 * is read, but for the name of the default ticket cache. */
int mr_krb5_kdc_new(const mr_krb5_kdc_options *options, mr_krb5_kdc **kdcp, mr_error *err);
void mr_krb5_kdc_free(mr_krb5_kdc *kdc);
/* Takes a KDC's reply (empty at first). Returns 0 when all tickets are there, MR_KRB5_KDC_SEND,
 * MR_ERR_AUTH with the reason in the info, or MR_ERR_LIMIT after MR_KRB5_KDC_REQUESTS of a
 * stage. */
int mr_krb5_kdc_step(mr_krb5_kdc *kdc, mr_slice reply, mr_krb5_kdc_request *requestp,
                     mr_error *err);
void mr_krb5_kdc_get_info(const mr_krb5_kdc *kdc, mr_krb5_kdc_info *infop);

#endif
