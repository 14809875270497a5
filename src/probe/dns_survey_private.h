/* The survey of a name, inside: dns_survey.c asks, dns_survey_facts.c says what it means. */
#ifndef MSRPC_PROBE_DNS_SURVEY_PRIVATE_H
#define MSRPC_PROBE_DNS_SURVEY_PRIVATE_H

#include <msrpc/probe/dns_survey.h>

#define SURVEY_CANDIDATES (MR_DNS_SEARCH + 1)

enum survey_stage {
    SURVEY_NAME,        /* every server walks the search list, and what it finds is followed */
    SURVEY_REST,        /* who stopped elsewhere is asked for the name that others settled on */
    SURVEY_NAMESERVERS, /* who serves the zone */
    SURVEY_ADDRESSES,   /* where those are */
    SURVEY_ZONE,        /* they are asked */
    SURVEY_OVER,
};

/* One server's way through the search list. */
struct survey_walk {
    size_t candidate;
    unsigned open;      /* questions of this candidate without an answer */
    int rank;           /* of the best candidate so far */
};

struct mr_dns_survey {
    mr_resolver *resolver;
    mr_arena *arena;
    mr_dns_survey_options options;
    bool is_literal;
    mr_addr literal;
    const mr_dns_config *config;
    char sources[128];
    bool has_sources, hosts_late;
    uint16_t types[MR_DNS_SURVEY_TYPES];
    size_t type_count;
    mr_dns_survey_server servers[MR_DNS_SURVEY_SERVERS];
    struct survey_walk walks[MR_DNS_SURVEY_SERVERS];
    size_t server_count;
    mr_dns_survey_candidate candidates[SURVEY_CANDIDATES];
    size_t candidate_count;
    mr_hosts_entry hosts[MR_DNS_SURVEY_HOSTS];
    size_t hosts_count;
    mr_dns_survey_query *queries[MR_DNS_SURVEY_QUERIES];
    size_t query_count;
    bool cut;
    int error;          /* sticky: memory ran out while asking */
    enum survey_stage stage;
    unsigned open;      /* questions without an answer */
    const char *zone;
    size_t zone_server; /* who told it */
    size_t zone_candidate;
    mr_timer timer;     /* done is told from the loop where there is nobody to ask */
    void (*done)(void *user);
    void *user;
};

/* Same type and data; the case of names and TTLs do not count. */
bool survey_same_record(const mr_dns_record *a, const mr_dns_record *b);
/* The records of the type that was asked for, from *@atp on; NULL past the last. */
const mr_dns_record *survey_next_record(const mr_dns_survey_query *q, size_t *atp);
/* The address of an A or AAAA record; false for other records. */
bool survey_read_addr(const mr_dns_record *record, mr_addr *addrp);
/* The outcome, and whether it says that there is no such name or record. */
enum mr_dns_outcome survey_outcome(const mr_dns_survey_query *q);
bool survey_says_no(const mr_dns_survey_query *q);

#endif
