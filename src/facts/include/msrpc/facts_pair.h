/*
 * From two captures (msrpc/capture/pair.h) to facts: what died or changed between the two places.
 * Only what is certain becomes a fact, and silence of a host only where nothing lies between it and
 * the capture nearer to it.
 */
#ifndef MSRPC_FACTS_PAIR_H
#define MSRPC_FACTS_PAIR_H

#include <msrpc/capture/pair.h>
#include <msrpc/diag.h>

#define MR_PAIR_TEXT 200

/* Texts of a fact; it *borrows* them. */
typedef struct mr_pair_texts {
    char address[48];
    char other[MR_PAIR_TEXT];
    char check[32];
} mr_pair_texts;

/* The fact of @seen, with the addresses as A has them (where A lacks it, as B has them) and its
 * first packet as check: "#17" of A, "2#17" of B. Kind MR_FACT_NONE: nothing to be said. */
mr_fact mr_facts_of_pair(const mr_pair_seen *seen, mr_pair_texts *texts);
/* What MR_PAIR_CHANGED found, in words: "the MSS, from 1460 to 900, SACK"; returns @out. */
const char *mr_pair_change_text(const mr_pair_seen *seen, char out[MR_PAIR_TEXT]);
/* Adds the facts of all records to a set. 0 or what mr_diag_add_fact gave. */
int mr_facts_add_pairs(mr_diag *diag, const mr_pair *pair);

#endif
