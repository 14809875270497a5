/*
 * Searching by meaning: words against documents of a few short fields. Words are compared by stem,
 * by synonyms of the field ("blocked" is "filtered"), by prefix and with one slip of the keyboard;
 * symbols and CamelCase names count as the words in them. Documents are offered twice: first to be
 * counted, so that rare words weigh more, then to be scored. The same documents in the same order
 * give the same result.
 */
#ifndef MSRPC_DIAG_SEARCH_H
#define MSRPC_DIAG_SEARCH_H

#include <msrpc/base/arena.h>
#include <msrpc/base/slice.h>

#define MR_SEARCH_WORDS 12 /* of a query; further ones are ignored */
#define MR_SEARCH_HITS 32
#define MR_SEARCH_FIELDS 4

/* A document; texts are only read during the call. The first field is its name and weighs most,
 * each further one less. NULL ends the fields early. */
typedef struct mr_search_doc {
    const char *fields[MR_SEARCH_FIELDS];
    unsigned weight;  /* 100 is ordinary, more for what is met more often */
    unsigned kind;    /* the caller's; lower kinds come first where all else is equal */
    const void *user;
} mr_search_doc;

typedef struct mr_search_hit {
    uint64_t score;
    unsigned kind;
    size_t order; /* in which the document was offered */
    const void *user;
} mr_search_hit;

typedef struct mr_search_word {
    char stem[32];
    const char *like;  /* the other words of its group of synonyms, NULL: none */
    size_t documents;  /* that hold it */
} mr_search_word;

typedef struct mr_search {
    mr_search_word words[MR_SEARCH_WORDS];
    size_t word_count;
    size_t documents, scored;
    mr_search_hit hits[MR_SEARCH_HITS + 1];
    size_t hit_count;
} mr_search;

/* Starts a search for @query. 0, or MR_ERR_SYNTAX when there is no word in it. */
int mr_search_init(mr_search *search, const char *query);
/* First pass. */
void mr_search_count(mr_search *search, const mr_search_doc *doc);
/* Second pass, the same documents in the same order. */
void mr_search_add(mr_search *search, const mr_search_doc *doc);
/* The @i-th best hit, or NULL. */
const mr_search_hit *mr_search_get(const mr_search *search, size_t i);

#endif
