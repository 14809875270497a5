/*
 * The endpoint mapper's interface (C706 appendix O, MS-RPCE 2.2.1.2 and 3.1.1.5) over the registry.
 * A page of a lookup that has room left is the last one: status 0 and a null handle. A full one has
 * a handle to go on with; when nothing is left behind it, the next answer is empty, with
 * ept_s_not_registered. So no client meets an error together with entries, and one that asks for an
 * entry at a time and waits for the error (rpcclient) comes to its end.
 */
#include <msrpc/ifaces/epmapper_server.h>
#include <msrpc/serve.h>

#include <stdlib.h>

#define STATUS_ACCESS_DENIED 5u /* RPC_S_ACCESS_DENIED */

/* What a lookup handle stands for: a question and how far it was answered. */
static const mr_server_handle_type lookup_handle = {"ept_lookup_handle_t", free};

/* ---- pages ---- */

/* The question that @handle goes on with, or @fresh when it is null; NULL for a handle that is not
 * ours. */
static mr_mapper_db_query *find_query(mr_server_call *call, const mr_ndr_context *handle,
                                      mr_mapper_db_query *fresh) {
    if (mr_ndr_context_is_null(handle))
        return fresh;
    return mr_server_find_handle(call, &lookup_handle, handle);
}

/* Whether more entries answer the question. */
static bool has_more(const mr_mapper_db *db, const mr_mapper_db_query *query) {
    mr_mapper_db_query peek = *query;
    return mr_mapper_db_find(db, &peek) != NULL;
}

/* Ends a page of @count: keeps the question behind a handle when @more may come, else forgets it.
 * Returns the status. */
static uint32_t end_page(mr_server_call *call, mr_mapper_db_query *query, bool fresh,
                         uint32_t count, bool more, mr_ndr_context *handle) {
    if (!more) {
        if (!fresh)
            free(mr_server_remove_handle(call, &lookup_handle, handle));
        return count ? 0 : mr_epmapper_EPT_S_NOT_REGISTERED;
    }
    if (!fresh)
        return 0;
    mr_mapper_db_query *kept = malloc(sizeof *kept);
    if (kept)
        *kept = *query;
    if (!kept || mr_server_add_handle(call, &lookup_handle, kept, handle) != 0) {
        free(kept);
        return mr_epmapper_EPT_S_CANT_PERFORM_OP;
    }
    return 0;
}

/* The tower of @entry for the client that asks; NULL without memory. */
static mr_epmapper_twr_t *make_tower(mr_server_call *call, const mr_mapper_db_entry *entry,
                                     const mr_syntax *transfer) {
    uint8_t array[MR_TOWER_SIZE_MAX];
    mr_buf buf;
    const mr_addr *host = mr_addr_is_any(&entry->host) ? &call->local : &entry->host;
    mr_tower tower = {
        .interface = entry->interface,
        .transfer = *transfer,
        .protseq = entry->protseq,
        .port = entry->port,
        .endpoint = mr_slice_str(entry->endpoint),
    };

    if (!entry->endpoint && host->family == MR_FAMILY_IPV4) {
        tower.host_kind = MR_TOWER_HOST_IPV4;
        tower.host = mr_slice_of(host->ip, 4);
    }
    mr_buf_init(&buf, array, sizeof array, sizeof array);
    mr_epmapper_twr_t *twr = MR_ARENA_NEW(call->arena, mr_epmapper_twr_t);
    if (!twr || mr_tower_encode(&tower, &buf) != 0)
        return NULL;
    twr->tower_length = (uint32_t)buf.len;
    twr->tower_octet_string = mr_arena_get_raw(call->arena, buf.len, 1);
    if (!twr->tower_octet_string)
        return NULL;
    memcpy(twr->tower_octet_string, buf.data, buf.len);
    return twr;
}

/* ---- lookup ---- */

static bool read_lookup(const struct mr_epmapper_ept_lookup *args, mr_mapper_db_query *queryp) {
    if (args->max_ents == 0 || args->inquiry_type > MR_INQUIRY_BOTH)
        return false;
    *queryp = (mr_mapper_db_query){.inquiry = (enum mr_inquiry)args->inquiry_type};
    if (args->object)
        queryp->object = *args->object;
    if (queryp->inquiry != MR_INQUIRY_IFACE && queryp->inquiry != MR_INQUIRY_BOTH)
        return true;
    if (!args->interface_id || args->vers_option < MR_VERS_ALL || args->vers_option > MR_VERS_UPTO)
        return false;
    queryp->vers = (enum mr_vers_option)args->vers_option;
    queryp->interface = (mr_syntax){args->interface_id->uuid, args->interface_id->vers_major,
                                    args->interface_id->vers_minor};
    return true;
}

static int lookup(mr_server_call *call, struct mr_epmapper_ept_lookup *args) {
    mr_mapper_db_query asked;
    mr_mapper_db_query *query = find_query(call, &args->entry_handle, &asked);
    const mr_mapper_db_entry *entry;
    uint32_t n = 0;

    if (!query)
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    args->entries = mr_arena_get(call->arena, args->max_ents, sizeof *args->entries);
    if (!args->entries)
        return MR_ERR_MEMORY;
    if (!read_lookup(args, &asked)) {
        args->status = mr_epmapper_EPT_S_CANT_PERFORM_OP;
        return 0;
    }
    for (; n < args->max_ents && (entry = mr_mapper_db_find(call->user, query)) != NULL; n++) {
        args->entries[n].object = entry->object;
        args->entries[n].annotation =
            (uint8_t *)mr_arena_add_str(call->arena, mr_slice_str(entry->annotation));
        args->entries[n].tower = make_tower(call, entry, &mr_syntax_ndr20);
        if (!args->entries[n].tower || !args->entries[n].annotation)
            return MR_ERR_MEMORY;
    }
    args->num_ents = n;
    args->status = end_page(call, query, query == &asked, n, n == args->max_ents,
                            &args->entry_handle);
    return 0;
}

/* ---- map ---- */

/* Entries for the object asked for come before those for any (C706 3.1.20, appendix O). */
static bool read_map(const mr_mapper_db *db, const struct mr_epmapper_ept_map *args,
                     const mr_tower *tower, mr_mapper_db_query *queryp) {
    bool known = mr_syntax_eq(&tower->transfer, &mr_syntax_ndr20) ||
                 mr_syntax_eq(&tower->transfer, &mr_syntax_ndr64);

    *queryp = (mr_mapper_db_query){
        .inquiry = MR_INQUIRY_BOTH,
        .vers = MR_VERS_COMPATIBLE,
        .interface = tower->interface,
        .protseq = tower->protseq,
    };
    if (args->object)
        queryp->object = *args->object;
    if (!has_more(db, queryp))
        queryp->object = MR_UUID_NIL;
    return known && tower->protseq != MR_PROTSEQ_UNKNOWN;
}

static int map(mr_server_call *call, struct mr_epmapper_ept_map *args) {
    mr_mapper_db_query asked;
    mr_mapper_db_query *query = find_query(call, &args->entry_handle, &asked);
    const mr_mapper_db_entry *entry;
    mr_tower tower = {0};
    uint32_t n = 0;

    if (!query)
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    args->towers = mr_arena_get(call->arena, args->max_towers, sizeof *args->towers);
    if (!args->towers)
        return MR_ERR_MEMORY;
    if (args->max_towers == 0 || !args->map_tower ||
        mr_tower_decode(mr_slice_of(args->map_tower->tower_octet_string,
                                    args->map_tower->tower_length), &tower, NULL) != 0) {
        args->status = mr_epmapper_EPT_S_CANT_PERFORM_OP;
        return 0;
    }
    if (!read_map(call->user, args, &tower, &asked)) {
        args->status = mr_epmapper_EPT_S_NOT_REGISTERED;
        return 0;
    }
    for (; n < args->max_towers && (entry = mr_mapper_db_find(call->user, query)) != NULL; n++)
        if (!(args->towers[n] = make_tower(call, entry, &tower.transfer)))
            return MR_ERR_MEMORY;
    args->num_towers = n;
    args->status = end_page(call, query, query == &asked, n,
                            n == args->max_towers && has_more(call->user, query),
                            &args->entry_handle);
    return 0;
}

/* ---- the rest ---- */

static int lookup_handle_free(mr_server_call *call,
                              struct mr_epmapper_ept_lookup_handle_free *args) {
    if (mr_ndr_context_is_null(&args->entry_handle))
        return 0;
    void *query = mr_server_remove_handle(call, &lookup_handle, &args->entry_handle);
    if (!query)
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    free(query);
    return 0;
}

static int inq_object(mr_server_call *call, struct mr_epmapper_ept_inq_object *args) {
    args->ept_object = ((const mr_mapper_db *)call->user)->object;
    return 0;
}

/* Registering is for this machine's own processes (MS-RPCE 3.1.1.5.4). */
static int insert(mr_server_call *call, struct mr_epmapper_ept_insert *args) {
    (void)call;
    args->status = STATUS_ACCESS_DENIED;
    return 0;
}

static int delete(mr_server_call *call, struct mr_epmapper_ept_delete *args) {
    (void)call;
    args->status = STATUS_ACCESS_DENIED;
    return 0;
}

static int mgmt_delete(mr_server_call *call, struct mr_epmapper_ept_mgmt_delete *args) {
    (void)call;
    args->status = STATUS_ACCESS_DENIED;
    return 0;
}

static const struct mr_epmapper_iface_server bodies = {
    .ept_insert = insert,
    .ept_delete = delete,
    .ept_lookup = lookup,
    .ept_map = map,
    .ept_lookup_handle_free = lookup_handle_free,
    .ept_inq_object = inq_object,
    .ept_mgmt_delete = mgmt_delete,
};

int mr_serve_add_mapper(mr_server_endpoint *endpoint, mr_mapper_db *db, mr_error *err) {
    const mr_server_iface served = {&mr_epmapper_iface, mr_epmapper_iface_rows,
                                    MR_COUNT(mr_epmapper_iface_rows), &bodies, db};
    return mr_server_add_iface(endpoint, &served, err);
}
