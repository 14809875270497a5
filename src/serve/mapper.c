/*
 * The endpoint mapper's interface (C706 appendix O, MS-RPCE 2.2.1.2 and 3.1.1.5) over the registry:
 * its questions. A lookup that is answered whole in its first page ends with status 0 and a null
 * handle, one that went on with its last entries, ept_s_not_registered and a null handle. A full
 * page always has a handle to go on with, so that no error comes with it and a client that asks for
 * an entry at a time and drops what comes with an error (rpcclient) loses nothing. A client that
 * asks for the largest pages there are (impacket) takes any status but 0 for the failure of the
 * whole listing: for it the null handle alone is the end.
 */
#include "mapper_private.h"

#include <msrpc/rpc/mapper.h>

#include <stdlib.h>

const mr_server_handle_type mr_mapper_lookup_handle = {"ept_lookup_handle_t", free};

/* ---- pages ---- */

/* The question that @handle goes on with, or @fresh when it is null; NULL for a handle that is not
 * ours. */
static mr_mapper_db_query *find_query(mr_server_call *call, const mr_ndr_context *handle,
                                      mr_mapper_db_query *fresh) {
    if (mr_ndr_context_is_null(handle))
        return fresh;
    return mr_server_find_handle(call, &mr_mapper_lookup_handle, handle);
}

/* Whether more entries answer the question. */
static bool has_more(mr_mapper_db *db, const mr_mapper_db_query *query) {
    mr_mapper_db_query peek = *query;
    return mr_mapper_db_find(db, &peek) != NULL;
}

int mr_mapper_keep_query(mr_server_call *call, const mr_mapper_db_query *query,
                         mr_ndr_context *handlep) {
    mr_mapper_db_query *kept = malloc(sizeof *kept);

    if (!kept)
        return MR_ERR_MEMORY;
    *kept = *query;
    int r = mr_server_add_handle(call, &mr_mapper_lookup_handle, kept, handlep);
    if (r == MR_ERR_LIMIT) { /* a client that leaves lookups unfinished loses the oldest */
        free(mr_server_remove_oldest_handle(call, &mr_mapper_lookup_handle));
        r = mr_server_add_handle(call, &mr_mapper_lookup_handle, kept, handlep);
    }
    if (r)
        free(kept);
    return r;
}

/* Ends a page of @query: keeps it behind a handle when @more may come, else forgets it. An answer
 * to a fresh question may be kept. 0 or a negative result. */
static int end_page(mr_server_call *call, mr_mapper_db_query *query, bool fresh, bool more,
                    mr_ndr_context *handle) {
    if (fresh)
        mr_mapper_memo_want(call->user, more ? query : NULL);
    if (more)
        return fresh ? mr_mapper_keep_query(call, query, handle) : 0;
    if (!fresh)
        free(mr_server_remove_handle(call, &mr_mapper_lookup_handle, handle));
    return 0;
}

/* The tower of @row for the client that asks, with transfer syntax NDR64 when it wants @ndr64; NULL
 * without memory. What is the same for everybody is borrowed from the row. */
static mr_epmapper_twr_t *make_tower(mr_server_call *call, const mr_mapper_db_row *row,
                                     bool ndr64) {
    mr_slice octets = ndr64 && row->ndr64.len ? row->ndr64 : row->tower;
    mr_epmapper_twr_t *twr = MR_ARENA_NEW(call->arena, mr_epmapper_twr_t);

    if (!twr)
        return NULL;
    twr->tower_length = (uint32_t)octets.len;
    twr->tower_octet_string = (uint8_t *)octets.data;
    if (!row->host_at || call->local.family != MR_FAMILY_IPV4)
        return twr;
    twr->tower_octet_string = mr_arena_get_raw(call->arena, octets.len, 1);
    if (!twr->tower_octet_string)
        return NULL;
    memcpy(twr->tower_octet_string, octets.data, octets.len);
    memcpy(twr->tower_octet_string + row->host_at, call->local.ip, 4);
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
    mr_mapper_db *db = call->user;
    mr_mapper_db_query asked;
    mr_mapper_db_query *query = find_query(call, &args->entry_handle, &asked);
    const mr_mapper_db_row *row;
    uint32_t n = 0;

    if (!query)
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    if (mr_mapper_db_publish(db) != 0)
        return MR_ERR_MEMORY;
    bool sound = read_lookup(args, &asked);
    /* the last page is often empty: no room is cleared for it then */
    uint32_t room = sound && has_more(db, query) ? args->max_ents : 1;
    args->entries = mr_arena_get(call->arena, room, sizeof *args->entries);
    if (!args->entries)
        return MR_ERR_MEMORY;
    if (!sound) {
        args->status = mr_epmapper_EPT_S_CANT_PERFORM_OP;
        return 0;
    }
    for (; n < args->max_ents && (row = mr_mapper_db_find(db, query)) != NULL; n++) {
        args->entries[n].object = row->object;
        args->entries[n].annotation = (uint8_t *)row->annotation;
        args->entries[n].tower = make_tower(call, row, false);
        if (!args->entries[n].tower)
            return MR_ERR_MEMORY;
    }
    args->num_ents = n;
    bool fresh = query == &asked, bulk = args->max_ents >= MR_MAPPER_PAGE;
    bool more = n == args->max_ents && (!bulk || has_more(db, query));
    args->status = more || (fresh ? n > 0 : bulk) ? 0 : mr_epmapper_EPT_S_NOT_REGISTERED;
    return end_page(call, query, fresh, more, &args->entry_handle);
}

/* ---- map ---- */

/* Entries for the object asked for come before those for any (C706 3.1.20, appendix O). */
static bool read_map(mr_mapper_db *db, const struct mr_epmapper_ept_map *args,
                     const mr_tower *tower, mr_mapper_db_query *queryp) {
    *queryp = (mr_mapper_db_query){
        .inquiry = MR_INQUIRY_BOTH,
        .vers = MR_VERS_COMPATIBLE,
        .interface = tower->interface,
        .protseq = tower->protseq,
        .ndr20 = mr_syntax_eq(&tower->transfer, &mr_syntax_ndr20),
        .ndr64 = mr_syntax_eq(&tower->transfer, &mr_syntax_ndr64),
    };
    if (args->object)
        queryp->object = *args->object;
    if (!has_more(db, queryp))
        queryp->object = MR_UUID_NIL;
    return (queryp->ndr20 || queryp->ndr64) && tower->protseq != MR_PROTSEQ_UNKNOWN;
}

static int map(mr_server_call *call, struct mr_epmapper_ept_map *args) {
    mr_mapper_db *db = call->user;
    mr_mapper_db_query asked;
    mr_mapper_db_query *query = find_query(call, &args->entry_handle, &asked);
    const mr_mapper_db_row *row;
    mr_tower tower = {0};
    uint32_t n = 0;

    if (!query)
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    args->towers = mr_arena_get(call->arena, args->max_towers, sizeof *args->towers);
    if (!args->towers || mr_mapper_db_publish(db) != 0)
        return MR_ERR_MEMORY;
    if (args->max_towers == 0 || !args->map_tower ||
        mr_tower_decode(mr_slice_of(args->map_tower->tower_octet_string,
                                    args->map_tower->tower_length), &tower, NULL) != 0) {
        args->status = mr_epmapper_EPT_S_CANT_PERFORM_OP;
        return 0;
    }
    if (!read_map(db, args, &tower, &asked)) {
        args->status = mr_epmapper_EPT_S_NOT_REGISTERED;
        return 0;
    }
    for (; n < args->max_towers && (row = mr_mapper_db_find(db, query)) != NULL; n++)
        if (!(args->towers[n] = make_tower(call, row, query->ndr64)))
            return MR_ERR_MEMORY;
    args->num_towers = n;
    args->status = n ? 0 : mr_epmapper_EPT_S_NOT_REGISTERED;
    return end_page(call, query, query == &asked, n == args->max_towers && has_more(db, query),
                    &args->entry_handle);
}

/* ---- the rest ---- */

static int lookup_handle_free(mr_server_call *call,
                              struct mr_epmapper_ept_lookup_handle_free *args) {
    if (mr_ndr_context_is_null(&args->entry_handle))
        return 0;
    void *query = mr_server_remove_handle(call, &mr_mapper_lookup_handle, &args->entry_handle);
    if (!query)
        return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
    free(query);
    return 0;
}

static int inq_object(mr_server_call *call, struct mr_epmapper_ept_inq_object *args) {
    args->ept_object = ((const mr_mapper_db *)call->user)->object;
    return 0;
}

static const struct mr_epmapper_iface_server bodies = {
    .ept_insert = mr_mapper_insert,
    .ept_delete = mr_mapper_delete,
    .ept_lookup = lookup,
    .ept_map = map,
    .ept_lookup_handle_free = lookup_handle_free,
    .ept_inq_object = inq_object,
    .ept_mgmt_delete = mr_mapper_mgmt_delete,
};

int mr_serve_add_mapper(mr_server_endpoint *endpoint, mr_mapper_db *db, mr_error *err) {
    const mr_server_iface served = {&mr_epmapper_iface, mr_epmapper_iface_rows,
                                    MR_COUNT(mr_epmapper_iface_rows), &bodies, db,
                                    &mr_mapper_memo, MR_SERVE_MAPPER_ACCESS};
    return mr_server_add_iface(endpoint, &served, err);
}
