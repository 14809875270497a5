/*
 * Negotiate: SPNEGO (RFC 4178, MS-SPNG) behind the engine's security vtable, around providers of
 * its caller, as initiator, acceptor and observer. The initiator sends the first mechanism's token
 * along with its list; the acceptor takes the first of the list that it has, with another round
 * trip if that is not the list's first. Once the mechanism is complete, both ends sign the list
 * (mechListMIC): the initiator always, the acceptor when the initiator did. When the mechanism is
 * not the list's first, either end refuses a peer that does not sign, and a wrong signature is
 * refused always: whoever strikes the better mechanism from a list on its way is found out.
 * Mechanisms that cannot sign cannot notice; NTLM is one of them at level connect. A client that
 * skips SPNEGO and speaks NTLM or Kerberos at once is let in, as Windows lets it.
 */
#ifndef MSRPC_AUTH_SPNEGO_H
#define MSRPC_AUTH_SPNEGO_H

#include <msrpc/auth/krb5.h>
#include <msrpc/auth/ntlm.h>
#include <msrpc/engine/security.h>

#define MR_SPNEGO_INNER_MAX 4
#define MR_SPNEGO_MIC_MAX 64

/* A mechanism to negotiate: its provider, of the same role, *borrowed* until mr_spnego_free, and
 * what SPNEGO needs of it beyond the vtable. */
typedef struct mr_spnego_mech {
    enum mr_mech mech; /* MR_MECH_KRB5 stands for both of its identifiers */
    mr_security *security;
    /* GSS_GetMIC and GSS_VerifyMIC; both NULL: it cannot sign. @micp has room for
     * MR_SPNEGO_MIC_MAX octets. */
    int (*get_mic)(mr_security *sec, enum mr_dir dir, mr_slice octets, uint8_t *micp,
                   size_t *lenp, mr_error *err);
    int (*verify_mic)(mr_security *sec, enum mr_dir dir, mr_slice octets, mr_slice mic,
                      mr_error *err);
    /* Whether its context, complete, agreed to sign at all; NULL: always. */
    bool (*can_sign)(mr_security *sec);
    /* Called once the list is signed; NULL: nothing begins anew. @from_zero: the peer did not
     * sign. */
    void (*reset)(mr_security *sec, bool from_zero);
} mr_spnego_mech;

mr_spnego_mech mr_spnego_of_krb5(mr_krb5 *krb5);
mr_spnego_mech mr_spnego_of_ntlm(mr_ntlm *ntlm);

/* Everything but the providers is copied by mr_spnego_new. */
typedef struct mr_spnego_options {
    enum mr_security_role role;
    mr_spnego_mech mechs[MR_SPNEGO_INNER_MAX]; /* best first; an acceptor goes by the client's
                                                * order */
    size_t mech_count;
    /* Initiator: why a better mechanism is not among them ("there is no ticket for ..."); it
     * becomes the info's fallback. NULL: nothing is missing. */
    const char *missing;
} mr_spnego_options;

/* Who did not want the first mechanism. */
enum mr_spnego_fallback {
    MR_SPNEGO_NO_FALLBACK,
    MR_SPNEGO_FALLBACK_INITIATOR, /* it could not begin, or was missing */
    MR_SPNEGO_FALLBACK_ACCEPTOR,  /* it was offered and another one chosen */
};

typedef struct mr_spnego_info {
    bool complete;
    bool bare;              /* the client skipped SPNEGO: nothing was offered */
    enum mr_mech offered[MR_SPNEGO_MECHS]; /* by the initiator, best first; MR_MECH_UNKNOWN for
                                            * those without a name here */
    uint8_t offered_count;
    enum mr_mech chosen;    /* MR_MECH_UNKNOWN: none yet */
    mr_security *security;  /* of the mechanism chosen, or NULL; *borrowed* */
    enum mr_spnego_fallback fallback;
    bool rejected;          /* the peer took none of the mechanisms */
    bool tampered;          /* the list was not signed where it had to be, or not with the octets
                             * that were sent */
    bool protected;         /* the peer signed the list, and what it signed is right */
    const char *why;        /* why there was a fallback, or "" */
    const char *failure;    /* why there is no security context, or ""; both *borrowed* until the
                             * next step */
} mr_spnego_info;

typedef struct mr_spnego mr_spnego;

/* A new negotiation. Returns 0, MR_ERR_ARGUMENT or MR_ERR_MEMORY. */
int mr_spnego_new(const mr_spnego_options *options, mr_spnego **spnegop, mr_error *err);
void mr_spnego_free(mr_spnego *spnego);
/* Its face to the association; lives as long as @spnego. */
mr_security *mr_spnego_get_security(mr_spnego *spnego);
void mr_spnego_get_info(const mr_spnego *spnego, mr_spnego_info *infop);

#endif
