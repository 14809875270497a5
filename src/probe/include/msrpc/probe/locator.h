/*
 * The DC locator (MS-ADTS 6.3.6, MS-NRPC 3.5.4.3.1), asked as a client of the domain asks it, with
 * nothing left out: SRV records of the site and of the whole domain, their order, addresses, the
 * locator's ping to every one of them. Also the ping alone, with what else a domain controller
 * tells strangers. Everything is anonymous; nothing is changed on a peer.
 */
#ifndef MSRPC_PROBE_LOCATOR_H
#define MSRPC_PROBE_LOCATOR_H

#include <msrpc/diag.h>
#include <msrpc/io.h>
#include <msrpc/wire/ldap.h>

/* ---- one domain controller ---- */

enum mr_dc_outcome {
    MR_DC_PENDING,
    MR_DC_ANSWERED,     /* it is a domain controller of that domain: see answer */
    MR_DC_PAUSED,       /* likewise, but Netlogon is paused: clients go on to the next */
    MR_DC_NO_ACCOUNT,   /* likewise, but it does not know the account */
    MR_DC_OTHER,        /* LDAP answers there, but not for that domain */
    MR_DC_FOREIGN,      /* what answers does not speak LDAP */
    MR_DC_SILENT,       /* no answer over UDP: see attempt and, where TCP was asked, tcp */
    MR_DC_REFUSED,      /* ICMP port unreachable */
    MR_DC_UNREACHABLE,  /* any other ICMP error, or this machine would not send */
};
/* "answered", "no account", "other domain", ... as screens and JSON show them. */
const char *mr_dc_outcome_name(enum mr_dc_outcome outcome);
/* A domain controller of the domain answered, whatever else it said. */
bool mr_dc_is_of_domain(enum mr_dc_outcome outcome);

typedef struct mr_dc_ping_options {
    mr_addr remote;           /* port 0: 389 */
    mr_addr source;
    const char *domain;       /* *borrowed*, as all texts; NULL: whichever it serves */
    const char *account;      /* NULL: none */
    uint32_t account_control; /* enum mr_account_control */
    bool tcp;                 /* ask the rootDSE over TCP too, not only when UDP is silent */
    mr_nsec timeout;          /* for each of UDP and TCP; 0: 3 s */
    unsigned tries;           /* datagrams; 0: 2 */
} mr_dc_ping_options;

typedef struct mr_dc_ping mr_dc_ping;
struct mr_dc_ping {
    /* read only once done */
    enum mr_dc_outcome outcome; /* over UDP, as Windows asks */
    bool has_answer;            /* over UDP or, where that is silent, over TCP */
    bool over_tcp;              /* the answer came over TCP only */
    mr_netlogon_answer answer;  /* *in @arena* */
    mr_attempt attempt;         /* UDP */
    mr_nsec elapsed;            /* until the answer over UDP */
    enum mr_reach tcp;          /* port 389 over TCP; pending where it was not asked */
    bool root_dse;              /* the rootDSE came: the texts below, *in @arena* or NULL */
    const char *dns_host, *service_name;
    bool has_dsa_guid;          /* of its NTDS settings: the name of its CNAME in _msdcs */
    mr_uuid dsa_guid;
    bool failed;                /* memory ran out: what is known is not all */
    /* private */
    mr_loop *loop;
    mr_arena *arena;
    void (*done)(void *user, mr_dc_ping *ping);
    void *user;
    mr_dc_ping_options options;
    mr_datagram udp;
    mr_stream stream;
    mr_timer timer;
    mr_buf question, in;
    unsigned open;
    bool streaming;
};

/* Prepares a ping whose texts go into @arena; done comes once for a start and may deinitialise. */
void mr_dc_ping_init(mr_dc_ping *ping, mr_loop *loop, mr_arena *arena,
                     void (*done)(void *user, mr_dc_ping *ping), void *user);
/* Asks; the outcome always comes as the callback. MR_ERR_MEMORY, MR_ERR_SYSTEM, MR_ERR_LIMIT where
 * the names make too long a question. */
int mr_dc_ping_start(mr_dc_ping *ping, const mr_dc_ping_options *options, mr_error *err);
/* Ends it without a callback. A zeroed ping may be deinitialised. */
void mr_dc_ping_deinit(mr_dc_ping *ping);

/* ---- the locator ---- */

#define MR_LOCATOR_HOSTS 64  /* most SRV records that are looked at */
#define MR_LOCATOR_ADDRS 4   /* most addresses of one host that are pinged */

/* What a caller wants of the DC (MS-NRPC 3.5.4.3.1), in nltest's words. */
enum mr_locator_want {
    MR_LOCATOR_PDC = 1 << 0,
    MR_LOCATOR_GC = 1 << 1,
    MR_LOCATOR_KDC = 1 << 2,
    MR_LOCATOR_TIMESERV = 1 << 3,
    MR_LOCATOR_GTIMESERV = 1 << 4, /* preferred, not required */
    MR_LOCATOR_WRITABLE = 1 << 5,
    MR_LOCATOR_DS = 1 << 6,
    MR_LOCATOR_LDAP_ONLY = 1 << 7, /* any LDAP server of the domain */
    MR_LOCATOR_WS = 1 << 8,
    MR_LOCATOR_DS_6 = 1 << 9,      /* Windows Server 2008 or later */
    MR_LOCATOR_DS_8 = 1 << 10,
    MR_LOCATOR_DS_9 = 1 << 11,
    MR_LOCATOR_DS_10 = 1 << 12,
    MR_LOCATOR_KEY_LIST = 1 << 13,
    MR_LOCATOR_DS_13 = 1 << 14,
    MR_LOCATOR_AVOID_SELF = 1 << 15,
};
/* The words "pdc", "gc", ... and what they stand for: row @i, NULL past the end. */
const char *mr_locator_want_get(size_t i, uint32_t *wantp);

typedef struct mr_locator_options {
    const char *domain;    /* DNS name; *borrowed*, as everything */
    const char *site;      /* NULL: what the first answer says is ours */
    const char *account;   /* NULL: none */
    uint32_t want;         /* enum mr_locator_want */
    const char *self;      /* this machine's own DNS name, for AVOID_SELF; NULL: unknown */
    mr_addr server;        /* DNS server; zeroed: the system's */
    enum mr_family family;
    mr_nsec timeout;       /* of one question */
    unsigned tries;        /* datagrams of one ping */
} mr_locator_options;

/* One question for SRV records. */
typedef struct mr_locator_query {
    const char *name;
    const char *site; /* NULL: of the whole domain */
    enum mr_dns_outcome outcome;
    uint16_t rcode;
    mr_addr server;
    mr_nsec elapsed;
    size_t count;     /* records that came */
    struct mr_locator_query *next;
} mr_locator_query;

/* One address of one candidate. */
typedef struct mr_locator_address {
    mr_addr addr;
    mr_dc_ping ping;
    struct mr_locator_host *host;
} mr_locator_address;

typedef struct mr_locator_host {
    const char *name;
    uint16_t priority, weight, port;
    const mr_locator_query *query;   /* who named it first */
    bool in_site;                    /* named by the question of our site */
    enum mr_dns_outcome outcome;     /* of its addresses */
    mr_locator_address *addrs;
    size_t addr_count;
    uint32_t lacks;                  /* enum mr_locator_want it does not have, once it answered */
    bool skipped_self;
    /* private */
    struct mr_locator *locator;
    mr_lookup lookup;
    bool looking;
} mr_locator_host;

typedef struct mr_locator mr_locator;
struct mr_locator {
    /* read only; complete once done */
    mr_locator_query *queries;        /* in the order asked */
    mr_locator_host *hosts[MR_LOCATOR_HOSTS]; /* in the order a client would try them */
    size_t host_count;
    const char *site;                 /* ours, asked or told; NULL: unknown */
    bool site_told;                   /* a DC told it */
    const mr_locator_address *chosen; /* NULL: no DC was found */
    const char *why;                  /* one line for the choice; NULL without one */
    uint32_t flags;                   /* of the chosen one, with those of its names */
    bool over;
    bool more;                        /* more hosts are registered than are looked at */
    bool failed;                      /* memory ran out: what is known is not all */
    /* private */
    mr_loop *loop;
    mr_resolver *resolver;
    mr_arena *arena;
    mr_locator_options options;
    void (*done)(void *user, mr_locator *locator);
    void *user;
    const char *forest;
    bool forest_asked, site_asked;
    struct locator_ask *asks;
    size_t open;
};

/* Makes a locator *in @arena*, borrowing the loop and the resolver. 0 or MR_ERR_MEMORY. */
int mr_locator_new(mr_loop *loop, mr_resolver *resolver, mr_arena *arena,
                   const mr_locator_options *options, mr_locator **locatorp);
/* Begins; done comes once everything is known. */
int mr_locator_start(mr_locator *locator, void (*done)(void *user, mr_locator *locator),
                     void *user, mr_error *err);
/* What is known becomes facts and checks; also of a locator that was cut. */
void mr_locator_add_facts(mr_locator *locator, mr_diag *diag);
/* Cuts what still runs. NULL is allowed. */
void mr_locator_free(mr_locator *locator);

#endif
