/*
 * A survey of a name: what every DNS server that matters says of it, each asked by itself and all
 * at once, and what the hosts file says beside them. Each server walks the search list as the
 * system's resolver would (resolv.conf(5)): the next candidate where one gives nothing, an end
 * where one gives records, refuses or stays silent. What was found is followed: addresses back to
 * their names, an address' name and a service's targets to their addresses, the name to its zone,
 * and with `authoritative` the zone to its own name servers, which are asked without recursion.
 *
 * Nothing here prints or judges; mr_dns_survey_add_facts says what was seen as the facts that the
 * rules of diag know.
 */
#ifndef MSRPC_PROBE_DNS_SURVEY_H
#define MSRPC_PROBE_DNS_SURVEY_H

#include <msrpc/diag.h>
#include <msrpc/io.h>

#define MR_DNS_SURVEY_SERVERS 32 /* most servers that are asked */
#define MR_DNS_SURVEY_QUERIES 512
#define MR_DNS_SURVEY_TYPES 16
#define MR_DNS_SURVEY_HOSTS 16
#define MR_DNS_SURVEY_NONE SIZE_MAX

typedef struct mr_dns_survey mr_dns_survey;

typedef struct mr_dns_survey_options {
    const char *name;         /* or a literal address, which is asked for its names; copied */
    enum mr_family family;    /* of the addresses looked for; MR_FAMILY_ANY */
    const mr_addr *servers;   /* asked beside the system's; copied */
    size_t server_count;
    bool no_system;           /* leave the system's servers and the hosts file out */
    const uint16_t *types;    /* copied; none: PTR of an address, SRV of a name that begins with an
                               * underscore, else A and AAAA */
    size_t type_count;
    bool authoritative;       /* ask the zone's own name servers too */
    mr_nsec timeout;          /* for each question, tries included; 0: 3 s */
    unsigned tries;           /* 0: 2 */
} mr_dns_survey_options;

enum mr_dns_survey_origin {
    MR_DNS_SURVEY_SYSTEM, /* resolv.conf(5) */
    MR_DNS_SURVEY_GIVEN,  /* an option */
    MR_DNS_SURVEY_ZONE,   /* the zone names it as its own */
};

typedef struct mr_dns_survey_server {
    mr_addr addr;
    const char *text;       /* address, with the port unless it is 53 */
    enum mr_dns_survey_origin origin;
    const char *host;       /* MR_DNS_SURVEY_ZONE: its name; else NULL */
    size_t settled;         /* the candidate that gave records, MR_DNS_SURVEY_NONE */
    size_t best;            /* the candidate that says most: settled, else one that exists, else the
                             * first; MR_DNS_SURVEY_NONE when none was answered */
    bool lame;              /* the zone names it, and it does not hold the zone */
    bool has_serial;
    uint32_t serial;        /* of the zone's SOA there */
} mr_dns_survey_server;

typedef struct mr_dns_survey_candidate {
    const char *name;
    bool searched;          /* made by the search list; else the name as it was given */
    bool asked;             /* by some server's walk */
} mr_dns_survey_candidate;

enum mr_dns_survey_role {
    MR_DNS_SURVEY_ASKED,   /* a candidate */
    MR_DNS_SURVEY_REVERSE, /* PTR of an address that was found */
    MR_DNS_SURVEY_FORWARD, /* A, AAAA of a name that was found: an address', a service's target */
    MR_DNS_SURVEY_OF_ZONE, /* SOA and NS, and the addresses of the zone's name servers */
};

typedef struct mr_dns_survey_query {
    mr_dns_query dns;            /* private */
    mr_dns_survey *survey;           /* private */
    enum mr_dns_survey_role role;
    const char *name;
    uint16_t type;
    size_t server;               /* index */
    size_t candidate;            /* index: the walk it belongs to */
    mr_addr about;               /* the address that a REVERSE question is about, and the FORWARD
                                  * ones of an address' name */
    const mr_dns_answer *answer; /* NULL: not yet, or cut */
} mr_dns_survey_query;

/* Prepares a survey, *in @arena* (which must outlive it) but for its questions; nothing is sent.
 * @resolver is *borrowed*. MR_ERR_SYNTAX when the name cannot be one (the octet in @err),
 * MR_ERR_LIMIT, MR_ERR_MEMORY, MR_ERR_SYSTEM. */
int mr_dns_survey_new(mr_resolver *resolver, mr_arena *arena, const mr_dns_survey_options *options,
                      mr_dns_survey **surveyp, mr_error *err);
/* Cancels what is still asked. NULL is allowed. */
void mr_dns_survey_free(mr_dns_survey *survey);
/* Asks; @done comes once, from the loop. MR_ERR_MEMORY. */
int mr_dns_survey_start(mr_dns_survey *survey, void (*done)(void *user), void *user, mr_error *err);

/* What is known so far; all may be read at any time, all is *borrowed* until free. NULL past the
 * end. */
const mr_dns_survey_server *mr_dns_survey_get_server(const mr_dns_survey *survey, size_t i);
const mr_dns_survey_candidate *mr_dns_survey_get_candidate(const mr_dns_survey *survey, size_t i);
const mr_dns_survey_query *mr_dns_survey_get_query(const mr_dns_survey *survey, size_t i);
const mr_hosts_entry *mr_dns_survey_get_hosts(const mr_dns_survey *survey, size_t i);
/* The question of that candidate at that server, NULL when it was not asked. */
const mr_dns_survey_query *mr_dns_survey_find_query(const mr_dns_survey *survey, size_t server,
                                                    size_t candidate, uint16_t type);
/* The types that are asked for. */
const uint16_t *mr_dns_survey_get_types(const mr_dns_survey *survey, size_t *countp);
const mr_dns_config *mr_dns_survey_get_config(const mr_dns_survey *survey);
/* The sources of the line "hosts" of nsswitch.conf(5), NULL when there is none. */
const char *mr_dns_survey_get_sources(const mr_dns_survey *survey);
/* Whether the hosts file is read after DNS, or not at all, as that line has it. */
bool mr_dns_survey_hosts_late(const mr_dns_survey *survey);
/* The literal that was asked for, NULL when it was a name. */
const mr_addr *mr_dns_survey_get_literal(const mr_dns_survey *survey);
/* The zone of the name as far as a server told it, or NULL. */
const char *mr_dns_survey_get_zone(const mr_dns_survey *survey);
/* Whether questions were left out because there were too many. */
bool mr_dns_survey_is_cut(const mr_dns_survey *survey);

/* The data of @record as a zone file writes it (RFC 1035 5.1, RFC 3597 5), *in @arena*; NULL when
 * memory is out. */
const char *mr_dns_survey_record_text(const mr_dns_record *record, mr_arena *arena);
/* Whether @record of @query is one that every other answering server has as well; a server that
 * says the name or the type does not exist answers too. TTLs do not count. */
bool mr_dns_survey_is_agreed(const mr_dns_survey *survey, const mr_dns_survey_query *query,
                             const mr_dns_record *record);

/* Adds what was seen to @diag, facts and checks. Call it once. 0, or the error of diag. */
int mr_dns_survey_add_facts(const mr_dns_survey *survey, mr_diag *diag);

#endif
