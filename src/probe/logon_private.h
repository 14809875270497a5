/* The logon of a live diagnosis, inside: the machine of checks/logon.c, facts by logon_facts.c. */
#ifndef MSRPC_PROBE_LOGON_PRIVATE_H
#define MSRPC_PROBE_LOGON_PRIVATE_H

#include <msrpc/ifaces/mgmt.h>

#include "probe_private.h"

struct probe_logon {
    struct probe_op op;
    mr_timer wait;             /* until the gate lets us in */
    mr_logon_options options;
    mr_logon *logon;
    mr_logon *raised;          /* the same identity at privacy, by the same tickets */
    mr_identity tickets;       /* for @raised */
    const mr_addr *addr;
    uint16_t port;
    mr_syntax iface;
    bool asked;                /* the user named the interface */
    const char *who;           /* "alice@LAB.TEST" */
    const char *spn;           /* "" where Kerberos is not wanted */

    mr_client *client;         /* the dialogue under way */
    mr_call call;
    bool calling;
    mr_iface called;           /* the interface with a method that it does not have */
    mr_proc proc;
    struct mr_mgmt_is_server_listening *args;
    uint32_t denied;           /* the fault that refused the call at the wanted level */
    uint32_t opnum;
};

/* The mechanism as people call it: "Kerberos", "NTLM", "Negotiate (NTLM)". */
const char *probe_logon_mechanism(struct probe_logon *l);
/* Whether the credentials are known to be accepted: the last word of the negotiation was the
 * server's, and good. */
bool probe_logon_is_proven(const struct probe_logon *l);
/* Whether a dialogue that ended with @result ended because the server did not like the proof: it
 * must not be tried again. */
bool probe_logon_is_refused(const struct probe_logon *l, int result);
/* What the dialogue under way is about, with its level and mechanism. */
mr_talk_seen probe_logon_talk(struct probe_logon *l, const char *check);

/* Facts of a logon that KDCs refused or that was not to be had, and how it is told. */
const char *probe_logon_add_refused(struct probe_logon *l, int result, const mr_error *err);
/* Facts of a dialogue that came to nothing, and how it is told. */
const char *probe_logon_add_failed(struct probe_logon *l, int result, const mr_error *err);
/* Facts of a fallback: @accepted, or refused with @status (0: by other means than a fault). Returns
 * the reason, or NULL where there was none. */
const char *probe_logon_add_fallback(struct probe_logon *l, bool accepted, uint32_t status);
/* Facts of tickets that were granted, and of the KDC's clock. */
void probe_logon_add_granted(struct probe_logon *l);

#endif
