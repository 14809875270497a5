/*
 * Names as they were asked for: questions and answers of DNS (RFC 1035), LLMNR, mDNS and NBNS
 * (RFC 1002), per client and name, with each server's last word and the addresses it gave. What
 * became of them is judged in the end (trace_names_end.c).
 */
#include "trace_private.h"

#include <msrpc/wire/dns.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_TEXT 256

const char *trace_record_name(uint16_t type) {
    switch (type) {
    case MR_DNS_A: return "A";
    case MR_DNS_AAAA: return "AAAA";
    case MR_DNS_CNAME: return "CNAME";
    case MR_DNS_SRV: return "SRV";
    default: return NULL;
    }
}

static void lower(const char *text, char out[NAME_TEXT]) {
    size_t n = 0;
    for (; text[n] && n + 1 < NAME_TEXT; n++)
        out[n] = (char)tolower((unsigned char)text[n]);
    while (n > 1 && (out[n - 1] == '.' || out[n - 1] == ' '))
        n--;
    out[n] = '\0';
}

static trace_name *name_get(mr_trace *trace, const mr_ip *client, const char *text, bool netbios,
                            uint8_t suffix, bool make) {
    char name[NAME_TEXT];
    lower(text, name);
    uint32_t h = trace_hash(client->host.octets, 16, 5u + netbios);
    trace_name **slot = &trace->name_slots[trace_hash(name, strlen(name), h) % TRACE_SLOTS];
    for (trace_name *n = *slot; n; n = n->hash_next) {
        if (n->netbios == netbios && n->suffix == suffix && strcmp(n->name, name) == 0 &&
            trace_ip_eq(&n->client, client))
            return n;
    }
    if (!make)
        return NULL;
    trace_name *n = NULL;
    if (trace->name_count < trace->config.names)
        n = MR_ARENA_NEW(&trace->arena, trace_name);
    const char *copy = n ? trace_intern(trace, name) : NULL;
    if (!copy) {
        trace->totals.left_out++;
        return NULL;
    }
    n->client = *client;
    n->name = copy;
    n->netbios = netbios;
    n->suffix = suffix;
    n->hash_next = *slot;
    *slot = n;
    *trace->names_end = n;
    trace->names_end = &n->list_next;
    trace->name_count++;
    return n;
}

/* Rows with room for one more, @rows or a larger copy: most names need one or two. NULL: @most are
 * there, or no memory. */
static void *grow_rows(mr_trace *trace, void *rows, uint8_t *roomp, uint8_t count, uint8_t most,
                       size_t size) {
    if (count < *roomp)
        return rows;
    uint8_t room = count == 0 ? 1 : 2 * count > most ? most : (uint8_t)(2 * count);
    void *larger = count < most ? mr_arena_get(&trace->arena, room, size) : NULL;
    if (!larger)
        return NULL;
    if (count)
        memcpy(larger, rows, count * size);
    *roomp = room;
    return larger;
}

static trace_asked *asked_get(mr_trace *trace, trace_name *name, const mr_ip *server,
                              uint16_t type, bool tcp, bool make) {
    for (size_t i = 0; i < name->asked_count; i++) {
        if (name->asked[i].type == type && name->asked[i].tcp == tcp &&
            (name->asked[i].broadcast || trace_ip_eq(&name->asked[i].server, server)))
            return &name->asked[i];
    }
    if (!make)
        return NULL;
    trace_asked *rows = grow_rows(trace, name->asked, &name->asked_room, name->asked_count,
                                  TRACE_SERVERS, sizeof *rows);
    if (!rows)
        return NULL;
    name->asked = rows;
    trace_asked *a = &name->asked[name->asked_count++];
    *a = (trace_asked){.server = *server, .type = type, .tcp = tcp};
    return a;
}

static trace_given **given_slot(mr_trace *trace, const mr_ip *client, const mr_ip *address) {
    uint32_t h = trace_hash(client->host.octets, 16, 6);
    return &trace->given_slots[trace_hash(address->host.octets, 16, h) % TRACE_SLOTS];
}

static trace_given *given_find(mr_trace *trace, const mr_ip *client, const mr_ip *address) {
    trace_given *g = *given_slot(trace, client, address);
    while (g && (!trace_ip_eq(&g->client, client) || !trace_ip_eq(&g->address, address)))
        g = g->hash_next;
    return g;
}

const trace_lookup *trace_lookup_of(mr_trace *trace, const mr_ip *client, const mr_ip *address) {
    static const mr_ip anybody;
    trace_given *g = given_find(trace, client, address);
    if (!g) /* a host asks over one family and connects over the other */
        g = given_find(trace, &anybody, address);
    if (!g || (g->asker.family == client->family && !trace_ip_eq(&g->asker, client)))
        return NULL;
    return &g->lookup;
}

static void remember(mr_trace *trace, const trace_lookup *lookup, const trace_name *name,
                     const mr_ip *client, const mr_seen_record *record) {
    trace_given *g = given_find(trace, client, &record->address);

    if (!g && trace->given_count < 2 * trace->config.names) {
        g = MR_ARENA_NEW(&trace->arena, trace_given);
        if (g) {
            trace_given **slot = given_slot(trace, client, &record->address);
            g->client = *client;
            g->address = record->address;
            g->hash_next = *slot;
            *slot = g;
            trace->given_count++;
        }
    }
    if (g) {
        g->lookup = *lookup;
        g->asker = name->client;
    }
}

static void give(mr_trace *trace, const mr_seen *seen, trace_name *name, const mr_ip *server,
                 const trace_asked *asked, const mr_seen_record *record) {
    static const mr_ip anybody;
    trace_lookup lookup = {.name = name->name,
                           .packet = seen->packet,
                           .time = seen->time,
                           .file = seen->file,
                           .server = *server,
                           .service = (uint8_t)seen->u.name.service};

    if (asked) {
        lookup.asked_packet = asked->asked_packet;
        lookup.asked_time = asked->time;
        lookup.asked_file = asked->asked_file;
    }
    remember(trace, &lookup, name, &name->client, record);
    remember(trace, &lookup, name, &anybody, record);
    name->resolved = true;
    for (size_t i = 0; i < name->address_count; i++) {
        if (trace_ip_eq(&name->addresses[i].ip, &record->address))
            return;
    }
    trace_address *rows = grow_rows(trace, name->addresses, &name->address_room,
                                    name->address_count, TRACE_ADDRESSES, sizeof *rows);
    if (!rows)
        return;
    name->addresses = rows;
    size_t i = name->address_count++;
    name->addresses[i].ip = record->address;
    name->addresses[i].packet = seen->packet;
    name->addresses[i].file = seen->file;
    name->addresses[i].service = (uint8_t)seen->u.name.service;
    name->addresses[i].server = *server;
    name->addresses[i].ttl = record->ttl;
}

/* At the end of aliases stands another name, which has addresses then. */
static void resolve_owner(mr_trace *trace, const trace_name *name, const mr_seen_record *r) {
    char owner[NAME_TEXT];

    if (name->netbios || !r->name || !*r->name)
        return;
    lower(r->name, owner);
    if (strcmp(owner, name->name) == 0)
        return;
    trace_name *other = name_get(trace, &name->client, owner, false, 0, true);
    if (other)
        other->resolved = true;
}

static bool is_wanted(const mr_seen_name *name) {
    if (!name->name || !*name->name || name->opcode != 0)
        return false;
    return name->service == MR_SEEN_NBNS || trace_record_name(name->type);
}

static void take_question(mr_trace *trace, const mr_seen *seen, const mr_ip *asker,
                          const mr_ip *server) {
    const mr_seen_name *q = &seen->u.name;
    bool netbios = q->service == MR_SEEN_NBNS;
    trace_name *name =
        name_get(trace, asker, q->name, netbios, netbios ? q->suffix : 0, true);
    trace_asked *a = name ? asked_get(trace, name, server, netbios ? MR_DNS_A : q->type,
                                      seen->flow != 0, true) : NULL;
    if (!a)
        return;
    if (!name->first_packet) {
        name->first = seen->time;
        name->first_packet = seen->packet;
        name->first_file = seen->file;
    }
    a->service = (uint8_t)q->service;
    a->broadcast = q->broadcast;
    name->own_link = seen->ttl == 64 || seen->ttl == 128 || seen->ttl == 255;
    name->again += a->state == TRACE_RECORDS && seen->time >= a->answered + MR_SEC;
    if (a->tries == 0 || a->state != TRACE_OPEN) {
        a->time = seen->time;
        a->asked_packet = seen->packet;
        a->asked_file = seen->file;
        if (a->state == TRACE_OPEN) {
            a->packet = seen->packet;
            a->file = seen->file;
        }
    }
    if (a->state != TRACE_OPEN && !a->again_tries++) {
        a->again_time = seen->time;
        a->again_packet = seen->packet;
        a->again_file = seen->file;
    }
    a->tries++;
    a->last = seen->time;
}

static enum trace_answer judge_answer(mr_trace *trace, const mr_seen *seen, trace_name *name,
                                      const mr_ip *server, const trace_asked *asked) {
    const mr_seen_name *a = &seen->u.name;
    bool answers = false, soa = false, referral = false;

    if (a->unread)
        return TRACE_UNREAD;
    if (a->rcode)
        return TRACE_RCODE;
    if (a->cut) { /* there is an answer, whatever it is */
        name->resolved = name->resolved || a->answers;
        name->cut = name->cut || a->answers;
        return TRACE_RECORDS;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const mr_seen_record *r = &a->records[i];
        if (r->section == MR_SEEN_IN_ANSWER) {
            if (r->address.family && (r->type == MR_DNS_A || r->type == MR_DNS_AAAA)) {
                give(trace, seen, name, server, asked, r);
                resolve_owner(trace, name, r);
            }
            if (r->type == MR_DNS_CNAME && r->target && a->type != MR_DNS_CNAME)
                name->alias = trace_intern(trace, r->target);
            answers = answers || r->type == a->type || a->service == MR_SEEN_NBNS;
        } else if (r->section == MR_SEEN_IN_AUTHORITY) {
            soa = soa || r->type == MR_DNS_SOA;
            referral = referral || r->type == MR_DNS_NS;
        }
    }
    if (answers) {
        name->resolved = true;
        return TRACE_RECORDS;
    }
    if (!soa && !a->authoritative && (referral || !a->recursion_available) &&
        a->service == MR_SEEN_DNS)
        return TRACE_LAME;
    return TRACE_NODATA;
}

static void take_answer(mr_trace *trace, const mr_seen *seen, const mr_ip *asker,
                        const mr_ip *server) {
    const mr_seen_name *q = &seen->u.name;
    bool netbios = q->service == MR_SEEN_NBNS;
    trace_name *name =
        name_get(trace, asker, q->name, netbios, netbios ? q->suffix : 0, !netbios);
    if (!name)
        return;
    trace_asked *a = asked_get(trace, name, server, netbios ? MR_DNS_A : q->type,
                               seen->flow != 0, true);
    enum trace_answer state = judge_answer(trace, seen, name, server, a);
    if (a)
        a->again_tries = 0;
    if (!a || (a->state == TRACE_RECORDS && state != TRACE_RECORDS))
        return;
    if (a->tries && seen->time >= a->time)
        a->ms = (uint32_t)((seen->time - a->time) / 1000000);
    a->service = (uint8_t)q->service;
    if (!seen->flow) {
        a->answers++;
        a->port = seen->server_port;
        a->answered = seen->time;
    }
    a->truncated = q->truncated && !seen->flow && state == TRACE_NODATA;
    if (netbios && state == TRACE_RECORDS && a->broadcast)
        trace_note_owner(name, seen);
    a->state = (uint8_t)state;
    a->rcode = q->rcode;
    a->packet = seen->packet;
    a->file = seen->file;
}

/* Whoever answers is alive, whatever he says. */
static void note_answer(mr_trace *trace, const mr_seen *seen, const mr_ip *asker,
                        const mr_ip *server) {
    const mr_seen_name *a = &seen->u.name;
    trace_client *client = a->cut && !a->name && a->answers ? trace_client_get(trace, asker) : NULL;
    trace_relation *r = trace_relation_find(trace, asker, server, NULL);
    mr_fact fact = {.kind = MR_FACT_HOST_ECHO, .address = trace_intern_ip(trace, server)};

    if (client)
        client->names_cut = true;
    if (seen->flow)
        return;
    if (!r && a->service == MR_SEEN_DNS)
        r = trace_relation_get(trace, asker, server, NULL);
    if (!r)
        return;
    trace_add(trace, r, seen, 0, false, &fact);
    if (seen->ttl) {
        r->ttl_min = !r->ttl_min || seen->ttl < r->ttl_min ? seen->ttl : r->ttl_min;
        r->ttl_max = seen->ttl > r->ttl_max ? seen->ttl : r->ttl_max;
    }
}

void trace_take_name(mr_trace *trace, const mr_seen *seen) {
    bool question = seen->kind == MR_SEEN_QUESTION;
    bool forth = seen->flow || question;
    const mr_ip *asker = forth ? &seen->client : &seen->server;
    const mr_ip *server = forth ? &seen->server : &seen->client;

    if (seen->u.name.service == MR_SEEN_NBNS && seen->u.name.opcode)
        trace_take_claim(trace, seen);
    if (is_wanted(&seen->u.name) && question)
        take_question(trace, seen, asker, server);
    else if (is_wanted(&seen->u.name))
        take_answer(trace, seen, asker, server);
    if (!question)
        note_answer(trace, seen, asker, server);
}

void trace_names_refused(mr_trace *trace, const mr_seen *seen) {
    for (trace_name *n = trace->names; n; n = n->list_next) {
        for (size_t i = 0; i < n->asked_count; i++) {
            trace_asked *a = &n->asked[i];
            if (a->state == TRACE_OPEN && !a->broadcast && a->service == MR_SEEN_DNS &&
                trace_ip_eq(&n->client, &seen->u.icmp.from) &&
                trace_ip_eq(&a->server, &seen->u.icmp.to)) {
                a->refused = true;
                a->packet = seen->packet;
                a->file = seen->file;
            }
        }
    }
}
