/*
 * The DNS health of a domain, as dcdiag /test:dns looks at it, asked by a stranger: every domain
 * controller and every name server of the zone, found by SRV and by NS; whether each serves DNS,
 * recurses, has sound delegations, refuses updates of strangers; and every record that each domain
 * controller should have registered, asked of every one of these DNS servers separately. Nothing is
 * changed: the update that is sent removes what is not there (RFC 2136 3.4.2.3), and only to a
 * server that took an empty one.
 */
#ifndef MSRPC_PROBE_HEALTH_H
#define MSRPC_PROBE_HEALTH_H

#include <msrpc/probe/locator.h>
#include <msrpc/probe/netbios.h>
#include <msrpc/probe/port.h>

#define MR_HEALTH_HOSTS 64 /* most domain controllers and name servers */
#define MR_HEALTH_ADDRS 8  /* most addresses of one host */

enum mr_health_test { /* dcdiag's columns */
    MR_HEALTH_AUTH,
    MR_HEALTH_BASC,
    MR_HEALTH_FORW,
    MR_HEALTH_DEL,
    MR_HEALTH_DYN,
    MR_HEALTH_RREG,
    MR_HEALTH_EXT,
    MR_HEALTH_TESTS,
};
/* "Auth", "Basc", ... */
const char *mr_health_test_name(enum mr_health_test test);

enum mr_health_result { /* in the order in which one outweighs another */
    MR_HEALTH_NA,       /* not asked, or not of this host: the note says why */
    MR_HEALTH_PASS,
    MR_HEALTH_UNKNOWN,  /* it could not be learnt */
    MR_HEALTH_WARN,
    MR_HEALTH_FAIL,
};
/* "n/a", "PASS", "UNKN", "WARN", "FAIL" */
const char *mr_health_result_name(enum mr_health_result result);

typedef struct mr_health_options {
    const char *domain;     /* DNS name; *borrowed*, as everything */
    const char *dc;         /* this one only: a name or an address; NULL: all */
    const char *external;   /* name to resolve through each server; NULL: not asked */
    mr_addr server;         /* where the search begins; zeroed: the system's */
    enum mr_family family;
    mr_nsec timeout;        /* of one question */
    unsigned tries;
} mr_health_options;

/* One thing that a test has to say. */
typedef struct mr_health_note mr_health_note;
struct mr_health_note {
    enum mr_health_test test;
    enum mr_health_result result;
    const char *text;       /* holds names of peers: make it safe before a terminal sees it */
    mr_health_note *next;
};

typedef struct mr_health mr_health;
typedef struct mr_health_host mr_health_host;

typedef struct mr_health_addr {
    mr_addr addr;
    mr_health_host *host;
    bool own_name;           /* who answers there says that it is this host */
    bool pinged;
    mr_dc_ping ping;
    mr_port_probe tcp;       /* port 53 */
    mr_netbios node;         /* its node status, where nothing of a domain controller answers */
    const char *node_name;   /* what it says its name is, or NULL */
    const struct health_query *soa; /* of the domain */
} mr_health_addr;

enum mr_health_state { /* of a record at a server */
    MR_HEALTH_RECORD_UNKNOWN,
    MR_HEALTH_RECORD_FOUND,
    MR_HEALTH_RECORD_MISSING,
    MR_HEALTH_RECORD_OTHER_PORT,
};

/* A record that a domain controller should have, and what each server says of it. */
typedef struct mr_health_record mr_health_record;
struct mr_health_record {
    const char *name;
    uint16_t type;
    uint16_t port;           /* of an SRV record */
    bool critical;
    enum mr_health_state states[MR_HEALTH_HOSTS]; /* by index of the host that serves DNS */
    const struct health_query *queries[MR_HEALTH_HOSTS];
    mr_health_record *next;
};

struct mr_health_host {
    mr_health *health;       /* private */
    const char *name;
    bool is_dc, is_ns;
    bool registered;         /* DNS names it as a domain controller */
    bool chosen;             /* it has a row in the table */
    mr_health_addr addrs[MR_HEALTH_ADDRS];
    size_t addr_count;
    const mr_health_addr *answers; /* the address where the locator's ping was answered; or NULL */
    const mr_health_addr *serves;  /* the address where DNS answers; or NULL */
    bool knows;              /* it resolves the domain: it is asked for the records too */
    bool authoritative;      /* for the domain */
    bool recursion;          /* RA */
    enum mr_health_result results[MR_HEALTH_TESTS];
    mr_health_note *notes;
    mr_health_record *records; /* of a domain controller */
    bool dsa_unknown;        /* its CNAME could not be asked for */
};

struct mr_health {
    /* read only; complete once over */
    const char *domain, *forest;
    bool has_guid;
    mr_uuid guid;            /* of the domain */
    mr_health_host *hosts[MR_HEALTH_HOSTS];
    size_t host_count;
    bool over;
    bool more;               /* the domain has more hosts than are looked at */
    bool failed;             /* memory ran out: nothing that passes is to be believed */
    /* private */
    mr_loop *loop;
    mr_resolver *resolver;
    mr_arena *arena;
    mr_health_options options;
    void (*done)(void *user, mr_health *health);
    void *user;
    unsigned stage;
    size_t open;             /* what can still call back */
    struct health_query *queries, **queries_tail, *waiting;
    struct health_update *updates;
    const struct health_query *srv, *ns, *forest_ns;
    size_t asking;
};

/* Makes one *in @arena*, borrowing the loop and the resolver. 0 or MR_ERR_MEMORY. */
int mr_health_new(mr_loop *loop, mr_resolver *resolver, mr_arena *arena,
                  const mr_health_options *options, mr_health **healthp);
/* Begins; done comes once everything is known. */
int mr_health_start(mr_health *health, void (*done)(void *user, mr_health *health), void *user,
                    mr_error *err);
/* Judges: results and notes of every host, facts and checks into @diag. Once, also when cut. */
void mr_health_judge(mr_health *health, mr_diag *diag);
/* Cuts what still runs. NULL is allowed. */
void mr_health_free(mr_health *health);

#endif
