/*
 * The tables of a trace: texts, relations, endpoints that mappers gave, clients, connections that
 * are open. All have a cap, past which nothing is added and the loss is counted.
 */
#include "trace_private.h"

#include <stdio.h>
#include <stdlib.h>

#include <msrpc/ifaces/names.h>

#define SLAB_LIVES 64

uint32_t trace_hash(const void *octets, size_t len, uint32_t seed) {
    const uint8_t *p = octets;
    uint32_t h = 2166136261u ^ seed; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 16777619u;
    return h ^ h >> 15;
}

static uint32_t hash_ip(const mr_ip *ip, uint32_t seed) {
    return trace_hash(ip->host.octets, ip->family == 4 ? 4 : 16, seed);
}

bool trace_ip_eq(const mr_ip *a, const mr_ip *b) {
    return a->family == b->family &&
           (!a->family || memcmp(a->host.octets, b->host.octets, a->family == 4 ? 4 : 16) == 0);
}

const char *trace_intern(mr_trace *trace, const char *text) {
    if (!text)
        return NULL;
    size_t len = strlen(text);
    if (len > MR_DIAG_TEXT_MAX)
        len = MR_DIAG_TEXT_MAX;
    trace_text **slot = &trace->texts[trace_hash(text, len, 1) % TRACE_SLOTS];
    for (trace_text *t = *slot; t; t = t->next) {
        if (t->len == len && memcmp(t->text, text, len) == 0)
            return t->text;
    }
    trace_text *t = mr_arena_get_raw(&trace->arena, 1, sizeof *t + len + 1);
    if (!t)
        return NULL;
    t->next = *slot;
    t->len = (uint32_t)len;
    memcpy(t->text, text, len);
    t->text[len] = '\0';
    *slot = t;
    return t->text;
}

const char *trace_intern_ip(mr_trace *trace, const mr_ip *ip) {
    char text[MR_IP_TEXT];
    return ip->family ? trace_intern(trace, mr_ip_text(ip, text)) : NULL;
}

static trace_relation **relation_slot(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                      const char *name) {
    uint32_t h = hash_ip(client, 2);
    h = server ? hash_ip(server, h) : trace_hash(name, strlen(name), h);
    return &trace->relation_slots[h % TRACE_SLOTS];
}

trace_relation *trace_relation_find(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                    const char *name) {
    trace_relation *r = *relation_slot(trace, client, server, name);
    for (; r; r = r->hash_next) {
        if (!trace_ip_eq(&r->client, client))
            continue;
        if (server ? trace_ip_eq(&r->server, server)
                   : !r->server.family && r->name && strcmp(r->name, name) == 0)
            return r;
    }
    return NULL;
}

trace_relation *trace_relation_get(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                   const char *name) {
    trace_relation *r = trace_relation_find(trace, client, server, name);
    if (r)
        return r;
    if (trace->relation_count < trace->config.relations)
        r = MR_ARENA_NEW(&trace->arena, trace_relation);
    if (!r) {
        trace->totals.left_out++;
        return NULL;
    }
    r->client = *client;
    if (server)
        r->server = *server;
    else
        r->name = trace_intern(trace, name);
    r->root = r;
    r->facts_end = &r->facts;
    trace_relation **slot = relation_slot(trace, client, server, name);
    r->hash_next = *slot;
    *slot = r;
    *trace->relations_end = r;
    trace->relations_end = &r->list_next;
    r->number = trace->relation_count++;
    return r;
}

static trace_expected **expected_slot(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                      uint16_t port) {
    return &trace->expected_slots[(hash_ip(server, hash_ip(client, 3)) + port) % TRACE_SLOTS];
}

static trace_expected *expected_find(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                     uint16_t port) {
    trace_expected *e = *expected_slot(trace, client, server, port);
    while (e && (e->port != port || !trace_ip_eq(&e->client, client) ||
                 !trace_ip_eq(&e->server, server)))
        e = e->hash_next;
    return e;
}

void trace_expected_add(mr_trace *trace, const trace_expected *expected) {
    trace_expected *old =
        expected_find(trace, &expected->client, &expected->server, expected->port);
    if (old) { /* the newest question counts, and what was asked for before what was listed */
        if (expected->map || !old->map) {
            trace_expected *next = old->hash_next;
            bool tried = old->tried;
            *old = *expected;
            old->hash_next = next;
            old->tried = tried;
        }
        return;
    }
    trace_expected *e = NULL;
    if (trace->expected_count < trace->config.names)
        e = mr_arena_get_raw(&trace->arena, 1, sizeof *e);
    if (!e) {
        trace->totals.left_out++;
        return;
    }
    trace_expected **slot =
        expected_slot(trace, &expected->client, &expected->server, expected->port);
    *e = *expected;
    e->hash_next = *slot;
    *slot = e;
    trace->expected_count++;
}

trace_client *trace_client_get(mr_trace *trace, const mr_ip *ip) {
    trace_client **slot = &trace->client_slots[hash_ip(ip, 4) % MR_COUNT(trace->client_slots)];
    for (trace_client *c = *slot; c; c = c->hash_next) {
        if (trace_ip_eq(&c->ip, ip))
            return c;
    }
    trace_client *c = MR_ARENA_NEW(&trace->arena, trace_client);
    if (!c)
        return NULL;
    c->ip = *ip;
    c->hash_next = *slot;
    *slot = c;
    return c;
}

/* ---- connections ---- */

static trace_live **live_slot(const mr_trace *trace, uint64_t flow) {
    uint64_t h = flow * 0x9e3779b97f4a7c15u;
    return &trace->live_slots[(h >> 32) & (trace->live_room - 1)];
}

static bool grow_lives(mr_trace *trace) {
    size_t room = trace->live_room ? 2 * trace->live_room : 1024, old = trace->live_room;
    trace_live **slots = calloc(room, sizeof *slots), **before = trace->live_slots;
    if (!slots)
        return false;
    trace->live_slots = slots;
    trace->live_room = room;
    for (size_t i = 0; i < old; i++) {
        for (trace_live *live = before[i], *next; live; live = next) {
            next = live->hash_next;
            trace_live **slot = live_slot(trace, live->flow);
            live->hash_next = *slot;
            *slot = live;
        }
    }
    free(before);
    return true;
}

static trace_live *new_live(mr_trace *trace) {
    if (!trace->live_free) {
        struct trace_slab *slab = malloc(sizeof *slab + SLAB_LIVES * sizeof(trace_live));
        if (!slab)
            return NULL;
        slab->next = trace->slabs;
        trace->slabs = slab;
        trace_live *lives = (trace_live *)(slab + 1);
        for (size_t i = 0; i < SLAB_LIVES; i++) {
            lives[i].hash_next = trace->live_free;
            trace->live_free = &lives[i];
        }
    }
    trace_live *live = trace->live_free;
    trace->live_free = live->hash_next;
    memset(live, 0, sizeof *live);
    live->events_end = &live->events;
    return live;
}

/* Who is the client, and what is known of the server. */
static void set_sides(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    mr_trace_talk *talk = &live->talk;
    const trace_lookup *lookup = trace_lookup_of(trace, &seen->client, &seen->server);

    talk->client = seen->client;
    talk->server = seen->server;
    talk->client_port = seen->client_port;
    talk->server_port = seen->server_port;
    live->lookup = lookup ? *lookup : (trace_lookup){0};
    talk->name = live->lookup.name;
    live->relation = trace_relation_get(trace, &seen->client, &seen->server, NULL);
    if (live->relation)
        live->relation->connected = true;
    if (live->relation && talk->name) {
        live->relation->name = talk->name;
        live->relation->name_packet = live->lookup.packet;
    }
    live->expected = expected_find(trace, &seen->client, &seen->server, seen->server_port);
    if (live->expected) {
        const trace_expected *e = live->expected;
        live->expected->tried = true;
        live->named = (trace_named){e->begin_packet, e->packet, e->begin, e->time, e->talk,
                                    e->file, e->mapper_port};
        talk->mapped = true;
        talk->transport = MR_TRACE_IP_TCP;
        talk->uuid = live->expected->interface;
        talk->version = live->expected->version;
        talk->interface = trace_interface(trace, &talk->uuid);
    }
    talk->mapper = seen->server_port == 135 || seen->server_port == 593;
    if (talk->mapper)
        talk->transport = seen->server_port == 135 ? MR_TRACE_IP_TCP : MR_TRACE_HTTP;
}

static void begin_talk(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    mr_trace_talk *talk = &live->talk;

    talk->id = (uint32_t)++trace->totals.talks;
    talk->count = 1;
    talk->file = seen->file;
    talk->first = talk->last = seen->packet;
    talk->begin = talk->end = seen->time;
    set_sides(trace, live, seen);
}

/* What began before the capture was taken for its port: the protocol shows the sides. */
static void turn_talk(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    if (live->talk.server_port == seen->server_port && live->talk.client_port == seen->client_port)
        return;
    set_sides(trace, live, seen);
    if (live->events)
        snprintf(live->events->text, sizeof live->events->text, "connection to port %u",
                 seen->server_port);
}

trace_live *trace_live_get(mr_trace *trace, const mr_seen *seen, bool make) {
    if (!seen->flow)
        return NULL;
    if (trace->live_room) {
        trace_live *live = *live_slot(trace, seen->flow);
        for (; live; live = live->hash_next) {
            if (live->flow != seen->flow)
                continue;
            turn_talk(trace, live, seen);
            return live;
        }
    }
    if (!make || (trace->live_count >= trace->live_room && !grow_lives(trace)))
        return NULL;
    trace_live *live = new_live(trace);
    if (!live)
        return NULL;
    live->flow = seen->flow;
    trace_live **slot = live_slot(trace, seen->flow);
    live->hash_next = *slot;
    *slot = live;
    trace->live_count++;
    begin_talk(trace, live, seen);
    return live;
}

void trace_live_drop(mr_trace *trace, trace_live *live) {
    trace_live **at = live_slot(trace, live->flow);
    while (*at && *at != live)
        at = &(*at)->hash_next;
    if (*at)
        *at = live->hash_next;
    if (live->events) {
        *live->events_end = trace->event_free;
        trace->event_free = live->events;
        trace->event_count -= live->event_count;
    }
    live->hash_next = trace->live_free;
    trace->live_free = live;
    trace->live_count--;
}

trace_kept *trace_kept_find(const mr_trace *trace, uint32_t id) {
    trace_kept *kept = trace->kept_slots[id % TRACE_SLOTS];
    while (kept && kept->talk.id != id)
        kept = kept->hash_next;
    return kept;
}

void trace_tables_deinit(mr_trace *trace) {
    for (struct trace_slab *slab = trace->slabs, *next; slab; slab = next) {
        next = slab->next;
        free(slab);
    }
    free(trace->live_slots);
    mr_arena_deinit(&trace->arena);
}

/* ---- interfaces ---- */

const char *trace_interface(mr_trace *trace, const mr_uuid *uuid) {
    char text[MR_UUID_TEXT];
    if (mr_uuid_is_nil(uuid))
        return NULL;
    const mr_iface_name *row = mr_name_find(uuid);
    if (row && mr_name_is_known(row))
        return mr_name_text(row);
    return trace_intern(trace, mr_uuid_text(uuid, text));
}

const char *trace_service(const mr_uuid *uuid) {
    const mr_iface_name *row = mr_name_find(uuid);
    return row ? mr_name_restartable(row) : NULL;
}

bool trace_is_mapper(const mr_uuid *uuid) {
    /* C706 appendix O: e1af8308-5d1f-11c9-91a4-08002b14a0fa */
    static const mr_uuid epm = {0xe1af8308, 0x5d1f, 0x11c9,
                                {0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa}};
    return mr_uuid_eq(uuid, &epm);
}
