/*
 * Who has an address of the own link (RFC 826): questions that nobody answered, and addresses that
 * two machines claim by turns. Told only about hosts that a client of this capture wanted, since
 * many ask for whole networks.
 */
#include "trace_private.h"

#include <stdio.h>

#define PATIENCE MR_SEC /* after the last question */
#define TRIES 2
#define TURNS 2         /* from one machine to the other and back */
#define ADDRESSES 4096

struct trace_arp {
    trace_arp *hash_next;
    mr_ip ip;
    mr_seen asked, claimed; /* the first question, and the first claim of the second machine */
    mr_ip asker;
    mr_nsec last;           /* question */
    uint32_t tries;
    uint8_t mac[2][6];
    uint8_t macs;
    uint8_t current;
    uint32_t turns;
};

static trace_arp *get(mr_trace *trace, const mr_ip *ip) {
    trace_arp **slot = &trace->arp_slots[trace_hash(ip->host.octets, 16, 0) %
                                         MR_COUNT(trace->arp_slots)];
    for (trace_arp *a = *slot; a; a = a->hash_next) {
        if (trace_ip_eq(&a->ip, ip))
            return a;
    }
    if (trace->arp_count >= ADDRESSES)
        return NULL;
    trace_arp *a = MR_ARENA_NEW(&trace->arena, trace_arp);
    if (!a)
        return NULL;
    trace->arp_count++;
    a->ip = *ip;
    a->hash_next = *slot;
    *slot = a;
    return a;
}

static void claim(trace_arp *a, const mr_seen *seen) {
    const uint8_t *mac = seen->u.arp.mac;
    uint8_t which = 0;

    while (which < a->macs && memcmp(a->mac[which], mac, 6) != 0)
        which++;
    if (which == MR_COUNT(a->mac))
        return;
    if (which == a->macs) {
        memcpy(a->mac[a->macs++], mac, 6);
        if (which)
            a->claimed = *seen;
    }
    a->turns += which != a->current;
    a->current = which;
}

/* 0.0.0.0 asks before it has an address (RFC 5227 2.1.1). */
static bool is_nobody(const mr_ip *ip) {
    static const mr_host none;
    return !ip->family || memcmp(&ip->host, &none, sizeof none) == 0;
}

void trace_take_arp(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_arp *arp = &seen->u.arp;
    bool probe = is_nobody(&arp->sender);
    bool self = trace_ip_eq(&arp->sender, &arp->target);
    trace_arp *a = probe ? NULL : get(trace, &arp->sender);

    if (a)
        claim(a, seen);
    if (arp->reply || probe || self || !(a = get(trace, &arp->target)))
        return;
    if (!a->tries++) {
        a->asked = *seen;
        a->asker = arp->sender;
    }
    a->last = seen->time;
}

static void say_silent(mr_trace *trace, const trace_arp *a, trace_relation *r) {
    mr_fact fact = {.address = trace_intern_ip(trace, &a->ip)};

    if (trace_ip_eq(&a->asker, &r->client)) {
        fact.kind = MR_FACT_LOCAL_NO_NEIGHBOUR;
    } else {
        fact.kind = MR_FACT_TCP_ARP_SILENT;
        fact.sender = trace_intern_ip(trace, &a->asker);
        fact.tries = a->tries;
    }
    trace_add(trace, r, &a->asked, 0, true, &fact);
}

static const char *mac_text(mr_trace *trace, const uint8_t mac[6]) {
    char text[24];
    snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return trace_intern(trace, text);
}

static void judge(mr_trace *trace, const trace_arp *a, trace_relation *r) {
    if (!a->macs && a->tries >= TRIES && r->bad && !r->two_way &&
        trace->totals.last - a->last >= PATIENCE)
        say_silent(trace, a, r);
    if (a->turns < TURNS)
        return;
    mr_fact fact = {.kind = MR_FACT_TCP_TWO_MACS,
                    .address = trace_intern_ip(trace, &a->ip),
                    .name = mac_text(trace, a->mac[0]),
                    .other = mac_text(trace, a->mac[1])};
    trace_add(trace, r, &a->claimed, 0, true, &fact);
}

void trace_arp_end(mr_trace *trace) {
    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        if (!r->server.family)
            continue;
        uint32_t slot = trace_hash(r->server.host.octets, 16, 0) % MR_COUNT(trace->arp_slots);
        for (const trace_arp *a = trace->arp_slots[slot]; a; a = a->hash_next) {
            if (trace_ip_eq(&a->ip, &r->server))
                judge(trace, a, r);
        }
    }
}
