/*
 * What a logon brought to light, as facts: what KDCs and the server said or did not say, and a
 * fallback. Whoever logs on, for a diagnosis or in passing, fills the small struct and asks here,
 * so that a refusal has one meaning in every command. Texts that are returned are for people, and
 * *in the arena* of the diag; a diag that is out of memory keeps that as its error.
 */
#ifndef MSRPC_PROBE_LOGON_H
#define MSRPC_PROBE_LOGON_H

#include <msrpc/facts.h>
#include <msrpc/rpc.h>

/* Everything is *borrowed* during the call. */
typedef struct mr_logon_seen {
    mr_diag *diag;           /* takes the facts */
    const char *check;       /* evidence id */
    const mr_logon *logon;   /* done or failed; its latest provider is the dialogue's */
    const char *who;         /* "alice@LAB.TEST" */
    const char *spn;         /* NULL or "": Kerberos is not wanted */
    /* the dialogue with the server; all but the first two may be unknown without one */
    mr_client *client;       /* NULL: it did not come to that */
    const mr_addr *addr;     /* of the server */
    uint16_t port;
    const char *interface;   /* name or UUID */
    const char *service;     /* Windows service behind it, or NULL */
    uint32_t opnum;          /* of the call */
} mr_logon_seen;

/* The mechanism as people call it: "Kerberos", "NTLM". */
const char *mr_logon_seen_mechanism(const mr_logon_seen *seen);
/* Whether the server is known to accept the credentials: the last word of the negotiation was its
 * own, and good (NTLM without Negotiate has none), or a protected call was answered. */
bool mr_logon_seen_is_proven(const mr_logon_seen *seen);
/* Whether the account itself was judged, and refused: by a KDC, or by a server that was shown the
 * answer to its challenge. Who tries it again counts towards a lockout. */
bool mr_logon_seen_is_refused(const mr_logon_seen *seen);
/* Whether a dialogue that ended with @result was tampered with: it stood, and then what came was
 * not what the server sent, or the server says so of what it was sent. A fault has no verifier
 * (MS-RPCE 3.3.1.5.2.2: requests and responses do): anybody on the way may say that, too. */
bool mr_logon_seen_is_tampered(const mr_logon_seen *seen, int result, const mr_error *err);
/* Whether @host was asked as a KDC over TCP, and in vain. */
bool mr_logon_is_kdc_silent(const mr_logon *logon, const mr_addr *host);

/* Facts of a logon that KDCs refused or that was not to be had, and how it is told. */
const char *mr_logon_seen_add_refused(const mr_logon_seen *seen, int result, const mr_error *err);
/* Facts of a dialogue that came to nothing, and how it is told. */
const char *mr_logon_seen_add_failed(const mr_logon_seen *seen, int result, const mr_error *err);
/* After a denial: that header signing was asked for and not agreed, if so. */
void mr_logon_seen_add_unsigned(const mr_logon_seen *seen);
/* Facts of a fallback: @accepted, or refused with @status (0: by other means than a fault). Returns
 * the reason, or NULL where there was none. */
const char *mr_logon_seen_add_fallback(const mr_logon_seen *seen, bool accepted, uint32_t status);
/* Facts of tickets that were granted, and of the KDC's clock. */
void mr_logon_seen_add_granted(const mr_logon_seen *seen);

/* What the dialogue is about, with its level and mechanism, for mr_facts_add_talk. */
mr_talk_seen mr_logon_seen_talk(const mr_logon_seen *seen);

#endif
