/*
 * The audit: what a host tells a stranger over TCP. The endpoint mapper is asked where samr,
 * lsarpc, dssetup and netlogon listen; each is bound to without authentication and asked the
 * read-only questions of one table (audit.c). Every question is a fact: it leaks, is denied, is
 * not reachable or unknown, with the rung where it stopped (map, connect, bind, call) and the code
 * that stopped it. Nothing is written and no password is tried.
 *
 * Unknown is no denial: silence, a broken answer, an information level the server does not have, a
 * mapper that does not tell where an interface listens.
 *
 * Sources: MS-SAMR 3.1.5, MS-LSAD 3.1.4, MS-LSAT 3.1.4, MS-DSSP 3.2.5, MS-NRPC 3.5.4.3, C706
 * appendix O and Q.
 */
#ifndef MSRPC_PROBE_AUDIT_H
#define MSRPC_PROBE_AUDIT_H

#include <msrpc/diag.h>
#include <msrpc/rpc.h>

#define MR_AUDIT_ITEMS_MAX 20000  /* of one fact; what comes after them is not kept */
#define MR_AUDIT_PAGES_MAX 1000   /* calls of one enumeration */
#define MR_AUDIT_GROUPS_MAX 256   /* whose members are asked for */
#define MR_AUDIT_RIDS_MAX 65536   /* of one run */

enum mr_audit_state {
    MR_AUDIT_UNKNOWN,
    MR_AUDIT_LEAKS,         /* the question is answered, though the answer may be: none */
    MR_AUDIT_DENIED,
    MR_AUDIT_NOT_REACHABLE, /* nothing to ask: not registered over TCP, or the port is shut */
};

enum mr_audit_rung { MR_AUDIT_MAP, MR_AUDIT_CONNECT, MR_AUDIT_BIND, MR_AUDIT_CALL };
#define MR_AUDIT_RUNGS 4

enum mr_audit_door {
    MR_AUDIT_EPM,
    MR_AUDIT_MGMT,
    MR_AUDIT_DSSETUP,
    MR_AUDIT_LSARPC,
    MR_AUDIT_SAMR,
    MR_AUDIT_NETLOGON,
    MR_AUDIT_DOORS,
};

enum mr_audit_category {
    MR_AUDIT_MAPPER,
    MR_AUDIT_IDENTITY,
    MR_AUDIT_DOMAIN,
    MR_AUDIT_POLICY,
    MR_AUDIT_ACCOUNTS,
    MR_AUDIT_TRANSLATION,
    MR_AUDIT_RIGHTS,
    MR_AUDIT_CATEGORIES,
};

/* How a question ended. */
typedef struct mr_audit_outcome {
    enum mr_audit_state state;
    enum mr_audit_rung rung;     /* reached; CALL when it leaks */
    const char *call;            /* the method that decided, NULL on the rungs below CALL */
    enum mr_peer_kind code_kind; /* NONE: the peer gave no code */
    uint32_t code;
    const char *why;             /* a sentence; NULL when it leaks */
} mr_audit_outcome;

/* One account, group, member, domain, privilege ... of an answer; what is not known is NULL. */
typedef struct mr_audit_item {
    const char *name;
    const char *kind;        /* "user", "alias", ... (MS-LSAT 2.2.13) */
    const char *domain;      /* it belongs to */
    const char *of;          /* the group it is a member of */
    const char *sid;
    const char *full_name;
    const char *description; /* may hold a password: people write them there */
    bool has_rid, has_flags;
    uint32_t rid;
    uint32_t flags;          /* account control bits, MS-SAMR 2.2.1.12 */
} mr_audit_item;

enum mr_audit_value_kind {
    MR_AUDIT_TEXT,
    MR_AUDIT_NUMBER,
    MR_AUDIT_LIMIT,   /* a number, of which 0 means none */
    MR_AUDIT_SECONDS,
};
#define MR_AUDIT_NEVER UINT64_MAX /* as SECONDS */

typedef struct mr_audit_value {
    const char *key;         /* of JSON: "min_password_length" */
    const char *title;       /* of a screen: "minimum length" */
    enum mr_audit_value_kind kind;
    const char *text;
    uint64_t number;
} mr_audit_value;

#define MR_AUDIT_VALUES 12

typedef struct mr_audit_fact {
    const char *id;          /* "SAMR.USERS" */
    const char *title;
    enum mr_audit_category category;
    enum mr_audit_door door;
    const char *chain;       /* the calls it takes: "SamrConnect5 > SamrOpenDomain > ..." */
    mr_audit_outcome outcome;
    mr_audit_item *items;
    size_t item_count;
    bool cut;                /* there were more items than were kept, or the list had no end */
    mr_audit_value values[MR_AUDIT_VALUES];
    size_t value_count;
} mr_audit_fact;

/* An interface and how far a stranger comes there. */
typedef struct mr_audit_gate {
    const char *name;        /* "samr" */
    mr_syntax syntax;
    uint16_t port;           /* 0: not known */
    bool asked;              /* a question needed it */
    unsigned passed;         /* rungs that were passed, 0 to MR_AUDIT_RUNGS */
    mr_audit_outcome outcome; /* LEAKS when at least one call was answered */
} mr_audit_gate;

/* A countermeasure, judged by the facts that it governs. */
typedef struct mr_audit_hardening {
    const char *id;
    const char *title;
    const char *setting;     /* where it is set */
    const char *wanted;
    enum mr_status status;   /* FAIL, or WARN where it is a matter of taste: a fact leaks;
                              * PASS: denied; UNKNOWN: neither was seen */
    const char *fact;        /* that decided, NULL: none */
} mr_audit_hardening;

typedef struct mr_audit_options {
    const mr_addr *addrs;    /* of the host, tried in turn; *borrowed*, like everything here */
    size_t addr_count;
    const char *host;        /* for towers that say 0.0.0.0 */
    uint16_t mapper_port;    /* 0: 135 */
    mr_client_options client; /* connect.remote is filled per connection; a source port is used
                               * for the mapper only */
    /* Called before each connection; may run the loop to wait. 0, or a result that ends the audit.
     * NULL: no pause. */
    int (*pace)(void *user);
    void *user;
    uint32_t rid_low, rid_high; /* RIDs to translate besides the well-known; 0: none */
} mr_audit_options;

#define MR_AUDIT_FACTS_MAX 48
#define MR_AUDIT_HARDENING_MAX 8

/* The result; everything it points to is *in @arena*. */
typedef struct mr_audit {
    mr_addr remote;          /* that was asked; no family: none could be reached */
    mr_addr local;
    mr_audit_gate gates[MR_AUDIT_DOORS];
    mr_audit_fact facts[MR_AUDIT_FACTS_MAX];
    size_t fact_count;
    mr_audit_hardening hardening[MR_AUDIT_HARDENING_MAX];
    size_t hardening_count;
    size_t calls;            /* that were made */
    bool samba;              /* it lists interfaces that only Samba has */
    bool dc;                 /* it lists drsuapi: a domain controller */
    int reach;               /* 0, or why the mapper could not be talked to: MR_ERR_... */
    mr_error error;          /* its detail */
} mr_audit;

/* Asks everything, running @loop until it is done. 0; MR_ERR_CANCELLED (deadline or signal: what
 * was not asked is unknown), MR_ERR_MEMORY. @audit is filled in every case. */
int mr_audit_run(mr_loop *loop, const mr_audit_options *options, mr_arena *arena,
                 mr_audit *audit, mr_error *err);

/* Adds what leaks to @diag, so that the rules can judge; evidence are the ids of audit's facts. As
 * mr_diag_add_fact. */
int mr_audit_add_facts(const mr_audit *audit, mr_diag *diag);

/* The number of facts in @state. */
size_t mr_audit_count(const mr_audit *audit, enum mr_audit_state state);
/* NULL when there is no such fact. */
const mr_audit_fact *mr_audit_find(const mr_audit *audit, const char *id);

const char *mr_audit_state_name(enum mr_audit_state state);    /* "leaks", "not reachable" */
const char *mr_audit_rung_name(enum mr_audit_rung rung);       /* "map" ... */
const char *mr_audit_category_name(enum mr_audit_category category);

#endif
