/*
 * The questions behind a domain's health: DNS queries, each kept with its answer and asked once,
 * updates that change nothing (RFC 2136), pings. At most AT_ONCE queries are under way together.
 */
#include <stdio.h>

#include "health_private.h"

#define AT_ONCE 32

/* ---- queries ---- */

static void start_waiting(mr_health *h);

static void on_answered(void *user, const mr_dns_answer *answer) {
    struct health_query *q = user;
    mr_health *h = q->health;

    h->failed |= answer->outcome == MR_DNS_OUTCOME_FAILED;
    q->over = true;
    h->asking--;
    start_waiting(h);
    health_end_one(h);
}

static void start_waiting(mr_health *h) {
    while (h->waiting && h->asking < AT_ONCE) {
        struct health_query *q = h->waiting;
        const mr_dns_ask ask = {.name = q->name, .type = q->type, .server = q->server,
                                .timeout = h->options.timeout, .tries = h->options.tries};

        h->waiting = q->next_waiting;
        mr_dns_query_init(&q->query, h->resolver, on_answered, q);
        if (mr_dns_query_ask(&q->query, &ask, NULL) == 0) {
            h->asking++;
        } else {
            q->query.answer.outcome = MR_DNS_OUTCOME_FAILED;
            q->over = true;
            h->failed = true;
            h->open--;
        }
    }
}

const struct health_query *health_find(const mr_health *h, const mr_addr *server, const char *name,
                                       uint16_t type) {
    for (const struct health_query *q = h->queries; q; q = q->next)
        if (q->type == type && q->server.port == server->port &&
            mr_addr_same_host(&q->server, server) && mr_dns_same_name(q->name, name))
            return q;
    return NULL;
}

const struct health_query *health_ask(mr_health *h, const mr_addr *server, const char *name,
                                      uint16_t type) {
    const struct health_query *asked = health_find(h, server, name, type);

    if (asked)
        return asked;
    struct health_query *q = MR_ARENA_NEW(h->arena, struct health_query);
    const char *copy = mr_arena_add_str(h->arena, mr_slice_str(name));
    if (!q || !copy) {
        h->failed = true;
        return NULL;
    }
    *q = (struct health_query){.health = h, .name = copy, .type = type, .server = *server};
    *h->queries_tail = q;
    h->queries_tail = &q->next;
    struct health_query **tail = &h->waiting;
    while (*tail)
        tail = &(*tail)->next_waiting;
    *tail = q;
    h->open++;
    start_waiting(h);
    return q;
}

enum mr_dns_outcome health_outcome(const struct health_query *q) {
    return q && q->over ? q->query.answer.outcome : MR_DNS_OUTCOME_FAILED;
}

const mr_dns_message *health_records_of(const struct health_query *q) {
    return health_outcome(q) == MR_DNS_OUTCOME_ANSWER ? q->query.answer.message : NULL;
}

bool health_answered(const struct health_query *q) {
    return q && q->over && q->query.answer.message;
}

/* ---- updates ---- */

static int send_update(struct health_update *u);

static void end_update(struct health_update *u) {
    u->over = true;
    health_end_one(u->health);
}

static bool on_update_answer(void *user, mr_slice bytes) {
    struct health_update *u = user;
    mr_dns_message m;
    mr_slice request = mr_buf_slice(&u->request);

    if (mr_dns_decode(bytes, u->health->arena, &m, NULL) != 0 || !m.response ||
        memcmp(bytes.data, request.data, 2) != 0)
        return false;
    u->rcode = m.rcode;
    return true;
}

/* An empty update that is taken may have been taken because it is empty: the second one has
 * something in it, and still nothing to do. */
static void on_update_done(void *user, int result, const mr_error *err) {
    struct health_update *u = user;

    (void)err;
    u->result = result;
    if (result != 0 || u->rcode != MR_DNS_NOERROR || u->confirming) {
        end_update(u);
        return;
    }
    u->confirming = true;
    if (send_update(u) != 0) {
        u->result = MR_ERR_SYSTEM;
        end_update(u);
    }
}

static const mr_datagram_events update_events = {.received = on_update_answer,
                                                 .done = on_update_done};

static int send_update(struct health_update *u) {
    const mr_datagram_options options = {.remote = u->host->serves->addr,
                                         .tries = u->health->options.tries,
                                         .timeout = u->health->options.timeout};
    uint32_t random[3] = {0};
    char unused[MR_DNS_NAME_TEXT];

    if (mr_entropy_get(random, sizeof random) != 0)
        return MR_ERR_SYSTEM;
    snprintf(unused, sizeof unused, "_msrpc-%08x%08x.%s", random[0], random[1], u->zone);
    mr_buf_reset(&u->request);
    int r = mr_dns_encode_update_test((uint16_t)random[2], u->zone,
                                      u->confirming ? unused : NULL, &u->request);
    if (r)
        return r;
    mr_datagram_deinit(&u->datagram);
    mr_datagram_init(&u->datagram, u->health->loop, &update_events, u);
    return mr_datagram_ask(&u->datagram, &options, mr_buf_slice(&u->request), NULL);
}

void health_ask_update(mr_health *h, const mr_health_host *host, const char *zone) {
    struct health_update *u = MR_ARENA_NEW(h->arena, struct health_update);

    if (!u) {
        h->failed = true;
        return;
    }
    *u = (struct health_update){.health = h, .host = host, .zone = zone, .next = h->updates};
    mr_buf_init(&u->request, NULL, 0, 1024);
    h->updates = u;
    if (send_update(u) == 0) {
        h->open++;
    } else {
        u->over = true;
        u->result = MR_ERR_SYSTEM;
    }
}

/* ---- hosts ---- */

static void on_ping(void *user, mr_dc_ping *ping) {
    mr_health_addr *addr = user;
    mr_health_host *host = addr->host;

    host->health->failed |= ping->failed;
    if (ping->has_answer)
        addr->own_name = mr_dns_same_name(ping->answer.host, host->name);
    else if (ping->root_dse && ping->dns_host)
        addr->own_name = mr_dns_same_name(ping->dns_host, host->name);
    health_end_one(host->health);
}

void health_ping(mr_health *h, mr_health_addr *addr) {
    mr_dc_ping_options options = {.remote = addr->addr, .domain = h->domain, .tcp = true,
                                  .timeout = h->options.timeout, .tries = h->options.tries};

    if (addr->pinged)
        return;
    options.remote.port = 0;
    addr->pinged = true;
    mr_dc_ping_init(&addr->ping, h->loop, h->arena, on_ping, addr);
    if (mr_dc_ping_start(&addr->ping, &options, NULL) == 0)
        h->open++;
    else
        h->failed = true;
}

static void on_tcp(void *user, mr_port_probe *probe) {
    mr_health_addr *addr = user;

    (void)probe;
    health_end_one(addr->host->health);
}

void health_try_tcp(mr_health *h, mr_health_addr *addr) {
    mr_port_probe_options options = {.remote = addr->addr, .protocol = MR_PORT_TCP,
                                     .timeout = h->options.timeout, .quiet = true};

    options.remote.port = 53;
    mr_port_probe_init(&addr->tcp, h->loop, on_tcp, addr);
    if (mr_port_probe_start(&addr->tcp, &options, NULL) == 0)
        h->open++;
    else
        h->failed = true;
}

static void on_node(void *user, mr_netbios *query) {
    mr_health_addr *addr = user;
    mr_health *h = addr->host->health;

    if (query->state == MR_NETBIOS_ANSWERED && query->replies) {
        mr_slice name = mr_netbios_node_name(&query->replies->status);
        addr->node_name = name.len ? mr_arena_add_str(h->arena, name) : NULL;
    }
    health_end_one(h);
}

void health_ask_node(mr_health *h, mr_health_addr *addr) {
    mr_netbios_options options = {.status = true, .remote = addr->addr,
                                  .timeout = h->options.timeout, .tries = h->options.tries};

    options.remote.port = 0;
    if (mr_netbios_start(&addr->node, h->loop, h->arena, &options, on_node, addr, NULL) == 0)
        h->open++;
    else
        h->failed = true;
}

bool health_is_dead(const mr_health_addr *addr) {
    const mr_dc_ping *ping = &addr->ping;

    return addr->pinged && !ping->has_answer && !ping->root_dse && ping->tcp != MR_REACH_OPEN &&
           (ping->outcome == MR_DC_SILENT || ping->outcome == MR_DC_REFUSED ||
            ping->outcome == MR_DC_UNREACHABLE) && ping->attempt.reach != MR_REACH_LOCAL;
}
