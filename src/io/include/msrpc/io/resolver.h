/*
 * Names: DNS over c-ares with every outcome told apart, the hosts file read on its own so that it
 * can be held against DNS, and the ordinary lookup of a host's addresses that puts literals, hosts
 * file and DNS in that order. DNS is set up at the first question, not before.
 */
#ifndef MSRPC_IO_RESOLVER_H
#define MSRPC_IO_RESOLVER_H

#include <msrpc/io/addr.h>
#include <msrpc/io/loop.h>
#include <msrpc/wire/dns.h>

#define MR_DNS_SERVERS 8  /* most name servers of the system that are looked at */
#define MR_DNS_SEARCH 8   /* most search domains */
#define MR_LOOKUP_ADDRS 32

typedef struct mr_resolver mr_resolver;
typedef struct mr_dns_query mr_dns_query;
typedef struct mr_lookup mr_lookup;

/* What the system is configured with (resolv.conf and what else c-ares reads). */
typedef struct mr_dns_config {
    mr_addr servers[MR_DNS_SERVERS];
    size_t server_count;
    const char *search[MR_DNS_SEARCH];
    size_t search_count;
    unsigned ndots; /* a name with so many dots is tried as it stands first */
    bool servers_default; /* none is named: this machine itself stands in (resolv.conf(5)) */
} mr_dns_config;

struct mr_resolver {
    mr_loop *loop;
    bool loaded;
    mr_dns_config config;
    mr_arena arena;
    const char *hosts_path;    /* "/etc/hosts" after init */
    const char *nsswitch_path; /* "/etc/nsswitch.conf" after init */
};

void mr_resolver_init(mr_resolver *resolver, mr_loop *loop);
/* Every query and lookup of it must have been deinitialised. */
void mr_resolver_deinit(mr_resolver *resolver);
/* The system's configuration, read at the first call; *borrowed* until deinit. MR_ERR_SYSTEM,
 * MR_ERR_MEMORY. */
int mr_resolver_get_config(mr_resolver *resolver, const mr_dns_config **configp, mr_error *err);
/* Puts @server in the place of the system's servers for all later questions. */
int mr_resolver_set_server(mr_resolver *resolver, const mr_addr *server, mr_error *err);
/* The names that the search list makes of @name: candidate @index as an absolute name into @out.
 * 0, or MR_ERR_NOT_FOUND past the last. @name with a final dot has one candidate, itself. */
int mr_dns_config_get_candidate(const mr_dns_config *config, const char *name, size_t index,
                                char out[MR_DNS_NAME_TEXT]);

enum mr_dns_outcome {
    MR_DNS_OUTCOME_ANSWER,      /* records of the asked type */
    MR_DNS_OUTCOME_NODATA,      /* the name exists, but has none of the asked type; a CNAME alone
                                 * counts as none */
    MR_DNS_OUTCOME_NXDOMAIN,
    MR_DNS_OUTCOME_SERVFAIL,
    MR_DNS_OUTCOME_REFUSED,
    MR_DNS_OUTCOME_RCODE,       /* another rcode; see the message */
    MR_DNS_OUTCOME_LAME,        /* the server neither knows nor will find out: a referral, or no
                                 * recursion and no authority */
    MR_DNS_OUTCOME_TIMEOUT,
    MR_DNS_OUTCOME_UNREACHABLE, /* an ICMP error (see icmp), this machine would not send (see
                                 * os_error), or the connection over TCP was refused (neither) */
    MR_DNS_OUTCOME_MALFORMED,   /* an answer that breaks the format, or is about other names */
    MR_DNS_OUTCOME_NAME,        /* the asked name cannot be a DNS name; nothing was sent */
    MR_DNS_OUTCOME_NO_SERVER,   /* the system names no server */
    MR_DNS_OUTCOME_FAILED,      /* out of memory or of descriptors */
};

/* "answer", "nodata", "nxdomain", ... as JSON shows them. */
const char *mr_dns_outcome_name(enum mr_dns_outcome outcome);

typedef struct mr_dns_answer {
    enum mr_dns_outcome outcome;
    const mr_dns_message *message; /* NULL when no well-formed answer came */
    mr_addr server;                /* who answered, or the last one that was asked */
    mr_nsec elapsed;               /* at that server */
    unsigned sent;                 /* queries sent to it, TCP included */
    unsigned servers_tried;
    bool tcp;                      /* asked over TCP after a truncated answer; when TCP fails the
                                    * outcome is TCP's, the message the truncated one */
    mr_icmp icmp;
    int os_error;                  /* errno behind UNREACHABLE */
} mr_dns_answer;

struct mr_dns_query {
    mr_resolver *resolver;
    void (*answered)(void *user, const mr_dns_answer *answer);
    void *user;
    mr_dns_answer answer; /* the last one; *borrowed* until the next ask or deinit */
    struct mr_dns_exchange *exchange; /* private */
};

typedef struct mr_dns_ask {
    const char *name;  /* absolute: the search list is not applied; copied */
    uint16_t type;     /* enum mr_dns_type */
    mr_addr server;    /* ask this one only; zeroed: the system's in order, the next whenever one
                        * does not answer with data, NODATA or NXDOMAIN */
    mr_nsec timeout;   /* for each server, tries included; 0: 3 s */
    unsigned tries;    /* for each server; 0: 2 */
    bool no_recursion; /* leave RD out */
} mr_dns_ask;

void mr_dns_query_init(mr_dns_query *query, mr_resolver *resolver,
                       void (*answered)(void *user, const mr_dns_answer *answer), void *user);
/* Asks; the outcome always comes as the callback. May be asked again once answered. MR_ERR_STATE
 * while a question is open, MR_ERR_MEMORY. */
int mr_dns_query_ask(mr_dns_query *query, const mr_dns_ask *ask, mr_error *err);
/* Cancels without a callback. A zeroed query may be deinitialised. */
void mr_dns_query_deinit(mr_dns_query *query);

/* Looks @name up in a hosts file (hosts(5)): at most @max addresses of @family into @addrs, with
 * port 0. Returns 0 with their number, which is 0 when the name is not there; MR_ERR_SYSTEM when
 * @path cannot be read. */
int mr_hosts_find(const char *path, const char *name, enum mr_family family, mr_addr *addrs,
                  size_t max, size_t *countp);

/* The same with the number of the line each stands on, an address as often as it stands there. */
typedef struct mr_hosts_entry {
    mr_addr addr;
    unsigned line; /* from 1 */
} mr_hosts_entry;
int mr_hosts_find_lines(const char *path, const char *name, enum mr_family family,
                        mr_hosts_entry *entries, size_t max, size_t *countp);

/* The sources of @database ("hosts") in a name service switch file, as they stand there
 * (nsswitch.conf(5)): 0 with at most @size octets in @out, NUL included; MR_ERR_NOT_FOUND when it
 * has no such line, MR_ERR_SYSTEM when @path cannot be read. */
int mr_nsswitch_find(const char *path, const char *database, char *out, size_t size);

enum mr_lookup_source { MR_LOOKUP_NONE, MR_LOOKUP_LITERAL, MR_LOOKUP_HOSTS, MR_LOOKUP_DNS };

struct mr_lookup {
    mr_resolver *resolver;
    /* 0 with addresses; MR_ERR_NAME, the sentence says which outcome (peer: the rcode). */
    void (*done)(void *user, int result, const mr_error *err);
    void *user;
    /* read only, valid from done until the next start or deinit */
    enum mr_lookup_source source;
    char name[MR_DNS_NAME_TEXT]; /* the candidate of the search list that had addresses */
    mr_addr addrs[MR_LOOKUP_ADDRS]; /* in the file's order; from DNS IPv4 first */
    size_t count;
    enum mr_dns_outcome outcome_a, outcome_aaaa;
    /* private */
    mr_dns_query a, aaaa;
    mr_timer timer;
    char host[MR_DNS_NAME_TEXT];
    uint16_t port;
    enum mr_family family;
    mr_addr server;
    mr_nsec timeout;
    size_t candidate;
    unsigned open;
    mr_addr found6[MR_LOOKUP_ADDRS / 2];
    size_t count6;
    mr_error error;
};

typedef struct mr_lookup_options {
    const char *host;      /* a name or a literal; copied */
    uint16_t port;         /* put into the addresses */
    enum mr_family family; /* MR_FAMILY_ANY: both, asked at the same time */
    mr_addr server;        /* zeroed: the system's */
    mr_nsec timeout;       /* for each DNS server; 0: 3 s */
} mr_lookup_options;

void mr_lookup_init(mr_lookup *lookup, mr_resolver *resolver,
                    void (*done)(void *user, int result, const mr_error *err), void *user);
/* Looks up; the outcome always comes as the callback. MR_ERR_STATE while one is open;
 * MR_ERR_SYNTAX when the host is too long, empty or a literal of the other family. */
int mr_lookup_start(mr_lookup *lookup, const mr_lookup_options *options, mr_error *err);
void mr_lookup_deinit(mr_lookup *lookup);

#endif
