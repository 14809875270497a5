/*
 * Pasted text: what dcdiag, repadmin, netdiag, nltest, portqry, rpcping, nslookup, a dialog or the
 * event log said, read back into findings. Octets are fed in pieces of any size; memory stays
 * bounded whatever their number. UTF-8, UTF-16 with or without a byte order mark, Windows-1252,
 * any line ends, quoting marks and lines broken by a window of 80 columns are all understood.
 *
 * Every sentence, code and event that phrase.h knows becomes an item with the line it stands on.
 * Items name findings: a cause its own, a symptom candidates. What is known to work rules
 * candidates out; a cause explains the candidates of its own and later phases about the same host;
 * causes explain each other as their rules say.
 */
#ifndef MSRPC_DIAG_PASTE_H
#define MSRPC_DIAG_PASTE_H

#include <msrpc/diag/phrase.h>

#define MR_PASTE_ITEMS_MAX 256 /* different ones; more are counted */
#define MR_PASTE_TEXT_MAX 240  /* octets of an item's text; longer ones are cut */

typedef struct mr_paste_item {
    size_t line;           /* of the text, from 1 */
    size_t count;          /* how often the same was said; the line is the first */
    enum mr_phrase_kind kind;
    enum mr_tool tool;
    enum mr_phase phase;   /* MR_PHASE_NONE: any */
    enum mr_confidence confidence;
    const char *text;      /* as it stands there, on one line */
    const char *meaning;
    const char *findings;  /* ids with spaces between them */
    const char *next;      /* template of a command, or "" */
    uint32_t win32;        /* 0: none */
    const mr_code_info *code;       /* NULL: none */
    const mr_winevent_info *event;  /* NULL: none */
    const char *subject;   /* host, domain or address it is about; NULL: not told */
    const char *owner;     /* whose replication name @subject is, as the text goes; else NULL */
    const char *port;      /* NULL: not told */
} mr_paste_item;

typedef struct mr_paste_finding mr_paste_finding;
struct mr_paste_finding {
    const mr_rule *rule;
    enum mr_confidence confidence;
    const char *subject;         /* NULL: not told */
    const mr_paste_item *item;   /* the first that names it */
    size_t support;              /* how many items name it */
    bool named;                  /* a cause says it, it is no mere candidate */
    const mr_paste_finding *explained_by; /* NULL: stands for itself */
    size_t order;
};

typedef struct mr_paste_result {
    const mr_paste_item *items; /* in the order of the text */
    size_t item_count, more_items;
    const mr_paste_finding *findings; /* unexplained first, the verdict leading */
    size_t finding_count;
    const mr_paste_finding *verdict;  /* NULL: none */
    const mr_paste_item *symptom;     /* the trouble when no finding is left; NULL: none */
    size_t lines;
    bool tools[MR_TOOLS];
    const char *next; /* the command to run next, "HOST" where no host was told; NULL: none */
    int exit;         /* 0, 1, 10, 20, 30 or 40 */
} mr_paste_result;

/* The reader; its fields are its own. */
typedef struct mr_paste mr_paste;

/* A reader *in @arena*, which must outlive it and its result. 0 or MR_ERR_MEMORY. */
int mr_paste_new(mr_arena *arena, mr_paste **pastep);
/* Takes the next octets; @octets is only read during the call. 0 or the sticky MR_ERR_MEMORY. */
int mr_paste_feed(mr_paste *paste, mr_slice octets);
/* Ends the text and judges it; called once. The result lives *in @arena*. 0 or MR_ERR_MEMORY. */
int mr_paste_end(mr_paste *paste, mr_paste_result *resultp);

/* Fills {host}, {domain} (from @host too) and {port} of a next command in, with "HOST", "DOMAIN"
 * and "PORT" where NULL; *in @arena*, NULL when it is exhausted. */
const char *mr_paste_command(mr_arena *arena, const char *next, const char *host,
                             const char *port);

#endif
