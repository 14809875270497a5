/*
 * IPsec that two hosts cannot agree on: the key exchange (RFC 7296 1.2) is not answered, or with
 * errors alone, while what is sent in clear finds no answer; or one host protects what it sends
 * (RFC 4303) and hears nothing, not even so protected. Said only where the capture has heard the
 * other host at all, or has the connection that fails.
 */
#include "trace_private.h"

#define TRIES 2
#define PATIENCE (2 * MR_SEC) /* after the last question or packet */
#define PAIRS 512

struct trace_ipsec {
    trace_ipsec *next;
    mr_ip host[2];
    struct {
        uint32_t asked;      /* IKE */
        bool refused;        /* an error in clear */
        bool agreed, sealed;
        bool heard;
        uint32_t esp;
        bool repeats;
        mr_seen first, last;
    } by[2];
};

static trace_ipsec *pair_get(mr_trace *trace, const mr_seen *seen, int *bywhomp) {
    trace_ipsec *p = trace->ipsec;

    for (; p; p = p->next) {
        for (int i = 0; i < 2; i++) {
            *bywhomp = i;
            if (trace_ip_eq(&p->host[i], &seen->client) &&
                trace_ip_eq(&p->host[!i], &seen->server))
                return p;
        }
    }
    if (trace->ipsec_count == PAIRS || !(p = MR_ARENA_NEW(&trace->arena, trace_ipsec)))
        return NULL;
    trace->ipsec_count++;
    *bywhomp = 0;
    p->host[0] = seen->client;
    p->host[1] = seen->server;
    p->next = trace->ipsec;
    trace->ipsec = p;
    return p;
}

void trace_take_ipsec(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_ike *ike = &seen->u.ike;
    int by;
    trace_ipsec *p = pair_get(trace, seen, &by);

    if (!p)
        return;
    if (!p->by[by].heard)
        p->by[by].first = *seen;
    p->by[by].heard = true;
    p->by[by].last = *seen;
    if (seen->kind == MR_SEEN_ESP) {
        p->by[by].esp = seen->u.esp.count;
        p->by[by].repeats = seen->u.esp.repeats;
        return;
    }
    p->by[by].asked += !ike->answer;
    p->by[by].refused = p->by[by].refused || ike->error;
    p->by[by].agreed = p->by[by].agreed || ike->agreed;
    p->by[by].sealed = p->by[by].sealed || ike->sealed;
}

static bool has_answered(const trace_relation *r) {
    for (const trace_fact *f = r ? r->facts : NULL; f; f = f->next) {
        if (f->fact->kind == MR_FACT_HOST_ECHO)
            return true;
    }
    return r && r->two_way;
}

/* A host that is silent altogether says nothing of IPsec. */
static bool is_failed_ike(const trace_ipsec *p, int by, const trace_relation *r) {
    if (p->by[0].esp || p->by[1].esp || p->by[!by].agreed || p->by[!by].sealed)
        return false;
    return p->by[!by].refused ||
           (p->by[by].asked >= TRIES && !p->by[!by].heard && has_answered(r));
}

static void judge(mr_trace *trace, const trace_ipsec *p, int by) {
    const mr_seen *first = &p->by[by].first;
    trace_relation *r = trace_relation_find(trace, &p->host[by], &p->host[!by], NULL);
    mr_fact fact = {.address = trace_intern_ip(trace, &p->host[!by])};

    if (!p->by[by].heard || trace->totals.last - p->by[by].last.time < PATIENCE)
        return;
    if (is_failed_ike(p, by, r) && r && r->bad && !r->two_way) {
        fact.kind = MR_FACT_TCP_IKE_FAILED;
        fact.tries = p->by[by].asked;
        trace_add(trace, r, first, 0, true, &fact);
    }
    if (!p->by[by].repeats || p->by[!by].esp || (!p->by[!by].heard && !has_answered(r)))
        return;
    fact.kind = MR_FACT_TCP_ESP_ONE_WAY;
    fact.tries = 0;
    fact.count = p->by[by].esp;
    fact.sender = trace_intern_ip(trace, &p->host[by]);
    r = r ? r : trace_relation_get(trace, &p->host[by], &p->host[!by], NULL);
    trace_add(trace, r, first, 0, true, &fact);
}

void trace_ipsec_end(mr_trace *trace) {
    for (const trace_ipsec *p = trace->ipsec; p; p = p->next) {
        judge(trace, p, 0);
        judge(trace, p, 1);
    }
}
