/*
 * Facts from observations: what a live probe or a capture saw of a TCP connect or an RPC
 * conversation, said once as the facts that rules understand. The observer fills a small struct;
 * which kind of fact it makes, for the endpoint mapper or for a service, is decided here, so that
 * both observers give equal facts.
 *
 * Texts are borrowed during the call only. Results are those of mr_diag_add_fact.
 */
#ifndef MSRPC_FACTS_H
#define MSRPC_FACTS_H

#include <msrpc/diag.h>
#include <msrpc/engine.h>

/* How a TCP connect ended. */
enum mr_connect_end {
    MR_CONNECT_OPEN,
    MR_CONNECT_REFUSED,     /* a reset, or an ICMP port unreachable */
    MR_CONNECT_SILENT,
    MR_CONNECT_UNREACHABLE, /* another ICMP error */
    MR_CONNECT_LOCAL,       /* this machine would not send; see os_error */
};

typedef struct mr_connect_seen {
    const char *check;       /* evidence id */
    mr_nsec at;
    const char *address;
    uint32_t port;
    enum mr_fact_role role;
    enum mr_connect_end end;
    uint32_t tries;          /* SYNs that went out */
    uint32_t ms;
    bool icmp;               /* an ICMP error decided it */
    uint8_t icmp_version, icmp_type, icmp_code;
    uint32_t mtu;
    const char *sender;      /* of the ICMP error */
    int os_error;            /* Linux errno of a LOCAL end */
} mr_connect_seen;

int mr_facts_add_connect(mr_diag *diag, const mr_connect_seen *seen);
/* The fact alone; its texts are those of @seen. */
mr_fact mr_facts_of_connect(const mr_connect_seen *seen);

/* How a conversation over an open connection ended, or how far it has come. */
enum mr_talk_end {
    MR_TALK_BOUND,    /* the interface was accepted */
    MR_TALK_CALLED,   /* a call was answered with a reply */
    MR_TALK_NAK,      /* bind_nak */
    MR_TALK_REJECTED, /* the presentation context was */
    MR_TALK_FAULT,
    MR_TALK_SILENT,
    MR_TALK_RESET,
    MR_TALK_CLOSED,
    MR_TALK_PROTOCOL, /* what answers is not DCE/RPC, or broken */
};

typedef struct mr_talk_seen {
    const char *check;
    mr_nsec at;
    bool mapper;             /* the endpoint mapper, else a service */
    const char *address;
    uint32_t port;
    const char *interface;   /* name or UUID; a service's only */
    const char *service;     /* Windows service behind it, or NULL */
    enum mr_talk_end end;
    enum mr_when when;       /* SILENT, RESET, CLOSED */
    enum mr_acked acked;     /* SILENT, RESET, CLOSED */
    uint32_t reason;         /* NAK, REJECTED */
    uint32_t result;         /* REJECTED */
    uint32_t status;         /* FAULT */
    uint32_t opnum;          /* CALLED, FAULT */
    uint32_t contexts;       /* presentation contexts offered in the bind */
    uint32_t bytes;          /* octets that were sent and not answered */
    uint32_t tries;          /* SILENT, of the mapper: connections that ended so until now */
    uint32_t ms;
    uint32_t auth;           /* authentication level of a service's, 0: none */
    uint32_t ssp;            /* security provider */
    const char *user;        /* as whom; NULL: not known, or anonymous */
    bool after_auth3;        /* FAULT: the first answer after an auth3 */
    enum mr_foreign foreign; /* PROTOCOL */
    mr_slice first;          /* PROTOCOL: the first octets that came */
} mr_talk_seen;

int mr_facts_add_talk(mr_diag *diag, const mr_talk_seen *seen);
/* The fact alone, of kind MR_FACT_NONE when there is none; its texts are those of @seen. */
mr_fact mr_facts_of_talk(const mr_talk_seen *seen);

/* What a host says of itself in NTLM's challenge (MS-NLMP 2.2.2.1), which it gives to anybody. */
typedef struct mr_challenge_seen {
    const char *check;
    mr_nsec at;
    const char *address;
    uint32_t port;
    const char *asked;        /* the name that led there; NULL: an address was asked for */
    const char *computer;     /* NetBIOS name, "": not told */
    const char *dns_computer; /* likewise */
    bool has_clock;
    int64_t ahead;            /* seconds by which its clock is ahead of ours */
} mr_challenge_seen;

int mr_facts_add_challenge(mr_diag *diag, const mr_challenge_seen *seen);
/* Whether the host that calls itself so is another one than @asked, as far as names can tell: an
 * alias differs as well. */
bool mr_facts_is_other(const char *asked, const char *computer, const char *dns_computer);
/* The name that tells most: that of DNS where it is a whole one. */
const char *mr_facts_best_name(const char *computer, const char *dns_computer);

#define MR_CLOCK_TOLERANCE 300 /* seconds that Kerberos allows (RFC 4120 1.6) */

/* A peer's clock is @ahead seconds ahead of ours, which is told beyond what Kerberos allows. */
int mr_facts_add_clock(mr_diag *diag, const char *check, const char *address, int64_t ahead);
/* The same as the two fields of a fact. */
void mr_facts_set_clock(mr_fact *fact, int64_t ahead);

/* What is to be said of a wanted list of dynamic ports (KB154596): how many, how low, which known
 * services over @protocols (MR_PORT_TCP, MR_PORT_UDP) lie inside, what netsh makes of it. @check is
 * the evidence. */
int mr_facts_add_ranges(mr_diag *diag, const mr_ranges *ranges, unsigned protocols,
                        const char *check);
/* Of an entry of it that cannot be read. */
int mr_facts_add_bad_range(mr_diag *diag, const mr_range_bad *bad, const char *check);
/* Of netsh dynamicport's start and num (KB929851). MR_FACTS_REFUSED when netsh would refuse them,
 * else 0; and those of mr_diag_add_fact. */
#define MR_FACTS_REFUSED 1
int mr_facts_add_netsh(mr_diag *diag, uint32_t start, uint32_t num, const char *check);

#endif
