/*
 * One observer for a security context of any type: reads the tokens of both ends along, opens what
 * they protect if one of the keys fits, and else tells which key would. For analysers of captures;
 * nothing is ever sent, no clock is looked at. Observers may be made and used in different threads
 * while nobody changes the keys.
 */
#ifndef MSRPC_AUTH_OBSERVER_H
#define MSRPC_AUTH_OBSERVER_H

#include <msrpc/auth/krb5.h>
#include <msrpc/auth/netlogon.h>
#include <msrpc/auth/ntlm.h>

/* What there is; any of them may be NULL. Everything is *borrowed* until the observers made from it
 * are freed. */
typedef struct mr_observer_keys {
    const mr_krb5_keys *tickets;    /* keys of services, for Kerberos */
    mr_ntlm_find *find_account;     /* NT hashes of accounts, for NTLM */
    mr_netlogon_find *find_channel; /* session keys of machines, for Netlogon */
    void *user;                     /* for both callbacks */
} mr_observer_keys;

typedef struct mr_observer mr_observer;

/* An observer of a context of @auth_type (enum mr_auth_type): NTLM, Kerberos, Negotiate, Netlogon.
 * 0, MR_ERR_NOT_FOUND (another type), MR_ERR_MEMORY or what the mechanism's library said. */
int mr_observer_new(const mr_observer_keys *keys, uint8_t auth_type, mr_observer **observerp,
                    mr_error *err);
void mr_observer_free(mr_observer *observer);
/* Its face to the association, and back; lives as long as the observer. */
mr_security *mr_observer_get_security(mr_observer *observer);
mr_observer *mr_observer_of(mr_security *security);

typedef struct mr_observer_info {
    bool complete;    /* fragments can be opened */
    bool closed;      /* no key fits, or the tokens are not whole: they never will */
    const char *text; /* complete: "LAB\alice by NTLM"; closed: the key that would be needed, or
                       * what is wrong; else "". *Borrowed* until the next step. */
} mr_observer_info;

void mr_observer_get_info(mr_observer *observer, mr_observer_info *infop);

#endif
