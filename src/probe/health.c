/*
 * The stages of a domain's health: who is there (SRV and NS), their addresses, who answers the
 * locator and DNS, everything asked of every DNS server, then what that brought to light.
 * Invariant: @open counts what can still call back; the next stage begins when it is zero.
 */
#include <stdio.h>

#include "health_private.h"

#define DNS_PORT 53

static const char *const test_names[] = {"Auth", "Basc", "Forw", "Del", "Dyn", "RReg", "Ext"};
static const char *const result_names[] = {"n/a", "PASS", "UNKN", "WARN", "FAIL"};

const char *mr_health_test_name(enum mr_health_test test) {
    return test_names[test];
}

const char *mr_health_result_name(enum mr_health_result result) {
    return result_names[result];
}

/* ---- hosts ---- */

/* The host of that name, made where there is none; NULL past the limits. */
static mr_health_host *find_host(mr_health *h, const char *name) {
    for (size_t i = 0; i < h->host_count; i++)
        if (mr_dns_same_name(h->hosts[i]->name, name))
            return h->hosts[i];
    if (h->host_count == MR_HEALTH_HOSTS) {
        h->more = true;
        return NULL;
    }
    mr_health_host *host = MR_ARENA_NEW(h->arena, mr_health_host);
    mr_slice text = mr_slice_str(name);
    while (text.len > 1 && text.data[text.len - 1] == '.')
        text.len--;
    if (host)
        host->name = mr_arena_add_str(h->arena, text);
    if (!host || !host->name) {
        h->failed = true;
        return NULL;
    }
    host->health = h;
    h->hosts[h->host_count++] = host;
    return host;
}

static void add_addr(mr_health *h, mr_health_host *host, const mr_addr *addr) {
    if (h->options.family != MR_FAMILY_ANY && addr->family != h->options.family)
        return;
    for (size_t i = 0; i < host->addr_count; i++)
        if (mr_addr_same_host(&host->addrs[i].addr, addr))
            return;
    if (host->addr_count == MR_HEALTH_ADDRS)
        return;
    mr_health_addr *a = &host->addrs[host->addr_count++];
    a->addr = *addr;
    a->addr.port = DNS_PORT;
    a->host = host;
}

void health_add_addrs(mr_health *h, mr_health_host *host, const struct health_query *q) {
    const mr_dns_message *m = health_records_of(q);

    for (size_t i = 0; m && i < m->answer_count; i++) {
        const mr_dns_record *record = &m->answers[i];
        mr_addr addr = {.family = record->type == MR_DNS_A ? MR_FAMILY_IPV4 : MR_FAMILY_IPV6};
        if (record->type == MR_DNS_A)
            memcpy(addr.ip, record->u.ipv4, 4);
        else if (record->type == MR_DNS_AAAA)
            memcpy(addr.ip, record->u.ipv6, 16);
        else
            continue;
        add_addr(h, host, &addr);
    }
}

static void ask_addresses(mr_health *h, const mr_addr *server, const char *name) {
    (void)health_ask(h, server, name, MR_DNS_A);
    (void)health_ask(h, server, name, MR_DNS_AAAA);
}

static void read_addresses(mr_health *h, mr_health_host *host, const mr_addr *server) {
    health_add_addrs(h, host, health_find(h, server, host->name, MR_DNS_A));
    health_add_addrs(h, host, health_find(h, server, host->name, MR_DNS_AAAA));
}

/* ---- stages ---- */

static void discover(mr_health *h) {
    char name[MR_DNS_NAME_TEXT];

    snprintf(name, sizeof name, "_ldap._tcp.dc._msdcs.%s", h->domain);
    h->srv = health_ask(h, &h->options.server, name, MR_DNS_SRV);
    h->ns = health_ask(h, &h->options.server, h->domain, MR_DNS_NS);
    snprintf(name, sizeof name, "_msdcs.%s", h->domain);
    h->forest_ns = health_ask(h, &h->options.server, name, MR_DNS_NS);
}

/* The hosts that the records of one answer lead to. */
static void add_hosts(mr_health *h, const struct health_query *q) {
    const mr_dns_message *m = health_records_of(q);

    for (size_t i = 0; m && i < m->answer_count; i++) {
        const mr_dns_record *record = &m->answers[i];
        if (record->type != q->type)
            continue;
        const char *target = record->type == MR_DNS_SRV ? record->u.srv.target
                                                        : record->u.target;
        mr_health_host *host = strcmp(target, ".") != 0 ? find_host(h, target) : NULL;
        if (host && record->type == MR_DNS_SRV)
            host->is_dc = host->registered = true;
        else if (host)
            host->is_ns = true;
    }
}

/* The one domain controller that was asked for: by name, by a name in the domain, by address. */
static void add_wanted(mr_health *h) {
    const char *dc = h->options.dc;
    char name[MR_DNS_NAME_TEXT];
    mr_addr addr;

    if (!dc)
        return;
    bool literal = mr_addr_decode(mr_slice_str(dc), DNS_PORT, &addr) == 0;
    snprintf(name, sizeof name, "%s%s%s", dc, literal || strchr(dc, '.') ? "" : ".",
             literal || strchr(dc, '.') ? "" : h->domain);
    mr_health_host *host = find_host(h, name);
    if (!host)
        return;
    host->is_dc = true;
    host->chosen = true;
    if (literal)
        add_addr(h, host, &addr);
}

static void find_addresses(mr_health *h) {
    mr_addr literal;

    add_hosts(h, h->srv);
    add_hosts(h, h->ns);
    add_hosts(h, h->forest_ns);
    add_wanted(h);
    for (size_t i = 0; i < h->host_count; i++) {
        mr_health_host *host = h->hosts[i];
        host->chosen |= !h->options.dc;
        if (mr_addr_decode(mr_slice_str(host->name), DNS_PORT, &literal) != 0)
            ask_addresses(h, &h->options.server, host->name);
    }
}

/* Who answers: the locator's ping and the SOA, at every address. */
static void try_hosts(mr_health *h) {
    for (size_t i = 0; i < h->host_count; i++) {
        mr_health_host *host = h->hosts[i];
        read_addresses(h, host, &h->options.server);
        for (size_t k = 0; k < host->addr_count; k++) {
            mr_health_addr *a = &host->addrs[k];
            if (host->is_dc)
                health_ping(h, a);
            a->soa = health_ask(h, &a->addr, h->domain, MR_DNS_SOA);
            health_try_tcp(h, a);
        }
    }
}

/* One of the addresses of @host where DNS answers, an authoritative one before others. */
static void find_service(mr_health_host *host) {
    for (size_t k = 0; k < host->addr_count; k++) {
        mr_health_addr *a = &host->addrs[k];
        if (a->ping.has_answer && a->own_name && !host->answers)
            host->answers = a;
        if (!health_answered(a->soa))
            continue;
        const mr_dns_message *m = a->soa->query.answer.message;
        bool authoritative = m->authoritative && health_records_of(a->soa);
        if (!host->serves || (authoritative && !host->authoritative)) {
            host->serves = a;
            host->authoritative = authoritative;
            host->knows = health_records_of(a->soa) != NULL;
            host->recursion = m->recursion_available;
        }
    }
}

/* What the domain controllers say of the domain itself. */
static void learn_domain(mr_health *h) {
    for (size_t i = 0; i < h->host_count && !h->has_guid; i++) {
        const mr_health_addr *a = h->hosts[i]->answers;
        if (!a)
            continue;
        h->guid = a->ping.answer.domain_guid;
        h->has_guid = !mr_uuid_is_nil(&h->guid);
        if (a->ping.answer.forest[0])
            h->forest = a->ping.answer.forest;
    }
}

/* A host that was asked for by its address has a name of its own. */
static void rename_literals(mr_health *h) {
    mr_addr literal;

    for (size_t i = 0; i < h->host_count; i++) {
        mr_health_host *host = h->hosts[i];
        if (mr_addr_decode(mr_slice_str(host->name), DNS_PORT, &literal) != 0)
            continue;
        for (size_t k = 0; k < host->addr_count; k++) {
            const mr_dc_ping *ping = &host->addrs[k].ping;
            const char *name = ping->has_answer ? ping->answer.host : ping->dns_host;
            if (name && *name) {
                host->name = name;
                host->addrs[k].own_name = true;
            }
        }
    }
}

static void ask_server(mr_health *h, mr_health_host *host) {
    const mr_addr *server = &host->serves->addr;
    char name[MR_DNS_NAME_TEXT];

    snprintf(name, sizeof name, "_msdcs.%s", h->forest);
    (void)health_ask(h, server, h->domain, MR_DNS_NS);
    (void)health_ask(h, server, name, MR_DNS_NS);
    (void)health_ask(h, server, name, MR_DNS_SOA);
    if (!host->chosen)
        return;
    if (host->recursion)
        (void)health_ask(h, server, ".", MR_DNS_NS);
    if (h->options.external)
        (void)health_ask(h, server, h->options.external, MR_DNS_A);
    if (host->authoritative)
        health_ask_update(h, host, h->domain);
}

static void ask_servers(mr_health *h) {
    rename_literals(h);
    for (size_t i = 0; i < h->host_count; i++)
        find_service(h->hosts[i]);
    learn_domain(h);
    for (size_t i = 0; i < h->host_count; i++)
        if (h->hosts[i]->serves)
            ask_server(h, h->hosts[i]);
    for (size_t i = 0; i < h->host_count; i++)
        if (h->hosts[i]->is_dc && h->hosts[i]->chosen)
            health_ask_records(h, h->hosts[i]);
}

/* For each NS record that a server gives: does its host resolve there, and do the addresses that
 * other servers have for our domain controllers belong to them? */
static void follow_answers(mr_health *h) {
    char zone[MR_DNS_NAME_TEXT];

    snprintf(zone, sizeof zone, "_msdcs.%s", h->forest);
    const char *const zones[] = {h->domain, zone};
    for (size_t i = 0; i < h->host_count; i++) {
        const mr_health_host *server = h->hosts[i];
        for (size_t z = 0; server->serves && z < MR_COUNT(zones); z++) {
            const mr_dns_message *m = health_records_of(
                health_find(h, &server->serves->addr, zones[z], MR_DNS_NS));
            for (size_t k = 0; m && k < m->answer_count; k++)
                if (m->answers[k].type == MR_DNS_NS)
                    ask_addresses(h, &server->serves->addr, m->answers[k].u.target);
        }
    }
    for (size_t i = 0; i < h->host_count; i++) {
        mr_health_host *dc = h->hosts[i];
        for (size_t k = 0; dc->is_dc && dc->chosen && k < h->host_count; k++)
            if (h->hosts[k]->serves)
                read_addresses(h, dc, &h->hosts[k]->serves->addr);
        for (size_t k = 0; dc->is_dc && dc->chosen && k < dc->addr_count; k++)
            health_ping(h, &dc->addrs[k]);
    }
}

/* Each address of each NS record: does it hold the zone? Each address where no domain controller
 * answers: whose is it? */
static void follow_delegations(mr_health *h) {
    for (size_t i = 0; i < h->host_count; i++) {
        mr_health_host *dc = h->hosts[i];
        for (size_t k = 0; dc->answers && dc->chosen && k < dc->addr_count; k++)
            if (dc->addrs[k].addr.family == MR_FAMILY_IPV4 && health_is_dead(&dc->addrs[k]))
                health_ask_node(h, &dc->addrs[k]);
    }
    for (struct health_query *q = h->queries; q; q = q->next) {
        const mr_dns_message *m = q->type == MR_DNS_NS && strcmp(q->name, ".") != 0
                                      ? health_records_of(q) : NULL;
        for (size_t k = 0; m && k < m->answer_count; k++) {
            if (m->answers[k].type != MR_DNS_NS)
                continue;
            mr_health_host holder = {.health = h};
            holder.name = m->answers[k].u.target;
            read_addresses(h, &holder, &q->server);
            for (size_t i = 0; i < holder.addr_count; i++)
                (void)health_ask(h, &holder.addrs[i].addr, q->name, MR_DNS_SOA);
        }
    }
}

static void (*const stages[])(mr_health *h) = {
    discover, find_addresses, try_hosts, ask_servers, follow_answers, follow_delegations,
};

/* Goes on while there is nothing to wait for. */
static void go_on(mr_health *h) {
    while (h->open == 0 && !h->over) {
        if (h->stage == MR_COUNT(stages)) {
            h->over = true;
            h->done(h->user, h);
            return;
        }
        stages[h->stage++](h);
    }
}

void health_end_one(mr_health *h) {
    h->open--;
    go_on(h);
}

/* ---- the whole ---- */

int mr_health_new(mr_loop *loop, mr_resolver *resolver, mr_arena *arena,
                  const mr_health_options *options, mr_health **healthp) {
    mr_health *h = MR_ARENA_NEW(arena, mr_health);

    if (!h)
        return MR_ERR_MEMORY;
    h->loop = loop;
    h->resolver = resolver;
    h->arena = arena;
    h->options = *options;
    h->domain = h->forest = options->domain;
    h->queries_tail = &h->queries;
    *healthp = h;
    return 0;
}

int mr_health_start(mr_health *h, void (*done)(void *user, mr_health *health), void *user,
                    mr_error *err) {
    h->done = done;
    h->user = user;
    stages[h->stage++](h);
    if (h->open == 0)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "no memory to look at a domain");
    return 0;
}

void mr_health_free(mr_health *h) {
    if (!h)
        return;
    for (struct health_query *q = h->queries; q; q = q->next)
        mr_dns_query_deinit(&q->query);
    for (struct health_update *u = h->updates; u; u = u->next) {
        mr_datagram_deinit(&u->datagram);
        mr_buf_deinit(&u->request);
    }
    for (size_t i = 0; i < h->host_count; i++) {
        for (size_t k = 0; k < h->hosts[i]->addr_count; k++) {
            mr_dc_ping_deinit(&h->hosts[i]->addrs[k].ping);
            mr_port_probe_deinit(&h->hosts[i]->addrs[k].tcp);
            mr_netbios_deinit(&h->hosts[i]->addrs[k].node);
        }
    }
    h->queries = NULL;
    h->updates = NULL;
}
