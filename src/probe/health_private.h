/*
 * The DNS health of a domain, inside: health.c walks the stages, health_ask.c asks,
 * health_records.c knows what a domain controller registers, health_judge.c what it all means.
 */
#ifndef MSRPC_PROBE_HEALTH_PRIVATE_H
#define MSRPC_PROBE_HEALTH_PRIVATE_H

#include <msrpc/probe/health.h>

#include "locator_private.h"

/* One question to one server, kept with its answer. */
struct health_query {
    mr_health *health;
    const char *name;
    uint16_t type;
    mr_addr server;          /* none: the resolver's */
    bool over;
    mr_dns_query query;      /* its answer */
    struct health_query *next, *next_waiting;
};

/* An update that changes nothing, asked of one server for one zone. */
struct health_update {
    mr_health *health;
    const mr_health_host *host;
    const char *zone;
    bool confirming;         /* the second question: the removal of what is not there */
    bool over;
    int result;              /* of the exchange: 0, MR_ERR_TIMEOUT ... */
    uint16_t rcode;          /* where one came */
    mr_datagram datagram;
    mr_buf request;
    struct health_update *next;
};

/* ---- health_ask.c ---- */

/* The question, asked once however often it is wanted; NULL without memory (health->failed). */
const struct health_query *health_ask(mr_health *h, const mr_addr *server, const char *name,
                                      uint16_t type);
/* The same, if it was asked before. */
const struct health_query *health_find(const mr_health *h, const mr_addr *server, const char *name,
                                       uint16_t type);
void health_ask_update(mr_health *h, const mr_health_host *host, const char *zone);
void health_ping(mr_health *h, mr_health_addr *addr);
void health_try_tcp(mr_health *h, mr_health_addr *addr);
/* Asks the host for its NetBIOS names. */
void health_ask_node(mr_health *h, mr_health_addr *addr);
/* A ping came to nothing, over TCP too: no domain controller is there, or none can be reached. */
bool health_is_dead(const mr_health_addr *addr);
void health_end_one(mr_health *h);

/* The message of an answer that gave records, or NULL. */
const mr_dns_message *health_records_of(const struct health_query *q);
/* What came of it; FAILED while it is open. */
enum mr_dns_outcome health_outcome(const struct health_query *q);
/* An answer of any kind came. */
bool health_answered(const struct health_query *q);

/* ---- health.c ---- */

/* The addresses of the A and AAAA answers about @host that it has not yet. */
void health_add_addrs(mr_health *h, mr_health_host *host, const struct health_query *q);

/* ---- health_records.c ---- */

/* Asks every DNS server for everything that @dc should have registered. */
void health_ask_records(mr_health *h, mr_health_host *dc);
/* What the answers say. */
void health_read_records(mr_health *h, mr_health_host *dc);

#endif
