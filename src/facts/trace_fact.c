/*
 * Facts of a trace before they are judged: kept at their relation, with the packet that proves
 * them. What works is kept once for each subject, what fails up to a cap, so that a client that
 * tries again for hours costs no more than one that gave up.
 */
#include "trace_private.h"

#include <stdarg.h>
#include <stdio.h>

#define FACTS_OF_RELATION 384
#define SAME_BAD 8 /* facts of one kind and subject that are kept */
#define EVENTS_OF_ALL 65536
#define EVENTS_BEFORE 4 /* a look-up's two, the mapper's two */

static bool text_eq(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether two facts say the same but for numbers that were measured. */
static bool same(const mr_fact *a, const mr_fact *b) {
    return a->kind == b->kind && a->port == b->port && a->role == b->role && a->when == b->when &&
           a->status == b->status && a->reason == b->reason && a->rcode == b->rcode &&
           a->step == b->step && a->ntstatus == b->ntstatus && a->krb == b->krb &&
           a->opnum == b->opnum && a->auth == b->auth && text_eq(a->address, b->address) &&
           text_eq(a->interface, b->interface) && text_eq(a->name, b->name) &&
           text_eq(a->server, b->server) && text_eq(a->record, b->record) &&
           text_eq(a->spn, b->spn) && text_eq(a->user, b->user) && text_eq(a->share, b->share) &&
           text_eq(a->pipe, b->pipe) && text_eq(a->other, b->other);
}

/* What a call answered proves does not depend on which call it was. */
static bool same_good(const mr_fact *a, const mr_fact *b) {
    return a->kind == b->kind && a->port == b->port && a->role == b->role &&
           text_eq(a->address, b->address) && text_eq(a->interface, b->interface) &&
           text_eq(a->name, b->name) && text_eq(a->server, b->server) &&
           text_eq(a->share, b->share) && text_eq(a->pipe, b->pipe) && text_eq(a->spn, b->spn);
}

static void set_place(trace_fact *f, const mr_seen *at, uint32_t talk) {
    f->packet = f->last_packet = at->packet;
    f->file = f->last_file = at->file;
    f->at = f->last = at->time;
    f->talk = talk;
}

const char *trace_fact_check(const trace_fact *f, char check[TRACE_CHECK]) {
    if (f->file)
        snprintf(check, TRACE_CHECK, "%u#%llu", f->file + 1, (unsigned long long)f->packet);
    else
        snprintf(check, TRACE_CHECK, "#%llu", (unsigned long long)f->packet);
    return check;
}

/* Whether there is enough that says the same. Of what works the last is remembered beside the
 * first, of what fails the last two take the place of those before: how it is in the end counts. */
static bool fold(trace_relation *relation, const mr_seen *at, uint32_t talk, bool bad,
                 const mr_fact *fact) {
    trace_fact *last = NULL, *before = NULL;
    uint32_t count = 0;
    for (trace_fact *f = relation->facts; f; f = f->next) {
        if (bad ? !same(f->fact, fact) : !same_good(f->fact, fact))
            continue;
        before = last;
        last = f;
        count++;
    }
    if (count < (bad ? SAME_BAD : 1))
        return false;
    if (bad && before) {
        mr_seen moved = {.packet = last->packet, .file = last->file, .time = last->at};
        set_place(before, &moved, last->talk);
        set_place(last, at, talk);
    } else if (at->time > last->last) {
        last->last = at->time;
        last->last_packet = at->packet;
        last->last_file = at->file;
    }
    return true;
}

static void intern_texts(mr_trace *trace, mr_fact *fact) {
#define MR_FIELD_TEXT(constant, member) fact->member = trace_intern(trace, fact->member);
#define MR_FIELD_UINT(constant, member)
#define MR_FIELD_CODE(constant, member)
#define MR_FIELD_WORD(constant, member, words)
#include <msrpc/diag/fields.list>
#undef MR_FIELD_TEXT
#undef MR_FIELD_UINT
#undef MR_FIELD_CODE
#undef MR_FIELD_WORD
}

/* Of facts whose texts are interned. */
static uint32_t hash_of(const mr_fact *fact) {
    uint64_t h = fact->kind;
#define MR_FIELD_TEXT(constant, member) h = (h ^ (uintptr_t)fact->member) * 0x9e3779b97f4a7c15u;
#define MR_FIELD_UINT(constant, member) h = (h ^ fact->member) * 0x9e3779b97f4a7c15u;
#define MR_FIELD_CODE(constant, member) MR_FIELD_UINT(constant, member)
#define MR_FIELD_WORD(constant, member, words) MR_FIELD_UINT(constant, member)
#include <msrpc/diag/fields.list>
#undef MR_FIELD_TEXT
#undef MR_FIELD_UINT
#undef MR_FIELD_CODE
#undef MR_FIELD_WORD
    return (uint32_t)(h >> 32);
}

static bool is_equal(const mr_fact *a, const mr_fact *b) {
#define MR_FIELD_TEXT(constant, member) && a->member == b->member
#define MR_FIELD_UINT(constant, member) MR_FIELD_TEXT(constant, member)
#define MR_FIELD_CODE(constant, member) MR_FIELD_TEXT(constant, member)
#define MR_FIELD_WORD(constant, member, words) MR_FIELD_TEXT(constant, member)
    return a->kind == b->kind
#include <msrpc/diag/fields.list>
        ;
#undef MR_FIELD_TEXT
#undef MR_FIELD_UINT
#undef MR_FIELD_CODE
#undef MR_FIELD_WORD
}

/* The one copy of a fact that all who say it share; NULL without memory. */
static const mr_fact *share(mr_trace *trace, const mr_fact *fact) {
    mr_fact mine = *fact;

    mine.check = NULL;
    mine.at = 0;
    intern_texts(trace, &mine);
    trace_shared **slot = &trace->shared_slots[hash_of(&mine) % TRACE_SLOTS];
    for (const trace_shared *s = *slot; s; s = s->next) {
        if (is_equal(&s->fact, &mine))
            return &s->fact;
    }
    trace_shared *s = mr_arena_get_raw(&trace->arena, 1, sizeof *s);
    if (!s)
        return NULL;
    s->fact = mine;
    s->next = *slot;
    *slot = s;
    return &s->fact;
}

static bool is_connect(const mr_fact *fact) {
    return fact->kind == MR_FACT_TCP_SILENT || fact->kind == MR_FACT_TCP_REFUSED;
}

/* The end of a connection has the file of its last packet, and cites earlier ones. */
uint16_t trace_file_at(const mr_trace *trace, uint16_t file, mr_nsec time) {
    const mr_nsec *begin = trace->file_begin;
    uint16_t best = file;

    if (!time || file >= TRACE_FILES || time >= begin[file])
        return file;
    for (uint16_t i = 0; i < TRACE_FILES; i++)
        if (begin[i] && begin[i] <= time && (best == file || begin[i] > begin[best]))
            best = i;
    return best;
}

void trace_add(mr_trace *trace, trace_relation *relation, const mr_seen *at, uint32_t talk,
               bool bad, const mr_fact *fact) {
    const uint16_t file = trace_file_at(trace, at->file, at->time);
    mr_seen there;

    if (!relation)
        return;
    if (file != at->file) {
        there = *at;
        there.file = file;
        at = &there;
    }
    relation->bad = relation->bad || bad;
    if (fold(relation, at, talk, bad, fact))
        return;
    const mr_fact *shared = NULL;
    trace_fact *copy = NULL;
    if (relation->fact_count < FACTS_OF_RELATION)
        shared = share(trace, fact);
    if (shared)
        copy = MR_ARENA_NEW(&trace->arena, trace_fact);
    if (!copy) {
        trace->totals.left_out++;
        return;
    }
    copy->bad = bad;
    copy->connect = is_connect(fact);
    copy->fact = shared;
    set_place(copy, at, talk);
    *relation->facts_end = copy;
    relation->facts_end = &copy->next;
    relation->fact_count++;
}

static trace_relation *root_of(trace_relation *r) {
    while (r->root != r)
        r = r->root = r->root->root;
    return r;
}

void trace_join(trace_relation *a, trace_relation *b) {
    if (a && b && root_of(a) != root_of(b))
        root_of(b)->root = root_of(a);
}

void trace_reach(trace_live *live, enum mr_phase phase) {
    if (live->talk.reached < phase)
        live->talk.reached = phase;
}

void trace_bad(mr_trace *trace, trace_live *live, const mr_seen *at, const mr_fact *fact) {
    enum mr_phase phase = mr_fact_phase(fact->kind);

    if (live->talk.outcome != MR_TRACE_FAILED || phase < live->talk.failed)
        live->talk.failed = phase;
    live->talk.outcome = MR_TRACE_FAILED;
    trace_add(trace, live->relation, at, live->talk.id, true, fact);
}

void trace_add_connect(mr_trace *trace, trace_live *live, const mr_seen *at, bool bad,
                       const mr_connect_seen *connect) {
    mr_fact fact = mr_facts_of_connect(connect);
    if (bad)
        trace_bad(trace, live, at, &fact);
    else
        trace_add(trace, live->relation, at, live->talk.id, false, &fact);
}

void trace_withdraw(trace_relation *relation, bool (*is)(const mr_fact *fact)) {
    for (trace_fact *f = relation ? relation->facts : NULL; f; f = f->next)
        f->withdrawn = f->withdrawn || is(f->fact);
}

static trace_event *new_event(mr_trace *trace) {
    trace_event *event = trace->event_free;
    if (event)
        trace->event_free = event->next;
    else if (trace->event_count < EVENTS_OF_ALL)
        event = MR_ARENA_NEW(&trace->arena, trace_event);
    return event;
}

void trace_tell(mr_trace *trace, trace_live *live, const mr_seen *at, bool bad, const char *fmt,
                ...) {
    va_list args;

    if (live->event_count >= MR_TRACE_EVENTS - EVENTS_BEFORE)
        return;
    trace_event *event = new_event(trace);
    if (!event)
        return;
    va_start(args, fmt);
    vsnprintf(event->text, sizeof event->text, fmt, args);
    va_end(args);
    event->told = (mr_trace_event){.packet = at->packet,
                                   .file = trace_file_at(trace, at->file, at->time),
                                   .time = at->time,
                                   .to_client = at->to_client,
                                   .bad = bad,
                                   .text = event->text};
    event->next = NULL;
    *live->events_end = event;
    live->events_end = &event->next;
    live->event_count++;
    trace->event_count++;
}

static const char *service_name(uint8_t service) {
    switch ((enum mr_seen_names)service) {
    case MR_SEEN_DNS: return "DNS";
    case MR_SEEN_LLMNR: return "LLMNR";
    case MR_SEEN_MDNS: return "mDNS";
    case MR_SEEN_NBNS: return "NBNS";
    }
    return "";
}

static void tell_lookup(mr_trace *trace, trace_live *live) {
    const trace_lookup *l = &live->lookup;
    char server[MR_IP_TEXT], address[MR_IP_TEXT];
    mr_seen at = {.packet = l->asked_packet, .file = l->asked_file, .time = l->asked_time};

    mr_ip_text(&l->server, server);
    if (l->asked_packet)
        trace_tell(trace, live, &at, false, "%s, %s: %s?", service_name(l->service), server,
                   l->name);
    at = (mr_seen){.packet = l->packet, .file = l->file, .time = l->time, .to_client = true};
    trace_tell(trace, live, &at, false, "%s, %s: it is %s", service_name(l->service), server,
               mr_ip_text(&live->talk.server, address));
}

static void tell_named(mr_trace *trace, trace_live *live) {
    const trace_named *n = &live->named;
    mr_seen at = {.packet = n->begin_packet, .file = n->file, .time = n->begin};

    trace_tell(trace, live, &at, false, "mapper, port %u: conversation %u begins", n->port,
               n->talk);
    at = (mr_seen){.packet = n->packet, .file = n->file, .time = n->time, .to_client = true};
    trace_tell(trace, live, &at, false, "mapper, port %u: %s is at port %u", n->port,
               live->talk.interface ? live->talk.interface : "the interface",
               live->talk.server_port);
}

static bool is_before(const mr_trace_event *a, const mr_trace_event *b) {
    return a->file == b->file ? a->packet < b->packet : a->time < b->time;
}

/* What is told at the end of a connection may be about its beginning. */
static void order_events(trace_live *live) {
    trace_event *sorted[MR_TRACE_EVENTS];
    size_t n = 0;

    for (trace_event *e = live->events; e && n < MR_COUNT(sorted); e = e->next, n++) {
        size_t i = n;
        for (; i > 0 && is_before(&e->told, &sorted[i - 1]->told); i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = e;
    }
    live->events_end = &live->events;
    for (size_t i = 0; i < n; i++) {
        *live->events_end = sorted[i];
        live->events_end = &sorted[i]->next;
    }
    *live->events_end = NULL;
}

void trace_tell_before(mr_trace *trace, trace_live *live) {
    order_events(live);
    trace_event *own = live->events, **own_end = live->events_end;
    uint16_t count = live->event_count;

    live->events = NULL;
    live->events_end = &live->events;
    live->event_count = 0;
    if (live->lookup.name)
        tell_lookup(trace, live);
    if (live->named.packet)
        tell_named(trace, live);
    *live->events_end = own;
    if (own)
        live->events_end = own_end;
    live->event_count = (uint16_t)(live->event_count + count);
}
