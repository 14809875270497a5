/*
 * Names as facts, once all was seen. Only the terminal state of a name counts: not an NXDOMAIN on
 * the way through a list of suffixes, not a missing AAAA beside an A, not a broadcast that nobody
 * answers while DNS knows the name.
 */
#include "trace_private.h"

#include <msrpc/wire/dns.h>

#include <stdio.h>
#include <stdlib.h>

#define WALK (10 * MR_SEC)     /* a list of suffixes is tried within */
#define PATIENCE (5 * MR_SEC)  /* after the last question */
#define FAILED_NAMES 256       /* that are judged */
#define ABSENT_NAMES 8         /* that are told beside what works */

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
                    .record = trace_record_name(a->type)};
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
        if (a->type == MR_DNS_SRV && a->rcode == 3) {
            add_srv(trace, r, name, a);
            return;
        }
        fact.kind = MR_FACT_NAME_RCODE;
        fact.rcode = a->rcode;
        bad = bad || a->rcode != 3;
        break;
    case TRACE_NODATA:
        if (!a->tries || (a->type == MR_DNS_AAAA && !is_answered(name, MR_DNS_A)))
            return;
        if (a->truncated && !trace_is_cut_off(trace, name, a))
            return;
        if (a->truncated) {
            fact = (mr_fact){.kind = MR_FACT_NAME_TRUNCATED, .name = fact.name,
                             .server = fact.server};
            break;
        }
        if (a->type == MR_DNS_SRV) {
            add_srv(trace, r, name, a);
            return;
        }
        fact.kind = MR_FACT_NAME_NODATA;
        break;
    case TRACE_RECORDS:
        if (a->type == MR_DNS_A || a->type == MR_DNS_AAAA)
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
        if (a->service != MR_SEEN_DNS || (a->type != MR_DNS_A && a->type != MR_DNS_AAAA))
            continue;
        if (a->state != TRACE_RCODE || a->rcode != 3 || !a->tries || trace_is_late(a))
            return false;
        absent = absent || a->type == MR_DNS_A;
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
        fact.tries += name->asked[i].type == MR_DNS_A ? name->asked[i].tries : 0;
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
        if (a->service != MR_SEEN_DNS || (a->type != MR_DNS_A && a->type != MR_DNS_AAAA))
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
