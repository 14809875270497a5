/* The DC locator, inside. */
#ifndef MSRPC_PROBE_LOCATOR_PRIVATE_H
#define MSRPC_PROBE_LOCATOR_PRIVATE_H

#include <msrpc/probe/locator.h>

struct locator_ask {
    mr_locator *locator;
    mr_locator_query *query;
    mr_dns_query question;
    struct locator_ask *next;
};

/* A ping is over: what the host lacks of what is wanted. */
void locator_note_answer(mr_locator *l, mr_locator_address *address);
/* Everything is known: puts the hosts into a client's order and chooses. */
void locator_choose(mr_locator *l);

/* A question of DNS that gave no records, as the fact that stands for its outcome; nothing for
 * NODATA and NXDOMAIN, whose meaning depends on what was asked. True when there was one. */
bool probe_add_dns_failure(mr_diag *diag, const char *check, const char *name, const char *record,
                           enum mr_dns_outcome outcome, unsigned rcode, const mr_addr *server);

#endif
