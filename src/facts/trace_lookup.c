/*
 * What look-ups tell beside their answers: answers that the client no longer waited for (it refuses
 * them with ICMP, RFC 1122 4.1.3.1), names that were asked for on the link only (LLMNR RFC 4795,
 * mDNS RFC 6762), NetBIOS names that a host may not have (RFC 1002 4.2.6) or that two have, answers
 * that TCP would have to bring, connections to an address that no look-up of this capture gave, and
 * look-ups that no connection follows.
 */
#include "trace_private.h"

#include <stdio.h>

#define DNS_PORT 53
#define UDP 17
#define REFUSAL (2 * MR_SEC)   /* comes within, after what it refuses */
#define PATIENCE (3 * MR_SEC)
#define TRIES 2
#define SILENT (5 * MR_SEC)
#define BURST (2 * MR_SEC)     /* browsers ask for three made-up names at once, to see */
#define BURST_NAMES 3          /* whether somebody answers for everything */
#define CLAIMS 256
#define AGAIN 2                /* an application that tries again asks again */
#define FOLLOWED (5 * MR_SEC)  /* by a connection within */
#define SITES "._sites.dc._msdcs."
#define LOCATOR "_ldap._tcp."

/* NBNS: opcodes of registrations (RFC 1002 4.2.1.1; multi-homed: MS-NBTE 2.2.2), and refusals. */
enum { REGISTRATION = 5, MULTIHOMED = 15, REFRESH = 8, REFRESH_TOO = 9 };
enum { ACTIVE = 6, CONFLICT = 7 };
enum { WORKSTATION = 0x00, SERVER = 0x20 };

/* ---- answers that came too late ---- */

void trace_answer_refused(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_icmp *icmp = &seen->u.icmp;
    trace_asked *last = NULL;

    if (icmp->protocol != UDP || icmp->from_port != DNS_PORT ||
        !trace_ip_eq(&seen->client, &icmp->to) ||
        mr_icmp_class(icmp->family, icmp->type, icmp->code) != MR_ICMP_PORT)
        return;
    for (trace_name *n = trace->names; n; n = n->list_next) {
        for (size_t i = 0; i < n->asked_count && trace_ip_eq(&n->client, &icmp->to); i++) {
            trace_asked *a = &n->asked[i];
            if (!a->answers || a->unwanted >= a->answers || a->port != icmp->to_port ||
                !trace_ip_eq(&a->server, &icmp->from) || seen->time < a->answered ||
                seen->time - a->answered > REFUSAL)
                continue;
            if (!last || a->answered >= last->answered)
                last = a;
        }
    }
    if (last)
        last->unwanted++;
}

bool trace_is_late(const trace_asked *asked) {
    return asked->answers && asked->unwanted >= asked->answers;
}

/* Where the client connected all the same, it had the address; where the capture cut that, nobody
 * knows. */
static bool is_used(mr_trace *trace, const trace_name *name) {
    if (name->cut)
        return true;
    for (size_t i = 0; i < name->address_count; i++) {
        const trace_relation *r =
            trace_relation_find(trace, &name->client, &name->addresses[i].ip, NULL);
        if (r && r->two_way)
            return true;
    }
    return false;
}

/* ---- servers that fell silent ---- */

/* Since @since another server answered about the name, or the client reached one of its hosts. */
static bool is_known_since(mr_trace *trace, const trace_name *name, mr_nsec since) {
    for (size_t i = 0; i < name->asked_count; i++) {
        const trace_asked *a = &name->asked[i];
        if (a->state != TRACE_OPEN && !a->again_tries && a->answered > since)
            return true;
    }
    for (size_t i = 0; i < name->address_count; i++) {
        const trace_relation *r =
            trace_relation_find(trace, &name->client, &name->addresses[i].ip, NULL);
        for (const trace_fact *f = r ? r->facts : NULL; f; f = f->next) {
            if (f->fact->kind == MR_FACT_TCP_OPEN && f->last > since)
                return true;
        }
    }
    return false;
}

/* A server that answered about the name once, and then to no question more: what lasts counts. */
static void note_silence(mr_trace *trace, trace_name *name) {
    bool known = true;

    for (size_t i = 0; i < name->asked_count; i++) {
        trace_asked *a = &name->asked[i];
        if (a->service != MR_SEEN_DNS || a->broadcast || a->again_tries < TRIES ||
            trace->totals.last - a->last < SILENT)
            continue;
        known = is_known_since(trace, name, a->again_time) && known;
        a->state = TRACE_OPEN;
        a->tries = a->again_tries;
        a->time = a->again_time;
        a->packet = a->again_packet;
        a->file = a->again_file;
    }
    if (known)
        return;
    for (size_t i = 0; i < name->asked_count; i++) { /* what was said before is past */
        trace_asked *a = &name->asked[i];
        if (a->state != TRACE_OPEN) {
            a->state = TRACE_OPEN;
            a->tries = 0;
        }
    }
    name->resolved = false;
    name->address_count = 0;
}

void trace_answers_end(mr_trace *trace) {
    for (trace_name *n = trace->names; n; n = n->list_next) {
        if (!n->netbios)
            note_silence(trace, n);
        bool late = false, good = false;
        for (size_t i = 0; i < n->asked_count; i++) {
            late = late || trace_is_late(&n->asked[i]);
            good = good || (n->asked[i].state == TRACE_RECORDS && !trace_is_late(&n->asked[i]));
        }
        if (!late || good || is_used(trace, n))
            continue;
        n->resolved = false;
        n->address_count = 0;
    }
}

/* ---- names that were asked for on the link only ---- */

static bool is_one_label(const trace_name *name) {
    return !strchr(name->name, '.');
}

/* The client asked for the host in DNS or with NetBIOS's help, or makes names up. */
static bool is_asked_elsewhere(const mr_trace *trace, const trace_name *name) {
    size_t len = strcspn(name->name, "."), burst = 0;

    for (const trace_name *n = trace->names; n; n = n->list_next) {
        if (!trace_ip_eq(&n->client, &name->client))
            continue;
        mr_nsec apart = n->first > name->first ? n->first - name->first : name->first - n->first;
        burst += is_one_label(n) && !n->netbios && !n->resolved && apart <= BURST;
        if (n == name || strncmp(n->name, name->name, len) != 0 || strcspn(n->name, ".") != len)
            continue;
        if (n->resolved)
            return true;
        for (size_t i = 0; i < n->asked_count; i++) {
            if (n->asked[i].service == MR_SEEN_DNS)
                return true;
        }
    }
    return is_one_label(name) && burst >= BURST_NAMES;
}

/* Whether the capture would show it, had the client asked a DNS server. */
static bool is_seen_to_talk(const mr_trace *trace, const mr_ip *client) {
    for (const trace_relation *r = trace->relations; r; r = r->list_next) {
        if (r->server.family && trace_ip_eq(&r->client, client))
            return true;
    }
    return false;
}

bool trace_link_only(mr_trace *trace, const trace_name *name) {
    mr_fact fact = {.kind = MR_FACT_NAME_MULTICAST_ONLY, .name = name->name};
    mr_nsec last = 0;

    for (size_t i = 0; i < name->asked_count; i++) {
        const trace_asked *a = &name->asked[i];
        if (!a->broadcast || a->state != TRACE_OPEN)
            return false;
        fact.tries = a->tries > fact.tries ? a->tries : fact.tries;
        fact.source = a->service == MR_SEEN_MDNS ? MR_SOURCE_MDNS : MR_SOURCE_UNKNOWN;
        last = a->time > last ? a->time : last;
    }
    if (fact.tries < TRIES || trace->totals.last - last < PATIENCE || name->name[0] == '_' ||
        strstr(name->name, "._") || trace_name_is_noise(name))
        return false;
    if (!is_seen_to_talk(trace, &name->client) || is_asked_elsewhere(trace, name) ||
        !trace_name_is_relevant(trace, name))
        return true;
    mr_seen at = {.packet = name->first_packet, .file = name->first_file, .time = name->first};
    trace_relation *own = trace_relation_get(trace, &name->client, NULL, name->name);
    trace_add(trace, own, &at, 0, true, &fact);
    return true;
}

/* ---- NetBIOS names that a host may not have ---- */

struct trace_claim {
    trace_claim *next;
    mr_ip client;       /* that registers, or refreshes */
    mr_ip refuser;
    const char *name;
    uint8_t suffix;
    uint8_t rcode;      /* of the last answer */
    bool broadcast;     /* asked of the link */
    bool refused;
    mr_seen at;
};

static trace_claim *claim_get(mr_trace *trace, const mr_ip *client, const mr_seen_name *name) {
    const char *text = trace_intern(trace, name->name);
    trace_claim *c = trace->claims;

    while (c && (c->name != text || c->suffix != name->suffix || !trace_ip_eq(&c->client, client)))
        c = c->next;
    if (c || !text || trace->claim_count == CLAIMS)
        return c;
    c = MR_ARENA_NEW(&trace->arena, trace_claim);
    if (!c)
        return NULL;
    trace->claim_count++;
    *c = (trace_claim){.next = trace->claims, .client = *client, .name = text,
                       .suffix = name->suffix};
    trace->claims = c;
    return c;
}

/* Only the names of a host as such: those of browsers and users change hands. */
static bool is_claim(const mr_seen_name *name) {
    return (name->opcode == REGISTRATION || name->opcode == MULTIHOMED ||
            name->opcode == REFRESH || name->opcode == REFRESH_TOO) &&
           (name->suffix == WORKSTATION || name->suffix == SERVER) && name->name && *name->name;
}

void trace_take_claim(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_name *name = &seen->u.name;
    bool asked = seen->kind == MR_SEEN_QUESTION;
    trace_claim *c = NULL;

    if (!is_claim(name) || trace_ip_eq(&seen->client, &seen->server))
        return;
    c = claim_get(trace, asked ? &seen->client : &seen->server, name);
    if (!c)
        return;
    if (asked) {
        c->broadcast = name->broadcast;
        return;
    }
    c->refused = name->rcode == ACTIVE || name->rcode == CONFLICT;
    if (!c->refused)
        return;
    c->refuser = seen->client;
    c->rcode = (uint8_t)name->rcode;
    c->at = *seen;
}

void trace_claims_end(mr_trace *trace) {
    char suffix[4];

    for (const trace_claim *c = trace->claims; c; c = c->next) {
        if (!c->refused)
            continue;
        snprintf(suffix, sizeof suffix, "%02x", c->suffix);
        const char *refuser = trace_intern_ip(trace, &c->refuser);
        mr_fact fact = {.kind = MR_FACT_NETBIOS_NAME_TAKEN,
                        .name = c->name,
                        .suffix = suffix,
                        .rcode = c->rcode,
                        .address = trace_intern_ip(trace, &c->client),
                        .server = c->broadcast ? NULL : refuser,
                        .sender = c->broadcast ? refuser : NULL};
        trace_relation *own = trace_relation_get(trace, &c->client, NULL, c->name);
        trace_add(trace, own, &c->at, 0, true, &fact);
    }
}

/* ---- names that two hosts have ---- */

/* Who answers for his own address and no other; a group or a host with several does not. */
void trace_note_owner(trace_name *name, const mr_seen *seen) {
    const mr_seen_name *a = &seen->u.name;

    if (name->suffix != SERVER || a->count != 1 ||
        !trace_ip_eq(&a->records[0].address, &seen->client) || name->other_owner.family)
        return;
    if (!name->owner.family) {
        name->owner = seen->client;
    } else if (!trace_ip_eq(&name->owner, &seen->client)) {
        name->other_owner = seen->client;
        name->owner_packet = seen->packet;
        name->owner_file = seen->file;
    }
}

static void say_conflict(mr_trace *trace, const trace_name *name) {
    mr_seen at = {.packet = name->owner_packet, .file = name->owner_file, .time = name->first};
    mr_fact fact = {.kind = MR_FACT_NETBIOS_CONFLICT,
                    .name = name->name,
                    .suffix = "20",
                    .address = trace_intern_ip(trace, &name->owner),
                    .other = trace_intern_ip(trace, &name->other_owner)};
    trace_add(trace, trace_relation_get(trace, &name->client, NULL, name->name), &at, 0, true,
              &fact);
}

/* ---- answers that did not fit ---- */

bool trace_is_cut_off(mr_trace *trace, const trace_name *name, const trace_asked *asked) {
    const trace_relation *r = trace_relation_find(trace, &name->client, &asked->server, NULL);

    for (size_t i = 0; i < name->asked_count; i++) {
        if (name->asked[i].tcp && name->asked[i].state != TRACE_OPEN)
            return false;
    }
    for (const trace_fact *f = r ? r->facts : NULL; f; f = f->next) {
        if (f->connect && f->fact->port == DNS_PORT)
            return true;
    }
    return false;
}

/* ---- sites without domain controllers ---- */

static void say_site(mr_trace *trace, const trace_name *name) {
    const char *end = strstr(name->name, SITES), *domain = end ? end + strlen(SITES) : NULL;
    char whole[300], site[128];

    if (!end || strncmp(name->name, LOCATOR, strlen(LOCATOR)) != 0 || !*domain)
        return;
    snprintf(whole, sizeof whole, LOCATOR "dc._msdcs.%s", domain);
    snprintf(site, sizeof site, "%.*s", (int)(end - name->name - (long)strlen(LOCATOR)),
             name->name + strlen(LOCATOR));
    const trace_name *n = trace->names;
    while (n && (!n->resolved || !trace_ip_eq(&n->client, &name->client) ||
                 strcmp(n->name, whole) != 0))
        n = n->list_next;
    for (size_t i = 0; n && i < name->asked_count; i++) {
        const trace_asked *a = &name->asked[i];
        if (a->state != TRACE_RCODE || a->rcode != 3 || a->service != MR_SEEN_DNS)
            continue;
        mr_seen at = {.packet = a->packet, .file = a->file, .time = a->time};
        mr_fact fact = {.kind = MR_FACT_LOCATOR_NO_SITE_SRV,
                        .name = name->name,
                        .site = site,
                        .domain = domain,
                        .server = trace_intern_ip(trace, &a->server)};
        trace_add(trace, trace_relation_get(trace, &name->client, NULL, name->name), &at, 0, true,
                  &fact);
        return;
    }
}

/* ---- look-ups that no connection follows ---- */

/* The client connects to nobody at all, and asks for itself: nobody asks it. */
static bool is_idle(const mr_trace *trace, const mr_ip *client) {
    for (const trace_relation *r = trace->relations; r; r = r->list_next) {
        if (r->connected && trace_ip_eq(&r->client, client))
            return false;
    }
    for (const trace_name *n = trace->names; n; n = n->list_next) {
        for (size_t i = 0; i < n->asked_count; i++) {
            if (trace_ip_eq(&n->asked[i].server, client))
                return false;
        }
    }
    return true;
}

static void say_not_tried(mr_trace *trace, const trace_name *name) {
    const trace_asked *a = &name->asked[0];
    mr_seen at = {.packet = name->addresses[0].packet, .file = name->addresses[0].file};
    mr_fact fact = {.kind = MR_FACT_TCP_NOT_TRIED,
                    .name = name->name,
                    .address = trace_intern_ip(trace, &name->addresses[0].ip)};

    if (a->service != MR_SEEN_DNS || trace->totals.last < a->answered + FOLLOWED ||
        !is_idle(trace, &name->client))
        return;
    trace_add(trace, trace_relation_get(trace, &name->client, NULL, name->name), &at, 0, true,
              &fact);
}

void trace_lookups_end(mr_trace *trace) {
    for (const trace_name *n = trace->names; n; n = n->list_next) {
        if (n->netbios && n->other_owner.family)
            say_conflict(trace, n);
        else if (!n->netbios && !n->resolved && strstr(n->name, SITES))
            say_site(trace, n);
        else if (!n->netbios && n->address_count && n->own_link && n->again >= AGAIN &&
                 !trace_name_is_noise(n))
            say_not_tried(trace, n);
    }
}

/* ---- addresses that nobody gave ---- */

static bool is_of_names(const trace_fact *f) {
    return mr_fact_phase(f->fact->kind) == MR_PHASE_NAMES;
}

static bool is_of_web(const trace_fact *f) {
    return f->fact->port == 80 || f->fact->port == 443;
}

/* The host has another name than the one that led to it, which is no alias. */
static void say_identity(mr_trace *trace, trace_relation *r) {
    size_t len = strcspn(r->name, ".");
    const trace_name *n = trace->names;

    if (!strchr(r->name, '.') || !strchr(r->identity, '.') ||
        (strncasecmp(r->identity, r->name, len) == 0 && r->identity[len] == '.'))
        return;
    while (n && (n->netbios || !trace_ip_eq(&n->client, &r->client) ||
                 strcasecmp(n->name, r->name) != 0))
        n = n->list_next;
    if (!n || n->alias)
        return;
    mr_seen at = {.packet = r->identity_packet, .file = r->identity_file,
                  .time = trace->totals.last};
    mr_fact fact = {.kind = MR_FACT_NAME_IDENTITY_DIFFERS,
                    .name = r->name,
                    .address = trace_intern_ip(trace, &r->server),
                    .other = r->identity};
    trace_add(trace, r, &at, 0, false, &fact);
}

void trace_addresses_end(mr_trace *trace) {
    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        mr_fact fact = {.kind = MR_FACT_NAME_NOT_OBSERVED};

        if (r->bad && r->name && r->identity)
            say_identity(trace, r);
        const trace_fact *f = r->facts;
        if (!r->server.family || !r->bad || r->name ||
            trace_lookup_of(trace, &r->client, &r->server))
            continue;
        while (f && (!f->bad || is_of_names(f) || is_of_web(f)))
            f = f->next;
        if (!f)
            continue;
        mr_seen at = {.packet = f->packet, .file = f->file, .time = f->at};
        fact.address = trace_intern_ip(trace, &r->server);
        trace_add(trace, r, &at, f->talk, false, &fact);
    }
}
