/*
 * Security as a vtable (MS-RPCE 2.2.1.1, 3.3.1.5.2): the association carries tokens in its auth
 * trailers and calls a provider to take a step, protect and unprotect. A provider embeds
 * mr_security as its first member. Whoever made the provider owns it; the association *borrows*
 * it until it is deinitialised. A call without any provider is anonymous.
 */
#ifndef MSRPC_ENGINE_SECURITY_H
#define MSRPC_ENGINE_SECURITY_H

#include <msrpc/base/buf.h>
#include <msrpc/base/result.h>
#include <msrpc/wire.h>

/* The way bytes travel. */
enum mr_dir {
    MR_DIR_TO_SERVER,
    MR_DIR_TO_CLIENT,
};

enum mr_security_role {
    MR_SECURITY_INITIATOR, /* the client: speaks first */
    MR_SECURITY_ACCEPTOR,  /* the server */
    MR_SECURITY_OBSERVER,  /* a tap: sees the tokens of both, never answers */
};

/* Positive outcomes of step. */
enum mr_security_outcome {
    MR_SECURITY_CONTINUE = 1, /* the peer must send another token */
    MR_SECURITY_PENDING = 2,  /* work goes on elsewhere: step again (with an empty token) after
                               * mr_assoc_resume; the provider keeps what it needs of the input */
};

/* One fragment as its verifier sees it; the four slices are adjacent in the PDU
 * (MS-RPCE 2.2.2.11): header, body (stub and auth padding), trailer (the 8 octets of
 * sec_trailer), value (auth_value). Privacy encrypts the body; the checksum covers the body, and
 * with @sign_header the header and trailer too. */
typedef struct mr_security_frag {
    mr_slice header;
    mr_slice body;
    mr_slice trailer;
    mr_slice value;
    uint8_t level;
    bool sign_header; /* PFC_SUPPORT_HEADER_SIGN was agreed at the bind */
    enum mr_dir dir;
} mr_security_frag;

typedef struct mr_security mr_security;

typedef struct mr_security_class {
    const char *name;
    uint8_t auth_type; /* enum mr_auth_type */

    /* Takes the peer's token (empty for the initiator's first step) and appends the answer to
     * @out; @dir is the way @token travelled, of interest to an observer, which appends nothing.
     * Returns 0 when the context is complete, MR_SECURITY_CONTINUE, MR_SECURITY_PENDING, or a
     * negative result. A complete initiator that appended a token sends it as auth3. */
    int (*step)(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err);

    /* Octets of auth_value in every fragment protected at @level (the padding of the body to 16
     * octets is the association's business, MS-RPCE 2.2.2.11). */
    uint16_t (*sizes)(mr_security *sec, uint8_t level);

    /* Protects a fragment in place: @body and @value are the writable octets that frag->body and
     * frag->value show. Called in wire order. */
    int (*protect)(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                   mr_error *err);

    /* Verifies a fragment. At privacy the plain body is written to @body (frag->body.len octets,
     * never overlapping the fragment); at lower levels @body is NULL and nothing is written.
     * Returns 0, MR_ERR_AUTH when the verifier is wrong, or another negative result. */
    int (*unprotect)(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                     mr_error *err);
} mr_security_class;

struct mr_security {
    const mr_security_class *class;
    enum mr_security_role role;
};

/* Whether every fragment of a request or response carries a verifier at @level: from CALL on,
 * which a server treats as PACKET (MS-RPCE 2.2.1.1.8). */
static inline bool mr_auth_level_protects(uint8_t level) {
    return level >= MR_AUTH_LEVEL_CALL;
}

/* The level that a client asks for when @level is wished: never CALL, but PACKET (MS-RPCE
 * 2.2.1.1.8). */
static inline uint8_t mr_auth_level_wire(uint8_t level) {
    return level == MR_AUTH_LEVEL_CALL ? MR_AUTH_LEVEL_PACKET : level;
}

#endif
