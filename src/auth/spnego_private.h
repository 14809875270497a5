/*
 * Negotiate inside: the object and what its three roles share (spnego.c), the initiator
 * (spnego_initiate.c), the acceptor and the observer (spnego_accept.c).
 */
#ifndef MR_AUTH_SPNEGO_PRIVATE_H
#define MR_AUTH_SPNEGO_PRIVATE_H

#include <msrpc/auth/spnego.h>

enum mr_spnego_stage {
    MR_SPNEGO_BEGIN,
    MR_SPNEGO_TALKING,
    MR_SPNEGO_COMPLETE,
    MR_SPNEGO_FAILED,
};

struct mr_spnego {
    mr_security base;
    mr_spnego_mech mechs[MR_SPNEGO_INNER_MAX];
    size_t mech_count;
    enum mr_spnego_stage stage;
    mr_spnego_mech *chosen; /* or tried; NULL: none */
    enum mr_mech mech;      /* its identifier as it is told on the wire */
    bool agreed;            /* the acceptor told its choice */
    bool hinted;            /* acceptor: spoke first */
    bool asked;             /* acceptor: nothing but the client's mechListMIC is missing */
    bool inner_pending, inner_done;
    bool must_protect;      /* not the list's first mechanism: the list has to be signed */
    bool signed_list, checked_list; /* we signed; the peer did and was right */
    mr_buf mech_list;       /* as it travelled */
    mr_buf token;           /* the mechanism's answer */
    /* of the peer's token, for when the mechanism is done with it */
    uint8_t peer_state;
    uint8_t peer_mic[MR_SPNEGO_MIC_MAX];
    size_t peer_mic_len;
    mr_spnego_info info;
    mr_error detail; /* its text is info.failure */
    char why[200];
};

/* Ends the negotiation: kept for the info. Returns @code. */
int mr_spnego_fail(mr_spnego *n, mr_error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for an error that another function made. */
int mr_spnego_fail_of(mr_spnego *n, mr_error *err, int code, const mr_error *cause);
/* The same for a list that @who should have signed. */
int mr_spnego_fail_unprotected(mr_spnego *n, const char *who, mr_error *err);
/* Keeps that the first mechanism is not used. */
void mr_spnego_fall_back(mr_spnego *n, enum mr_spnego_fallback who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Kerberos has two identifiers. */
bool mr_spnego_same(enum mr_mech a, enum mr_mech b);
/* The mechanism of ours, or NULL. */
mr_spnego_mech *mr_spnego_find(mr_spnego *n, enum mr_mech mech);
void mr_spnego_choose(mr_spnego *n, mr_spnego_mech *chosen, enum mr_mech mech);

/* Keeps what the list says: the octets and the names. */
int mr_spnego_keep_list(mr_spnego *n, const mr_gss_token *t, mr_error *err);
/* Keeps state and mechListMIC of a peer's token. */
int mr_spnego_keep_peer(mr_spnego *n, const mr_gss_token *t, mr_error *err);

/* The mechanism's step; its answer is in @token then. */
int mr_spnego_try_inner(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_error *err);
/* The same; a failure ends the negotiation. */
int mr_spnego_step_inner(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_error *err);
/* The same for a peer that skips SPNEGO: the answer goes to @out as it is. */
int mr_spnego_step_bare(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_buf *out,
                        mr_error *err);

/* Writes a NegTokenResp with the mechanism's answer, and if @sign with our mechListMIC. */
int mr_spnego_answer(mr_spnego *n, uint8_t state, enum mr_mech mech, bool sign, mr_buf *out,
                     mr_error *err);
bool mr_spnego_can_sign(const mr_spnego *n);
/* Holds the peer's mechListMIC, if it sent one, against the list. @dir is the way it travelled. */
int mr_spnego_check_list(mr_spnego *n, enum mr_dir dir, mr_error *err);
/* The mechanism may begin anew after signatures of the list. */
void mr_spnego_complete(mr_spnego *n);

int mr_spnego_initiate(mr_spnego *n, mr_slice token, mr_buf *out, mr_error *err);
int mr_spnego_accept(mr_spnego *n, mr_slice token, mr_buf *out, mr_error *err);
int mr_spnego_observe(mr_spnego *n, enum mr_dir dir, mr_slice token, mr_error *err);

#endif
