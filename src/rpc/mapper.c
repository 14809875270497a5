/*
 * The endpoint mapper's client (C706 appendix O, MS-RPCE 3.3.2.4): ept_lookup page by page and
 * ept_map, over a bound client. Each page's towers are decoded into entries at once, so that the
 * reply can be forgotten.
 */
#include <msrpc/rpc/mapper.h>

#include <stdlib.h>

#include <msrpc/ifaces/epmapper.h>

#include "client_private.h"

#define ENTRIES_CAP ((size_t)256 << 20)
#define MAP_TOWERS 64   /* towers asked for by ept_map */
#define EMPTY_PAGES_MAX 2 /* a server that hands out nothing under a live handle is at its end */

struct mr_mapper_state {
    mr_call call;
    mr_mapper_query query;
    mr_uuid object;
    mr_epmapper_rpc_if_id_t if_id;
    mr_epmapper_twr_t tower;
    uint8_t tower_octets[256];
    union {
        struct mr_epmapper_ept_lookup lookup;
        struct mr_epmapper_ept_map map;
    } args;
    mr_call free_call; /* nobody waits for it */
    struct mr_epmapper_ept_lookup_handle_free free_args;
    bool freeing;
    bool busy;
    unsigned empty;
    size_t size; /* entries allocated */
    mr_wait *wait; /* of the _run form; NULL: mapper->done is told */
};

enum { EPT_LOOKUP = 2, EPT_MAP = 3, EPT_LOOKUP_HANDLE_FREE = 4 }; /* opnums */

static const mr_iface *const epmapper = &mr_epmapper_iface;

int mr_mapper_init(mr_mapper *mapper, mr_client *client, mr_slice host, mr_error *err) {
    *mapper = (mr_mapper){.client = client};
    mr_arena_init(&mapper->arena, ENTRIES_CAP);
    mapper->state = calloc(1, sizeof *mapper->state);
    mapper->host.data = (const uint8_t *)mr_arena_add_str(&mapper->arena, host);
    mapper->host.len = host.len;
    if (mapper->state && mapper->host.data)
        return 0;
    mr_mapper_deinit(mapper);
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
}

void mr_mapper_deinit(mr_mapper *mapper) {
    struct mr_mapper_state *s = mapper->state;

    if (s && s->busy)
        mr_call_deinit(&s->call);
    if (s && s->freeing)
        mr_call_deinit(&s->free_call);
    free(s);
    mr_arena_deinit(&mapper->arena);
    *mapper = (mr_mapper){0};
}

/* ---- entries ---- */

static mr_slice keep(mr_mapper *mapper, mr_slice s, bool *failed) {
    char *copy = mr_arena_add_str(&mapper->arena, s);
    *failed |= !copy;
    return mr_slice_of(copy, copy ? s.len : 0);
}

static bool is_unspecified(const mr_tower *tower) {
    static const uint8_t zero[16];

    switch (tower->host_kind) {
    case MR_TOWER_HOST_NONE:
        return tower->has_port;
    case MR_TOWER_HOST_IPV4:
    case MR_TOWER_HOST_IPV6:
        return memcmp(tower->host.data, zero, tower->host.len) == 0;
    case MR_TOWER_HOST_NAME:
        return false;
    }
    return false;
}

/* What the tower says, as texts; a tower that cannot be read leaves only its octets. */
static void read_tower(mr_mapper *mapper, mr_mapper_entry *entry, bool *failed) {
    mr_tower tower;
    mr_binding binding;

    if (mr_tower_decode(entry->tower, &tower, NULL) != 0) {
        entry->tower_bad = true;
        return;
    }
    entry->interface = tower.interface;
    entry->transfer = tower.transfer;
    entry->protseq = tower.protseq;
    entry->port = tower.has_port ? tower.port : 0;
    entry->protseq_text = mr_slice_str(mr_protseq_name(tower.protseq));
    int r = mr_tower_get_binding(&tower, &mapper->arena, &binding);
    if (r == 0) {
        entry->endpoint = binding.endpoint;
        entry->host = binding.host;
    } else if (r == MR_ERR_MEMORY) {
        *failed = true;
    }
    if (is_unspecified(&tower)) {
        entry->host = mapper->host;
        entry->host_substituted = true;
    }
}

static mr_mapper_entry *add_entry(mr_mapper *mapper) {
    struct mr_mapper_state *s = mapper->state;

    if (mapper->count == s->size) {
        size_t size = s->size ? s->size * 2 : 64;
        mr_mapper_entry *grown = mr_arena_get(&mapper->arena, size, sizeof *grown);
        if (!grown)
            return NULL;
        if (mapper->count)
            memcpy(grown, mapper->entries, mapper->count * sizeof *grown);
        mapper->entries = grown;
        s->size = size;
    }
    return &mapper->entries[mapper->count++];
}

static int take_tower(mr_mapper *mapper, const mr_epmapper_twr_t *tower, const mr_uuid *object,
                      mr_slice annotation) {
    mr_mapper_entry *entry = add_entry(mapper);
    bool failed = false;

    if (!entry)
        return MR_ERR_MEMORY;
    *entry = (mr_mapper_entry){.object = *object, .tower_bad = !tower};
    entry->annotation = keep(mapper, annotation, &failed);
    if (tower) {
        entry->tower = keep(mapper, mr_slice_of(tower->tower_octet_string, tower->tower_length),
                            &failed);
        read_tower(mapper, entry, &failed);
    }
    return failed ? MR_ERR_MEMORY : 0;
}

/* ---- the conversation ---- */

static void finish(mr_mapper *mapper, int result, const mr_error *err) {
    mr_wait *wait = mapper->state->wait;

    if (wait) {
        mr_wait_end(wait, result, err);
    } else if (mapper->done) {
        mapper->done(mapper->user, mapper, result, err);
    }
}

/* Gives the server its lookup handle back; the answer is nobody's business. */
static void free_handle(mr_mapper *mapper, const mr_ndr_context *handle) {
    struct mr_mapper_state *s = mapper->state;

    if (s->freeing && !s->free_call.client) { /* of an earlier question, answered by now */
        mr_call_deinit(&s->free_call);
        s->freeing = false;
    }
    if (mr_ndr_context_is_null(handle) || s->freeing)
        return;
    s->free_args.entry_handle = *handle;
    if (mr_call_init(&s->free_call, epmapper, EPT_LOOKUP_HANDLE_FREE,
                     &s->free_args, NULL) != 0)
        return;
    s->freeing = true;
    mr_call_start(&s->free_call, mapper->client, NULL);
    s->freeing = s->free_call.client != NULL;
    if (!s->freeing)
        mr_call_deinit(&s->free_call);
}

static int start_call(mr_mapper *mapper, uint32_t opnum, void *args,
                      void (*done)(void *, mr_call *, int, const mr_error *), mr_error *err) {
    struct mr_mapper_state *s = mapper->state;

    if (s->busy)
        mr_call_deinit(&s->call);
    s->busy = false;
    int r = mr_call_init(&s->call, epmapper, opnum, args, err);
    if (r)
        return r;
    s->busy = true;
    s->call.done = done;
    s->call.user = mapper;
    return mr_call_start(&s->call, mapper->client, err);
}

static void on_page(void *user, mr_call *call, int result, const mr_error *err);

static int ask_page(mr_mapper *mapper, const mr_ndr_context *handle, mr_error *err) {
    struct mr_mapper_state *s = mapper->state;
    const mr_mapper_query *q = &s->query;
    struct mr_epmapper_ept_lookup *args = &s->args.lookup;
    bool by_iface = q->inquiry == MR_INQUIRY_IFACE || q->inquiry == MR_INQUIRY_BOTH;
    bool by_object = q->inquiry == MR_INQUIRY_OBJECT || q->inquiry == MR_INQUIRY_BOTH;

    s->if_id = (mr_epmapper_rpc_if_id_t){.uuid = q->interface.uuid,
                                         .vers_major = q->interface.major,
                                         .vers_minor = q->interface.minor};
    *args = (struct mr_epmapper_ept_lookup){
        .inquiry_type = q->inquiry,
        .object = by_object ? &s->query.object : NULL,
        .interface_id = by_iface ? &s->if_id : NULL,
        .vers_option = q->vers ? q->vers : MR_VERS_ALL,
        .entry_handle = *handle,
        .max_ents = q->page ? q->page : MR_MAPPER_PAGE,
    };
    return start_call(mapper, EPT_LOOKUP, args, on_page, err);
}

static int take_page(mr_mapper *mapper, const struct mr_epmapper_ept_lookup *args) {
    for (uint32_t i = 0; i < args->num_ents; i++) {
        const mr_epmapper_ept_entry_t *e = &args->entries[i];
        if (mapper->count == MR_MAPPER_ENTRIES_MAX) {
            mapper->cut = true;
            return 0;
        }
        int r = take_tower(mapper, e->tower, &e->object, mr_slice_str((const char *)e->annotation));
        if (r)
            return r;
    }
    return 0;
}

static void on_page(void *user, mr_call *call, int result, const mr_error *failure) {
    mr_mapper *mapper = user;
    struct mr_mapper_state *s = mapper->state;
    struct mr_epmapper_ept_lookup *args = &s->args.lookup;
    mr_error err = *failure;

    if (result) {
        mapper->fault = call->fault;
        finish(mapper, result, &err);
        return;
    }
    mapper->calls++;
    mapper->status = args->status;
    s->empty = args->num_ents ? 0 : s->empty + 1;
    mr_ndr_context handle = args->entry_handle;
    bool more = args->status == 0 && !mr_ndr_context_is_null(&handle) &&
                s->empty < EMPTY_PAGES_MAX;
    bool known = args->status == 0 || args->status == MR_EPT_NOT_REGISTERED;
    result = take_page(mapper, args);
    if (result) {
        mr_fail(&err, result, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "the mapper's entries do not fit");
    } else if (!known) {
        result = mr_fail_peer(&err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_PEER_FAULT, args->status,
                              "the endpoint mapper ended its list with status 0x%08x",
                              args->status);
    } else if (more && !mapper->cut) {
        result = ask_page(mapper, &handle, &err);
        if (!result)
            return;
    }
    free_handle(mapper, &handle);
    finish(mapper, result, &err);
}

/* A new question: what the last one found is forgotten. */
static void forget(mr_mapper *mapper) {
    mapper->count = 0;
    mapper->calls = 0;
    mapper->status = 0;
    mapper->fault = 0;
    mapper->cut = false;
    mapper->state->empty = 0;
}

int mr_mapper_lookup(mr_mapper *mapper, const mr_mapper_query *query, mr_error *err) {
    forget(mapper);
    mapper->state->query = *query;
    return ask_page(mapper, &(mr_ndr_context){0}, err);
}

/* ---- ept_map ---- */

static void on_mapped(void *user, mr_call *call, int result, const mr_error *failure) {
    mr_mapper *mapper = user;
    struct mr_mapper_state *s = mapper->state;
    struct mr_epmapper_ept_map *args = &s->args.map;
    mr_error err = *failure;

    if (result) {
        mapper->fault = call->fault;
        finish(mapper, result, &err);
        return;
    }
    mapper->calls++;
    mapper->status = args->status;
    for (uint32_t i = 0; !result && i < args->num_towers; i++)
        if (args->towers[i])
            result = take_tower(mapper, args->towers[i], &s->object, MR_SLICE_NULL);
    if (result)
        mr_fail(&err, result, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "the mapper's answer does not fit");
    else if (mapper->count == 0 && (args->status == 0 || args->status == MR_EPT_NOT_REGISTERED))
        result = mr_fail_peer(&err, MR_ERR_NOT_REGISTERED, MR_FLOOR_RPC, MR_PEER_FAULT,
                              args->status, "the endpoint mapper does not know the interface");
    else if (mapper->count == 0)
        result = mr_fail_peer(&err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_PEER_FAULT, args->status,
                              "the endpoint mapper answered with status 0x%08x", args->status);
    free_handle(mapper, &args->entry_handle);
    finish(mapper, result, &err);
}

int mr_mapper_map(mr_mapper *mapper, const mr_syntax *interface, const mr_uuid *object,
                  enum mr_protseq protseq, mr_error *err) {
    struct mr_mapper_state *s = mapper->state;
    const mr_tower question = {
        .interface = *interface,
        .transfer = mr_syntax_ndr20,
        .protseq = protseq,
        .has_port = true,
    };
    mr_buf octets;

    forget(mapper);
    mr_buf_init(&octets, s->tower_octets, sizeof s->tower_octets, sizeof s->tower_octets);
    int r = mr_tower_encode(&question, &octets);
    if (r)
        return mr_fail(err, r, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "no tower can be made for protocol sequence %s", mr_protseq_name(protseq));
    s->tower.tower_length = (uint32_t)octets.len;
    s->tower.tower_octet_string = s->tower_octets;
    s->object = object ? *object : MR_UUID_NIL;
    s->args.map = (struct mr_epmapper_ept_map){
        .object = &s->object,
        .map_tower = &s->tower,
        .max_towers = MAP_TOWERS,
    };
    return start_call(mapper, EPT_MAP, &s->args.map, on_mapped, err);
}

/* ---- waiting ---- */

int mr_mapper_lookup_run(mr_mapper *mapper, const mr_mapper_query *query, mr_error *err) {
    mr_wait wait = {.loop = mapper->client->loop, .err = err};

    mapper->state->wait = &wait;
    int r = mr_wait_run(&wait, mr_mapper_lookup(mapper, query, err));
    mapper->state->wait = NULL;
    return r;
}

int mr_mapper_map_run(mr_mapper *mapper, const mr_syntax *interface, const mr_uuid *object,
                      enum mr_protseq protseq, mr_error *err) {
    mr_wait wait = {.loop = mapper->client->loop, .err = err};

    mapper->state->wait = &wait;
    int r = mr_wait_run(&wait, mr_mapper_map(mapper, interface, object, protseq, err));
    mapper->state->wait = NULL;
    return r;
}

/* The first endpoint among those that were mapped which a TCP client can go to. */
static int choose_port(const mr_mapper *mapper, uint16_t *portp, mr_error *err) {
    for (size_t i = 0; i < mapper->count; i++)
        if (mapper->entries[i].port) {
            *portp = mapper->entries[i].port;
            return 0;
        }
    return mr_fail(err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                   "the endpoint mapper names no TCP port");
}

int mr_mapper_find_run(mr_loop *loop, const mr_addr *address, const mr_syntax *interface,
                       mr_addr *remotep, mr_error *err) {
    mr_client_options options = {.connect.remote = *address};
    mr_client *client = NULL;
    mr_mapper mapper = {0};
    char host[MR_ADDR_TEXT];
    uint16_t port = 0;

    int r = mr_client_new(loop, &options, &client, err);
    if (!r)
        r = mr_client_open(client, &mr_epmapper_iface.syntax, err);
    if (!r)
        r = mr_mapper_init(&mapper, client, mr_slice_str(mr_addr_text(address, host)), err);
    if (!r)
        r = mr_mapper_map_run(&mapper, interface, NULL, MR_PROTSEQ_NCACN_IP_TCP, err);
    if (!r)
        r = choose_port(&mapper, &port, err);
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    if (!r) {
        *remotep = *address;
        remotep->port = port;
    }
    return r;
}
