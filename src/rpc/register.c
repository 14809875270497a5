/*
 * Registering a server with the endpoint mapper of this machine (C706, rpc_ep_register and
 * ept_insert of appendix O) over its local socket. The mapper keeps the entries as long as the
 * connection stands, so it is kept; when the mapper goes away, it is looked for until it is back.
 */
#include <msrpc/rpc/mapper.h>

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>

#include <stdlib.h>

#include "client_private.h"
#include "server_private.h"

#define ENTRIES_CAP ((size_t)16 << 20)
#define RETRY_DEFAULT MR_SEC
#define TOWER_ROOM 256
#define EPT_INSERT 0

/* What was told last. */
enum told { TOLD_NOTHING, TOLD_REGISTERED, TOLD_NOT };

struct mr_registration {
    mr_server *server;
    mr_register_options options; /* its slices in @arena */
    mr_arena arena;
    mr_arena entries;            /* of the insert under way */
    mr_client *client;           /* NULL between attempts */
    mr_call call;
    bool calling;
    struct mr_epmapper_ept_insert args;
    mr_timer retry;
    enum told told;
    mr_wait *wait;               /* of the _run form, until the first outcome */
};

/* ---- what is told to the mapper ---- */

static bool is_told(const struct mr_server_offer *offer) {
    return offer->served.iface != &mr_mgmt_iface && offer->served.iface != &mr_epmapper_iface;
}

static bool is_open(const mr_server_endpoint *endpoint) {
    return endpoint->listener.watch != NULL;
}

static size_t count_entries(const struct mr_registration *r) {
    size_t count = 0;

    for (const mr_server_endpoint *e = r->server->endpoints; e; e = e->next)
        for (const struct mr_server_offer *o = e->offers; o; o = o->next)
            count += is_open(e) && is_told(o) ? r->options.object_count : 0;
    return count;
}

/* The tower of an interface at an endpoint. An address that no tower can say, and any address, is
 * 0.0.0.0: the one the client asked. */
static mr_epmapper_twr_t *make_tower(struct mr_registration *r, const mr_server_endpoint *endpoint,
                                     const mr_syntax *interface) {
    const mr_addr *local = &endpoint->listener.local;
    bool is_local = local->family == MR_FAMILY_UNIX;
    mr_tower tower = {
        .interface = *interface,
        .transfer = mr_syntax_ndr20,
        .protseq = is_local ? MR_PROTSEQ_NCALRPC : MR_PROTSEQ_NCACN_IP_TCP,
        .port = local->port,
        .endpoint = is_local ? mr_slice_str(endpoint->name) : MR_SLICE_NULL,
    };
    mr_epmapper_twr_t *twr = MR_ARENA_NEW(&r->entries, mr_epmapper_twr_t);
    uint8_t *octets = mr_arena_get_raw(&r->entries, TOWER_ROOM, 1);
    mr_buf buf;

    if (!twr || !octets)
        return NULL;
    if (local->family == MR_FAMILY_IPV4) {
        tower.host_kind = MR_TOWER_HOST_IPV4;
        tower.host = mr_slice_of(local->ip, 4);
    }
    mr_buf_init(&buf, octets, TOWER_ROOM, TOWER_ROOM);
    if (mr_tower_encode(&tower, &buf) != 0)
        return NULL;
    *twr = (mr_epmapper_twr_t){(uint32_t)buf.len, octets};
    return twr;
}

/* Everything the server offers now, into the arguments of the call. 0 or MR_ERR_MEMORY. */
static int make_entries(struct mr_registration *r) {
    size_t count = count_entries(r), n = 0;

    mr_arena_reset(&r->entries);
    mr_epmapper_ept_entry_t *entries = mr_arena_get(&r->entries, count, sizeof *entries);
    if (!entries)
        return MR_ERR_MEMORY;
    for (const mr_server_endpoint *e = r->server->endpoints; e; e = e->next)
        for (const struct mr_server_offer *o = e->offers; o; o = o->next)
            for (size_t i = 0; is_open(e) && is_told(o) && i < r->options.object_count; i++) {
                entries[n].object = r->options.objects[i];
                entries[n].annotation = (uint8_t *)r->options.annotation;
                entries[n].tower = make_tower(r, e, &o->served.iface->syntax);
                if (!entries[n++].tower)
                    return MR_ERR_MEMORY;
            }
    r->args = (struct mr_epmapper_ept_insert){.num_ents = (uint32_t)count, .entries = entries};
    return 0;
}

/* ---- the conversation ---- */

static void tell(struct mr_registration *r, int result, const mr_error *err) {
    enum told now = result ? TOLD_NOT : TOLD_REGISTERED;
    mr_wait *wait = r->wait;

    if (wait) {
        r->wait = NULL;
        r->told = now;
        mr_wait_end(wait, result, err);
        return;
    }
    if (r->told == now)
        return;
    r->told = now;
    if (r->options.changed)
        r->options.changed(r->options.user, r, result, err);
}

static void end_attempt(struct mr_registration *r) {
    if (r->calling)
        mr_call_deinit(&r->call);
    r->calling = false;
    mr_client_free(r->client);
    r->client = NULL;
}

/* This attempt, or what it had achieved, is over; the next one ends it. */
static void fail(struct mr_registration *r, int result, const mr_error *err) {
    mr_error copy = *err;

    mr_timer_set(&r->retry, mr_clock_now() + r->options.retry);
    tell(r, result, &copy);
}

static void on_inserted(void *user, mr_call *call, int result, const mr_error *err) {
    struct mr_registration *r = user;
    mr_error refused = MR_ERROR_INIT;

    (void)call;
    if (!result && r->args.status)
        result = mr_fail_peer(&refused, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_PEER_FAULT,
                              r->args.status, "the endpoint mapper registers nothing: 0x%08x",
                              r->args.status);
    if (result)
        fail(r, result, refused.code ? &refused : err);
    else
        tell(r, 0, err);
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct mr_registration *r = user;
    mr_error local = MR_ERROR_INIT;

    if (result) {
        fail(r, result, err);
        return;
    }
    result = make_entries(r);
    if (result)
        mr_fail(&local, result, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    else
        result = mr_call_init(&r->call, &mr_epmapper_iface, EPT_INSERT, &r->args, &local);
    if (!result) {
        r->calling = true;
        r->call.done = on_inserted;
        r->call.user = r;
        result = mr_call_start(&r->call, client, &local);
    }
    if (result)
        fail(r, result, &local);
}

static void on_closed(void *user, mr_client *client, int result, const mr_error *err) {
    (void)client;
    fail(user, result, err);
}

static int attempt(struct mr_registration *r, mr_error *err) {
    const mr_client_options options = {.connect.path = r->options.socket, .closed = on_closed,
                                       .closed_user = r};

    end_attempt(r);
    int result = mr_client_new(r->server->loop, &options, &r->client, err);
    return result ? result
                  : mr_client_start(r->client, &mr_epmapper_iface.syntax, on_bound, r, err);
}

static void on_retry(void *user) {
    struct mr_registration *r = user;
    mr_error err = MR_ERROR_INIT;
    int result = attempt(r, &err);

    if (result)
        fail(r, result, &err);
}

/* ---- life ---- */

/* Copies what @options point to. */
static bool keep_options(struct mr_registration *r, const mr_register_options *options) {
    size_t count = options->object_count ? options->object_count : 1;
    mr_uuid *objects = mr_arena_get(&r->arena, count, sizeof *objects);

    r->options = *options;
    r->options.socket = mr_arena_add_str(
        &r->arena, mr_slice_str(options->socket ? options->socket : MR_MAPPER_SOCKET));
    r->options.annotation = mr_arena_add_str(&r->arena, mr_slice_str(options->annotation));
    if (!objects || !r->options.socket || !r->options.annotation)
        return false;
    if (options->object_count)
        memcpy(objects, options->objects, count * sizeof *objects);
    r->options.objects = objects;
    r->options.object_count = count;
    if (!r->options.retry)
        r->options.retry = RETRY_DEFAULT;
    return true;
}

int mr_mapper_register(mr_server *server, const mr_register_options *options,
                       mr_registration **registrationp, mr_error *err) {
    struct mr_registration *r = calloc(1, sizeof *r);

    if (!r)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    r->server = server;
    mr_arena_init(&r->arena, ENTRIES_CAP);
    mr_arena_init(&r->entries, ENTRIES_CAP);
    mr_timer_init(&r->retry, server->loop, on_retry, r);
    int result = strlen(options->annotation ? options->annotation : "") >=
                         mr_epmapper_EPT_MAX_ANNOTATION
                     ? mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                               "an annotation has at most %d octets",
                               (int)mr_epmapper_EPT_MAX_ANNOTATION - 1)
                     : 0;
    if (!result && !keep_options(r, options))
        result = mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    if (!result)
        result = attempt(r, err);
    if (result) {
        mr_mapper_unregister(r);
        return result;
    }
    *registrationp = r;
    return 0;
}

int mr_mapper_register_run(mr_server *server, const mr_register_options *options,
                           mr_registration **registrationp, mr_error *err) {
    mr_wait wait = {.loop = server->loop, .err = err};
    mr_registration *r;

    int result = mr_mapper_register(server, options, &r, err);
    if (result)
        return result;
    r->wait = &wait;
    result = mr_wait_run(&wait, 0);
    r->wait = NULL;
    if (result)
        mr_mapper_unregister(r);
    else
        *registrationp = r;
    return result;
}

void mr_mapper_unregister(mr_registration *r) {
    if (!r)
        return;
    end_attempt(r);
    mr_timer_deinit(&r->retry);
    mr_arena_deinit(&r->entries);
    mr_arena_deinit(&r->arena);
    free(r);
}
