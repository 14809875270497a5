/* What one DNS answer about a target's name is as a fact: shared by diagnose and the survey. */
#ifndef MSRPC_PROBE_NAME_FACTS_H
#define MSRPC_PROBE_NAME_FACTS_H

#include <msrpc/diag.h>
#include <msrpc/io.h>

/* Fills @fact with the fact of an answer without records about @name: check, name, server and
 * record as given, *borrowed*. False where there is nothing to say of the peer. @default_server:
 * the machine names none, and stood in itself. */
bool name_outcome_fact(const mr_dns_answer *answer, bool default_server, mr_fact *fact);

#endif
