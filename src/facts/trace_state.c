/*
 * How it is in the end. A long capture, or several in sequence, show the same port working and
 * failing; what counts is the state that lasts to the end. What worked before a lasting failure is
 * outlived, and left out of the judgement; a failure after which it worked again is past: it is
 * judged by itself, without what mended it, and told as such.
 *
 * One lost connection among good ones says nothing: a failure lasts when it was met twice after the
 * last success, or by a connection that asked three times in vain.
 */
#include "trace_private.h"

#define TRIES 3
#define LIFE (60 * MR_SEC) /* after which an old sign of life of a silent host says nothing */

/* What proves that a thing works, and what that it does not; the same thing by @same. */
typedef struct group {
    uint8_t good[4], bad[8]; /* enum mr_fact_kind; 0 ends */
    mr_fields same;
    bool mends;
} group;

static const group groups[] = {
    {{MR_FACT_TCP_OPEN},
     {MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED, MR_FACT_TCP_UNREACHABLE},
     MR_F(ADDRESS) | MR_F(PORT), true},
    {{MR_FACT_TCP_REFUSED},
     {MR_FACT_TCP_SILENT, MR_FACT_TCP_UNREACHABLE}, MR_F(ADDRESS) | MR_F(PORT), false},
    {{MR_FACT_EPM_MAPPED, MR_FACT_EPM_LISTED},
     {MR_FACT_EPM_SILENT, MR_FACT_EPM_RESET, MR_FACT_EPM_CLOSED, MR_FACT_EPM_NAK,
      MR_FACT_EPM_FAULT}, MR_F(ADDRESS), true},
    {{MR_FACT_RPC_CALLED},
     {MR_FACT_RPC_SILENT}, MR_F(ADDRESS) | MR_F(PORT) | MR_F(INTERFACE), true},
};

static bool is_kind(const uint8_t *kinds, size_t n, const mr_fact *fact) {
    for (size_t i = 0; i < n && kinds[i]; i++) {
        if (kinds[i] == fact->kind)
            return true;
    }
    return false;
}

static bool is_good(const group *g, const trace_fact *f) {
    return is_kind(g->good, MR_COUNT(g->good), f->fact);
}

static bool is_bad(const group *g, const trace_fact *f) {
    return f->bad && is_kind(g->bad, MR_COUNT(g->bad), f->fact);
}

static bool text_eq(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_thing(const group *g, const mr_fact *a, const mr_fact *b) {
    return text_eq(a->address, b->address) && (!(g->same & MR_F(PORT)) || a->port == b->port) &&
           (!(g->same & MR_F(INTERFACE)) || text_eq(a->interface, b->interface));
}

/* What a relation tells of one thing: the last success, and failures before and after it. */
typedef struct history {
    mr_nsec good, bad;       /* last times; 0: never */
    mr_nsec first_bad;       /* after the last success */
    uint32_t before, after;  /* failures; a stubborn one counts twice */
    uint32_t left;           /* failures with no time */
} history;

static uint32_t weight(const mr_fact *fact) {
    return fact->kind == MR_FACT_TCP_SILENT && fact->tries >= TRIES ? 2 : 1;
}

static history history_of(mr_trace *trace, const trace_relation *r, const group *g,
                          const mr_fact *thing, trace_counts *counts) {
    history h = {0};

    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (is_good(g, f) && same_thing(g, f->fact, thing) && f->last > h.good)
            h.good = f->last;
    }
    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (!is_bad(g, f) || !same_thing(g, f->fact, thing) || !counts(trace, r, f))
            continue;
        mr_nsec at = f->at;
        if (!at)
            h.left++;
        else if (at > h.good)
            h.after += weight(f->fact);
        else
            h.before += weight(f->fact);
        h.bad = at > h.bad ? at : h.bad;
        if (at > h.good && (!h.first_bad || at < h.first_bad))
            h.first_bad = at;
    }
    return h;
}

static bool is_life(const mr_fact *fact) {
    return fact->kind == MR_FACT_TCP_OPEN || fact->kind == MR_FACT_TCP_RESET ||
           fact->kind == MR_FACT_TCP_CLOSED || fact->kind == MR_FACT_TCP_REFUSED ||
           fact->kind == MR_FACT_EPM_BOUND || fact->kind == MR_FACT_RPC_BOUND ||
           fact->kind == MR_FACT_HOST_ECHO;
}

/* A host that gave no sign of life since long before a silence that lasts is not known to be up. */
static void outlive_life(trace_relation *r, mr_nsec silence) {
    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (is_life(f->fact) && (!f->last || f->last + LIFE > silence))
            return;
    }
    for (trace_fact *f = r->facts; f; f = f->next)
        f->outlived = f->outlived || is_life(f->fact);
}

static bool mark(mr_trace *trace, trace_relation *r, const group *g, trace_fact *good,
                 trace_counts *counts) {
    history h = history_of(trace, r, g, good->fact, counts);
    if (!h.good || !h.bad || h.left)
        return false;
    if (h.after >= 2) {
        good->outlived = true;
        if (g->same & MR_F(PORT))
            outlive_life(r, h.first_bad);
        return false;
    }
    if (!g->mends || h.before < 2 || h.after)
        return false;
    good->mended = true;
    good->again_last = good->at <= h.bad;
    return true;
}

bool trace_mark_states(mr_trace *trace, trace_relation *relation, trace_counts *counts) {
    bool past = false;

    if (!relation->bad)
        return false;
    for (size_t i = 0; i < MR_COUNT(groups); i++) {
        for (trace_fact *f = relation->facts; f; f = f->next) {
            if (is_good(&groups[i], f) && f->last)
                past |= mark(trace, relation, &groups[i], f, counts);
        }
    }
    return past;
}
