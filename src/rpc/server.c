/*
 * The server as a whole: its endpoints, the interfaces offered there, its end (MS-RPCE 3.3.3).
 */
#include "server_private.h"

#include <stdio.h>
#include <stdlib.h>

#define MIB ((size_t)1 << 20)

static void set_defaults(mr_server_options *o) {
    if (!o->max_connections)
        o->max_connections = 4096;
    if (!o->max_per_client)
        o->max_per_client = o->max_connections / 4 ? o->max_connections / 4 : 1;
    if (!o->max_groups)
        o->max_groups = o->max_connections;
    if (!o->max_calls)
        o->max_calls = 64;
    if (!o->max_handles)
        o->max_handles = 256;
    if (!o->stub_cap)
        o->stub_cap = MR_STUB_DEFAULT;
    if (!o->reply_cap)
        o->reply_cap = 16 * MIB;
    if (!o->budget)
        o->budget = 16 * MIB;
    if (!o->group_budget)
        o->group_budget = 32 * MIB;
    if (!o->total)
        o->total = 256 * MIB;
    if (!o->client_budget)
        o->client_budget = o->total / 2;
    if (!o->quantum)
        o->quantum = 256 << 10;
    if (!o->bind_timeout)
        o->bind_timeout = 10 * MR_SEC;
    if (!o->stall_timeout)
        o->stall_timeout = 30 * MR_SEC;
    if (!o->idle_timeout)
        o->idle_timeout = 900 * MR_SEC;
}

void mr_server_set_options(mr_server *server, const mr_server_options *options) {
    unsigned threads = server->options.threads;

    server->options = *options;
    server->options.threads = threads;
    set_defaults(&server->options);
}

int mr_server_new(mr_loop *loop, const mr_server_options *options, mr_server **serverp,
                  mr_error *err) {
    mr_server *server = calloc(1, sizeof *server);

    if (!server)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    if (mr_entropy_get(&server->client_seed, sizeof server->client_seed) < 0) {
        free(server);
        return mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "no randomness");
    }
    server->loop = loop;
    server->options.threads = options->threads;
    mr_server_set_options(server, options);
    server->generation = 1;
    mr_timer_init(&server->large_timer, loop, mr_server_call_free_large, server);
    mr_server_turn_init(server);
    int r = mr_server_work_init(server, err);
    if (r)
        mr_server_free(server);
    else
        *serverp = server;
    return r;
}

static void free_endpoint(mr_server_endpoint *endpoint) {
    mr_listener_deinit(&endpoint->listener);
    while (endpoint->offers) {
        struct mr_server_offer *next = endpoint->offers->next;
        free(endpoint->offers->rows);
        free(endpoint->offers);
        endpoint->offers = next;
    }
    free(endpoint);
}

void mr_server_free(mr_server *server) {
    if (!server)
        return;
    server->drained = NULL;
    if (server->freed)
        *server->freed = true;
    mr_server_work_stop(server);
    while (server->conns)
        mr_server_conn_free(server->conns);
    mr_workers_free(server->doormen);
    /* groups that calls still hold outlive the server */
    for (uint32_t i = 0; i < server->group_size; i++)
        if (server->groups[i])
            mr_server_group_let_go(server->groups[i]);
    while (server->endpoints) {
        mr_server_endpoint *next = server->endpoints->next;
        free_endpoint(server->endpoints);
        server->endpoints = next;
    }
    if (server->mail) {
        mr_server_call_let_go(server);
        mr_server_mail_unref(server->mail);
    }
    mr_timer_deinit(&server->large_timer);
    mr_timer_deinit(&server->turn_timer);
    free(server->groups);
    free(server);
}

/* ---- endpoints ---- */

static void on_accepted(void *user, mr_accepted *accepted) {
    mr_server_conn_accept(user, accepted);
}

static void on_accept_failed(void *user, const mr_error *err) {
    mr_server_notice_peer(user, &(mr_addr){0}, MR_NOTICE_ACCEPT, err->text);
}

static const mr_listener_events listener_events = {.accepted = on_accepted,
                                                   .failed = on_accept_failed};

int mr_server_add_endpoint(mr_server *server, const mr_listen_options *options,
                           mr_server_endpoint **endpointp, mr_error *err) {
    mr_server_endpoint *endpoint = calloc(1, sizeof *endpoint);

    if (!endpoint)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    endpoint->server = server;
    mr_listener_init(&endpoint->listener, server->loop, &listener_events, endpoint);
    int r = mr_listener_open(&endpoint->listener, options, err);
    if (r) {
        free_endpoint(endpoint);
        return r;
    }
    if (options->path) /* of a descriptor, only its name */
        snprintf(endpoint->name, sizeof endpoint->name, "%s", options->path);
    else
        snprintf(endpoint->name, sizeof endpoint->name, "%u", endpoint->listener.local.port);
    if (server->last_endpoint)
        server->last_endpoint->next = endpoint;
    else
        server->endpoints = endpoint;
    server->last_endpoint = endpoint;
    *endpointp = endpoint;
    return 0;
}

void mr_server_endpoint_close(mr_server_endpoint *endpoint) {
    mr_listener_deinit(&endpoint->listener);
}

/* Rows by opnum, for the methods that are compiled. */
static const mr_server_row **index_rows(const mr_server_iface *served) {
    uint32_t count = served->iface->proc_count;
    const mr_server_row **rows = calloc(count ? count : 1, sizeof(*rows));

    for (size_t i = 0; rows && i < served->row_count; i++)
        if (served->rows[i].opnum < count && served->iface->procs[served->rows[i].opnum].args)
            rows[served->rows[i].opnum] = &served->rows[i];
    return rows;
}

int mr_server_add_iface(mr_server_endpoint *endpoint, const mr_server_iface *served,
                        mr_error *err) {
    if (mr_server_find_offer(endpoint, &served->iface->syntax, true))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "%s is offered on %s already", served->iface->name, endpoint->name);
    struct mr_server_offer *offer = calloc(1, sizeof *offer);
    if (offer)
        *offer = (struct mr_server_offer){.served = *served, .rows = index_rows(served)};
    if (!offer || !offer->rows) {
        free(offer);
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    }
    if (endpoint->last_offer)
        endpoint->last_offer->next = offer;
    else
        endpoint->offers = offer;
    endpoint->last_offer = offer;
    return 0;
}

/* The same UUID and major version, and unless @any_minor at least the minor version asked for
 * (C706 12.6.4.3). */
const struct mr_server_offer *mr_server_find_offer(const mr_server_endpoint *endpoint,
                                                   const mr_syntax *syntax, bool any_minor) {
    for (const struct mr_server_offer *offer = endpoint->offers; offer; offer = offer->next) {
        const mr_syntax *have = &offer->served.iface->syntax;
        if (have->major == syntax->major && mr_uuid_eq(&have->uuid, &syntax->uuid))
            return any_minor || have->minor >= syntax->minor ? offer : NULL;
    }
    return NULL;
}

const mr_addr *mr_server_endpoint_get_local(const mr_server_endpoint *endpoint) {
    return &endpoint->listener.local;
}

const char *mr_server_endpoint_get_path(const mr_server_endpoint *endpoint) {
    return endpoint->listener.local.family == MR_FAMILY_UNIX ? endpoint->name : NULL;
}

const mr_server_iface *mr_server_endpoint_get_iface(const mr_server_endpoint *endpoint,
                                                    size_t index) {
    const struct mr_server_offer *offer = endpoint->offers;

    while (offer && index--)
        offer = offer->next;
    return offer ? &offer->served : NULL;
}

mr_server *mr_server_endpoint_get_server(const mr_server_endpoint *endpoint) {
    return endpoint->server;
}

void mr_server_get_stats(const mr_server *server, mr_server_stats *statsp) {
    *statsp = server->stats;
}

/* ---- the end ---- */

void mr_server_conn_ended(mr_server *server) {
    void (*drained)(void *user) = server->drained;

    if (!server->draining || server->conns || !drained)
        return;
    server->drained = NULL;
    drained(server->drained_user);
}

bool mr_server_stop(mr_server *server) {
    if (server->draining)
        return false;
    if (server->options.stop)
        server->options.stop(server->options.stop_user, server);
    else
        mr_server_drain(server, NULL, NULL);
    return true;
}

void mr_server_drain(mr_server *server, void (*done)(void *user), void *user) {
    server->draining = true;
    server->drained = done;
    server->drained_user = user;
    mr_server_call_free_large(server);
    for (mr_server_endpoint *e = server->endpoints; e; e = e->next)
        mr_listener_deinit(&e->listener);
    for (struct mr_server_conn *c = server->conns; c; c = c->next)
        mr_timer_set(&c->timer, mr_clock_now());
    mr_server_conn_ended(server);
}
