/*
 * Names as facts: questions and answers of DNS (RFC 1035), LLMNR, mDNS and NBNS (RFC 1002), per
 * client and name. Only the terminal state of a name counts: not an NXDOMAIN on the way through a
 * list of suffixes, not a missing AAAA beside an A, not a broadcast that nobody answers while DNS
 * knows the name.
 */
#include "trace_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_SOA 6
#define TYPE_NS 2
#define TYPE_AAAA 28
#define TYPE_SRV 33
#define NAME_TEXT 256
#define WALK (10 * MR_SEC)     /* a list of suffixes is tried within */
#define PATIENCE (5 * MR_SEC)  /* after the last question */
#define FAILED_NAMES 256       /* that are judged */
#define ABSENT_NAMES 8         /* that are told beside what works */

static const char *record_of(uint16_t type) {
    switch (type) {
    case TYPE_A: return "A";
    case TYPE_AAAA: return "AAAA";
    case TYPE_CNAME: return "CNAME";
    case TYPE_SRV: return "SRV";
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
    return name->service == MR_SEEN_NBNS || record_of(name->type);
}

static void take_question(mr_trace *trace, const mr_seen *seen, const mr_ip *asker,
                          const mr_ip *server) {
    const mr_seen_name *q = &seen->u.name;
    bool netbios = q->service == MR_SEEN_NBNS;
    trace_name *name =
        name_get(trace, asker, q->name, netbios, netbios ? q->suffix : 0, true);
    trace_asked *a = name ? asked_get(trace, name, server, netbios ? TYPE_A : q->type,
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
            if (r->address.family && (r->type == TYPE_A || r->type == TYPE_AAAA)) {
                give(trace, seen, name, server, asked, r);
                resolve_owner(trace, name, r);
            }
            if (r->type == TYPE_CNAME && r->target && a->type != TYPE_CNAME)
                name->alias = trace_intern(trace, r->target);
            answers = answers || r->type == a->type || a->service == MR_SEEN_NBNS;
        } else if (r->section == MR_SEEN_IN_AUTHORITY) {
            soa = soa || r->type == TYPE_SOA;
            referral = referral || r->type == TYPE_NS;
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
    trace_asked *a = asked_get(trace, name, server, netbios ? TYPE_A : q->type,
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

/* ---- the end ---- */

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* A suffix of two labels or more stands twice: a resolver's list of suffixes made that of a name
 * that was whole, and the name itself is asked for too. */
static bool is_doubled(const char *name) {
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        const char *suffix = dot + 1;
        size_t len = strlen(suffix), before = (size_t)(dot - name);
        if (strchr(suffix, '.') && before >= len && strncmp(dot - len, suffix, len) == 0 &&
            (before == len || dot[-1 - (ptrdiff_t)len] == '.'))
            return true;
    }
    return false;
}

bool trace_name_is_noise(const trace_name *name) {
    static const char *const always[] = {"wpad", "isatap", "_kerberos-master", "_kpasswd",
                                         "localhost", "*", "teredo", "_kerberos.", "?", "__"};
    for (size_t i = 0; i < MR_COUNT(always); i++) {
        if (begins(name->name, always[i]))
            return true;
    }
    return is_doubled(name->name) || strstr(name->name, ".arpa") || strstr(name->name, "._sites.");
}

static size_t label_len(const char *name) {
    return strcspn(name, ".");
}

/* Whether two names can be steps of one walk through the suffixes. */
static bool is_walk(const trace_name *a, const trace_name *b) {
    size_t len = label_len(a->name);
    if (a->name[0] == '_' || len != label_len(b->name) || strncmp(a->name, b->name, len) != 0)
        return false;
    if (!trace_ip_eq(&a->client, &b->client))
        return false;
    if (a->netbios != b->netbios)
        return true;
    size_t la = strlen(a->name), lb = strlen(b->name);
    const trace_name *shorter = la < lb ? a : b, *longer = la < lb ? b : a;
    mr_nsec apart = a->first > b->first ? a->first - b->first : b->first - a->first;
    return apart <= WALK &&
           (begins(longer->name, shorter->name) || label_len(shorter->name) == len);
}

/* Another name of the same walk was resolved, or (@earlier) failed before this one. */
static bool is_settled(const mr_trace *trace, const trace_name *name) {
    for (const trace_name *n = trace->names; n; n = n->list_next) {
        if (n == name || !is_walk(n, name))
            continue;
        if (n->resolved || (!n->netbios && n->first_packet < name->first_packet))
            return true;
    }
    return false;
}

static bool is_only_silent(const trace_name *name) {
    for (size_t i = 0; i < name->asked_count; i++) {
        if (name->asked[i].state != TRACE_OPEN || name->asked[i].refused)
            return false;
    }
    return true;
}

/* The client got answers about names that are behind the cut: one may be of this walk. */
static bool may_be_settled(mr_trace *trace, const trace_name *name) {
    const trace_client *client = trace_client_get(trace, &name->client);
    return client && client->names_cut && !is_only_silent(name);
}

static const char *parent(const char *name) {
    const char *dot = strchr(name, '.');
    return dot ? dot + 1 : "";
}

/* Nobody answers a broadcast for a name of another link: it counts only where DNS fails too. */
static bool fails_in_dns(const mr_trace *trace, const trace_name *name) {
    for (const trace_name *n = trace->names; n; n = n->list_next) {
        if (!n->netbios && !n->resolved && is_walk(n, name))
            return true;
    }
    return false;
}

static bool is_rpc(const trace_relation *r) {
    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (mr_fact_phase(f->fact->kind) > MR_PHASE_TCP && f->fact->kind != MR_FACT_TLS_OPENED)
            return true;
    }
    return false;
}

/* The server of a relation has a port of RPC open. */
static bool is_served(const trace_relation *r) {
    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (f->fact->kind == MR_FACT_TCP_OPEN && f->fact->role != MR_ROLE_NEIGHBOUR)
            return true;
    }
    return false;
}

bool trace_name_is_relevant(const mr_trace *trace, const trace_name *name) {
    bool talks = false, others = false, serves = false;
    for (const trace_relation *r = trace->relations; r; r = r->list_next) {
        serves = serves || (r->server.family && r->two_way && is_served(r) &&
                            trace_ip_eq(&r->server, &name->client));
        if (!r->server.family || !trace_ip_eq(&r->client, &name->client))
            continue;
        others = others || r->two_way;
        bool rpc = r->unread || is_rpc(r);
        talks = talks || rpc;
        if (!r->name || !rpc)
            continue;
        const char *domain = parent(r->name);
        size_t len = strlen(domain), own = strlen(name->name);
        if (!*parent(name->name) ||
            (len && own >= len && strcmp(name->name + own - len, domain) == 0))
            return true;
    }
    return !talks && !serves && !(others && is_only_silent(name));
}

static void add(mr_trace *trace, trace_relation *r, const trace_asked *a, bool bad,
                const mr_fact *fact) {
    mr_seen at = {.packet = a->packet, .file = a->file, .time = a->time};
    trace_add(trace, r, &at, 0, bad, fact);
}

/* SRV records of a host's name are asked for by LDAP clients, which go on without them; and one
 * domain that is found shows that the locator works. */
static bool is_srv_needed(const mr_trace *trace, const trace_name *name, const char *domain) {
    for (const trace_name *n = trace->names; n; n = n->list_next) {
        if (!n->resolved || !trace_ip_eq(&n->client, &name->client))
            continue;
        if (strcmp(n->name, domain) == 0 || begins(n->name, "_ldap._tcp."))
            return false;
    }
    return true;
}

static void add_srv(mr_trace *trace, trace_relation *r, const trace_name *name,
                    const trace_asked *a) {
    const char *domain = strstr(name->name, "_msdcs.");
    if (domain)
        domain += 7;
    else if ((domain = strstr(name->name, "_tcp.")))
        domain += 5;
    if (!domain || !*domain || begins(name->name, "_kerberos._udp") ||
        !is_srv_needed(trace, name, domain))
        return;
    mr_fact fact = {.kind = MR_FACT_LOCATOR_NO_SRV,
                    .name = name->name,
                    .domain = domain,
                    .rcode = a->state == TRACE_RCODE ? a->rcode : 0,
                    .server = trace_intern_ip(trace, &a->server)};
    add(trace, r, a, true, &fact);
}

/* An answer about @type was seen. Where the network or the capture lost it, that there is none of
 * another type says nothing. */
static bool is_answered(const trace_name *name, uint16_t type) {
    for (size_t i = 0; i < name->asked_count; i++) {
        if (name->asked[i].type == type && name->asked[i].tries &&
            name->asked[i].state != TRACE_OPEN)
            return true;
    }
    return false;
}

/* What one server said, or did not say, of a name in DNS. */
static void add_asked(mr_trace *trace, trace_relation *r, const trace_name *name,
                      const trace_asked *a) {
    mr_fact fact = {.name = name->name,
                    .server = trace_intern_ip(trace, &a->server),
                    .record = record_of(a->type)};
    bool bad = !name->resolved;

    if (trace_is_late(a)) {
        if (!a->tries)
            return; /* a copy may have come in time, before the capture */
        fact.kind = MR_FACT_NAME_LATE;
        fact.ms = a->ms;
        if (bad)
            add(trace, r, a, true, &fact);
        return;
    }
    switch ((enum trace_answer)a->state) {
    case TRACE_OPEN:
        if (a->refused) {
            fact = (mr_fact){.kind = MR_FACT_NAME_NO_SERVICE, .server = fact.server};
            break;
        }
        if (a->tries < 2 || trace->totals.last - a->last < PATIENCE)
            return;
        fact.kind = MR_FACT_NAME_TIMEOUT;
        fact.tries = a->tries;
        bad = true;
        break;
    case TRACE_RCODE:
        if (!a->tries)
            return; /* of the questions before the capture nobody knows the answers */
        if (a->type == TYPE_SRV && a->rcode == 3) {
            add_srv(trace, r, name, a);
            return;
        }
        fact.kind = MR_FACT_NAME_RCODE;
        fact.rcode = a->rcode;
        bad = bad || a->rcode != 3;
        break;
    case TRACE_NODATA:
        if (!a->tries || (a->type == TYPE_AAAA && !is_answered(name, TYPE_A)))
            return;
        if (a->truncated && !trace_is_cut_off(trace, name, a))
            return;
        if (a->truncated) {
            fact = (mr_fact){.kind = MR_FACT_NAME_TRUNCATED, .name = fact.name,
                             .server = fact.server};
            break;
        }
        if (a->type == TYPE_SRV) {
            add_srv(trace, r, name, a);
            return;
        }
        fact.kind = MR_FACT_NAME_NODATA;
        break;
    case TRACE_RECORDS:
        if (a->type == TYPE_A || a->type == TYPE_AAAA)
            return;
        fact.kind = MR_FACT_NAME_ANSWERED;
        fact.ms = a->ms;
        break;
    case TRACE_LAME:
        fact.kind = MR_FACT_NAME_LAME;
        bad = true;
        break;
    case TRACE_UNREAD:
        fact.kind = MR_FACT_NAME_MALFORMED;
        bad = true;
        break;
    }
    add(trace, r, a, bad, &fact);
}

static void add_netbios(mr_trace *trace, trace_relation *r, const trace_name *name,
                        const trace_asked *a) {
    char suffix[4];
    snprintf(suffix, sizeof suffix, "%02x", name->suffix);
    mr_fact fact = {.name = name->name, .suffix = suffix};

    if (a->state == TRACE_RCODE) {
        fact.kind = MR_FACT_NETBIOS_NEGATIVE;
        fact.rcode = a->rcode;
        fact.server = trace_intern_ip(trace, &a->server);
    } else if (a->state == TRACE_OPEN && a->tries >= 3 && a->broadcast) {
        fact.kind = MR_FACT_NETBIOS_NO_ANSWER;
        fact.address = trace_intern_ip(trace, &a->server);
        fact.tries = a->tries;
    } else if (a->state == TRACE_OPEN && a->tries >= 3) {
        fact = (mr_fact){.kind = MR_FACT_NETBIOS_WINS_SILENT,
                         .server = trace_intern_ip(trace, &a->server),
                         .tries = a->tries};
    } else {
        return;
    }
    add(trace, r, a, true, &fact);
}

static enum mr_source source_of(uint8_t service) {
    switch ((enum mr_seen_names)service) {
    case MR_SEEN_DNS:
    case MR_SEEN_LLMNR: return MR_SOURCE_DNS;
    case MR_SEEN_MDNS: return MR_SOURCE_MDNS;
    case MR_SEEN_NBNS: return MR_SOURCE_NETBIOS;
    }
    return MR_SOURCE_UNKNOWN;
}

/* Relations by the name and address of their server and the family of their client, the first of
 * each: for those who ask over one family and connect over the other. */
typedef struct known_hosts {
    trace_relation **slots; /* open addressing; NULL: none are known */
    uint32_t mask;
} known_hosts;

static trace_relation **known_slot(const known_hosts *known, const mr_ip *server,
                                   const char *name) {
    uint32_t h = trace_hash(server->host.octets, 16, 8u + server->family);
    uint32_t i = trace_hash(name, strlen(name), h) & known->mask;
    trace_relation *r;

    for (; (r = known->slots[i]) != NULL; i = (i + 1) & known->mask) {
        if (trace_ip_eq(&r->server, server) && strcmp(r->name, name) == 0)
            break;
    }
    return &known->slots[i];
}

static void known_init(known_hosts *known, const mr_trace *trace) {
    uint32_t room = 64;

    while (room / 2 < trace->relation_count)
        room *= 2;
    known->mask = room - 1;
    known->slots = calloc(room, sizeof *known->slots);
    for (trace_relation *r = trace->relations; r && known->slots; r = r->list_next) {
        if (!r->name || !r->server.family || r->client.family != r->server.family)
            continue;
        trace_relation **slot = known_slot(known, &r->server, r->name);
        *slot = *slot ? *slot : r;
    }
}

/* The same client, which connects over the other family than it asked over. */
static trace_relation *other_family(const known_hosts *known, const trace_name *name,
                                    const mr_ip *ip) {
    return known->slots ? *known_slot(known, ip, name->name) : NULL;
}

/* The name's own failures and the hosts it leads to are judged together. */
static void add_addresses(mr_trace *trace, const known_hosts *known, const trace_name *name,
                          trace_relation *own) {
    trace_relation *first = own;

    for (size_t i = 0; i < name->address_count; i++) {
        const mr_ip *ip = &name->addresses[i].ip;
        trace_relation *r = trace_relation_find(trace, &name->client, ip, NULL);
        mr_seen at = {.packet = name->addresses[i].packet, .file = name->addresses[i].file};
        mr_fact fact = {.kind = MR_FACT_NAME_RESOLVED,
                        .name = name->name,
                        .address = trace_intern_ip(trace, ip),
                        .family = ip->family,
                        .source = source_of(name->addresses[i].service),
                        .server = trace_intern_ip(trace, &name->addresses[i].server),
                        .ttl = name->addresses[i].ttl};
        if (!r && ip->family != name->client.family)
            r = other_family(known, name, ip);
        if (!r)
            r = own;
        if (!r)
            continue;
        trace_add(trace, r, &at, 0, false, &fact);
        if (!first)
            first = r;
        else
            trace_join(first, r);
    }
}

/* It speaks RPC with others, and serves none: servers look for clients, and for themselves. */
static bool is_only_client(const mr_trace *trace, const mr_ip *client) {
    bool talks = false;

    for (const trace_relation *r = trace->relations; r; r = r->list_next) {
        if (!r->server.family)
            continue;
        if (r->two_way && is_served(r) && trace_ip_eq(&r->server, client))
            return false;
        talks = talks || (trace_ip_eq(&r->client, client) && is_rpc(r));
    }
    return talks;
}

/* What only names that other software asks for need: the client's RPC works without. No walk found
 * the host by another name, and DNS said of each form that it does not exist. */
static bool is_absent(const mr_trace *trace, const trace_name *name) {
    bool absent = false;

    for (size_t i = 0; i < name->asked_count; i++) {
        const trace_asked *a = &name->asked[i];
        if (a->service != MR_SEEN_DNS || (a->type != TYPE_A && a->type != TYPE_AAAA))
            continue;
        if (a->state != TRACE_RCODE || a->rcode != 3 || !a->tries || trace_is_late(a))
            return false;
        absent = absent || a->type == TYPE_A;
    }
    size_t len = label_len(name->name);
    for (const trace_name *n = trace->names; n && absent; n = n->list_next) {
        if (n->resolved && label_len(n->name) == len && strncmp(n->name, name->name, len) == 0 &&
            trace_ip_eq(&n->client, &name->client))
            return false;
    }
    return absent && name->name[0] != '_' && is_only_client(trace, &name->client);
}

static void say_absent(mr_trace *trace, const trace_name *name) {
    const trace_asked *a = &name->asked[0];
    mr_fact fact = {.kind = MR_FACT_NAME_ABSENT, .name = name->name,
                    .server = trace_intern_ip(trace, &a->server)};
    for (size_t i = 0; i < name->asked_count; i++)
        fact.tries += name->asked[i].type == TYPE_A ? name->asked[i].tries : 0;
    add(trace, trace_relation_get(trace, &name->client, NULL, name->name), a, true, &fact);
}

/* A question of another type waits for its answer where the capture ends. */
static bool is_open(const mr_trace *trace, const trace_name *name) {
    for (size_t i = 0; i < name->asked_count; i++) {
        const trace_asked *a = &name->asked[i];
        if (a->state == TRACE_OPEN && !a->refused && trace->totals.last - a->time < PATIENCE)
            return true;
    }
    return false;
}

/* Whether a server failed although the name was resolved in the end. */
static bool is_degraded(const mr_trace *trace, const trace_name *name) {
    for (size_t i = 0; i < name->asked_count; i++) {
        const trace_asked *a = &name->asked[i];
        if (a->service != MR_SEEN_DNS || (a->type != TYPE_A && a->type != TYPE_AAAA))
            continue;
        if (a->state == TRACE_OPEN && a->tries >= 2 && trace->totals.last - a->last >= PATIENCE)
            return true;
        if (a->state == TRACE_RCODE && (a->rcode == 2 || a->rcode == 5))
            return true;
    }
    return false;
}

void trace_names_end(mr_trace *trace) {
    uint32_t failed = 0, linked = 0, absent = 0;
    known_hosts known;

    trace_answers_end(trace);
    known_init(&known, trace);
    for (trace_name *n = trace->names; n; n = n->list_next) {
        trace_relation *own = NULL;
        bool dns = false, degraded = n->resolved && is_degraded(trace, n);
        trace->totals.names++;
        if (n->resolved)
            trace->phases[MR_PHASE_NAMES] = MR_STATUS_PASS;
        for (size_t i = 0; i < n->asked_count; i++)
            dns = dns || n->asked[i].service == MR_SEEN_DNS;
        bool asked = dns || (n->netbios && fails_in_dns(trace, n));
        if (!n->resolved && asked && !trace_name_is_noise(n) && !is_open(trace, n)) {
            trace->totals.names_failed++;
            bool settled = is_settled(trace, n) || may_be_settled(trace, n);
            bool relevant = !settled && trace_name_is_relevant(trace, n);
            if (relevant && failed < FAILED_NAMES) {
                failed++;
                own = trace_relation_get(trace, &n->client, NULL, n->name);
            } else if (!relevant && !settled && absent < ABSENT_NAMES && is_absent(trace, n)) {
                absent++;
                say_absent(trace, n);
            }
        } else if (degraded && dns) {
            own = trace_relation_get(trace, &n->client, NULL, n->name);
        }
        if (!n->resolved && !dns && !n->netbios && linked < FAILED_NAMES)
            linked += trace_link_only(trace, n);
        for (size_t i = 0; own && i < n->asked_count; i++) {
            if (n->netbios)
                add_netbios(trace, own, n, &n->asked[i]);
            else if (n->asked[i].service == MR_SEEN_DNS)
                add_asked(trace, own, n, &n->asked[i]);
        }
        add_addresses(trace, &known, n, own);
    }
    free(known.slots);
}
