/*
 * Registering with the mapper (C706 appendix O: ept_insert, ept_delete, ept_mgmt_delete). It is for
 * processes of this machine that run as root or as the mapper's own user, over a local socket that
 * tells who they are; everybody else is denied (MS-RPCE 3.1.1.5). What a process registers lives
 * with its association group: it is run down when the last connection closes, so that the entries
 * of a process that dies disappear with it.
 */
#include "mapper_private.h"

#include <stdlib.h>

/* Kept with the association group; no client knows its handle. */
struct mr_mapper_registration {
    mr_mapper_owner owner; /* first: rows point to it */
    mr_mapper_db *db;      /* NULL once the registry is gone */
    struct mr_mapper_registration *next, *prev;
};

static void run_down(void *object) {
    struct mr_mapper_registration *r = object;

    if (r->db) {
        mr_mapper_db_remove_owner(r->db, &r->owner);
        if (r->prev)
            r->prev->next = r->next;
        else
            r->db->registrations = r->next;
        if (r->next)
            r->next->prev = r->prev;
    }
    free(r);
}

static const mr_server_handle_type registration_type = {"registration", run_down};

void mr_mapper_db_forget_registrations(mr_mapper_db *db) {
    for (struct mr_mapper_registration *r = db->registrations; r; r = r->next)
        r->db = NULL;
    db->registrations = NULL;
}

/* Who calls, when he may change the registry. */
static bool may_change(const mr_server_call *call, mr_credentials *credp) {
    mr_server_peer peer;

    mr_server_call_get_peer(call, &peer);
    *credp = peer.cred;
    return peer.protseq == MR_PROTSEQ_NCALRPC && peer.cred.known && peer.cred.trusted;
}

/* The group's registration, made if it has none. */
static int get_registration(mr_server_call *call, const mr_credentials *cred,
                            struct mr_mapper_registration **rp) {
    struct mr_mapper_registration *r = mr_server_find_object(call, &registration_type);
    mr_mapper_db *db = call->user;
    mr_ndr_context unused;

    if (!r) {
        r = calloc(1, sizeof *r);
        if (!r)
            return MR_ERR_MEMORY;
        *r = (struct mr_mapper_registration){.owner = {cred->pid, cred->uid}};
        int result = mr_server_add_handle(call, &registration_type, r, &unused);
        if (result == MR_ERR_LIMIT) {
            free(mr_server_remove_oldest_handle(call, &mr_mapper_lookup_handle));
            result = mr_server_add_handle(call, &registration_type, r, &unused);
        }
        if (result) {
            free(r);
            return result;
        }
        r->db = db;
        r->next = db->registrations;
        if (r->next)
            r->next->prev = r;
        db->registrations = r;
    }
    *rp = r;
    return 0;
}

static mr_slice slice_of(const mr_epmapper_twr_t *tower) {
    return tower ? mr_slice_of(tower->tower_octet_string, tower->tower_length) : MR_SLICE_NULL;
}

int mr_mapper_insert(mr_server_call *call, struct mr_epmapper_ept_insert *args) {
    struct mr_mapper_registration *registration;
    mr_mapper_db_tower *towers;
    mr_credentials cred;

    if (!may_change(call, &cred))
        return mr_server_fault(call, MR_FAULT_ACCESS_DENIED);
    int r = get_registration(call, &cred, &registration);
    if (r)
        return r;
    towers = mr_arena_get(call->arena, args->num_ents, sizeof *towers);
    if (!towers)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < args->num_ents; i++)
        towers[i] = (mr_mapper_db_tower){
            .object = args->entries[i].object,
            .tower = slice_of(args->entries[i].tower),
            .annotation = mr_slice_str((const char *)args->entries[i].annotation),
        };
    r = mr_mapper_db_insert(call->user, &registration->owner, towers, args->num_ents,
                            args->replace != 0, NULL);
    if (r == MR_ERR_MEMORY)
        return r;
    args->status = r ? mr_epmapper_EPT_S_CANT_PERFORM_OP : 0;
    return 0;
}

int mr_mapper_delete(mr_server_call *call, struct mr_epmapper_ept_delete *args) {
    mr_credentials cred;

    if (!may_change(call, &cred))
        return mr_server_fault(call, MR_FAULT_ACCESS_DENIED);
    const mr_mapper_owner who = {cred.pid, cred.uid};
    for (uint32_t i = 0; i < args->num_ents; i++)
        if (!mr_mapper_db_remove(call->user, &who, false, &args->entries[i].object,
                                 slice_of(args->entries[i].tower)))
            args->status = mr_epmapper_EPT_S_NOT_REGISTERED;
    return 0;
}

/* Root may clean up after anybody; others after themselves. */
int mr_mapper_mgmt_delete(mr_server_call *call, struct mr_epmapper_ept_mgmt_delete *args) {
    mr_credentials cred;

    if (!may_change(call, &cred))
        return mr_server_fault(call, MR_FAULT_ACCESS_DENIED);
    const mr_mapper_owner who = {cred.pid, cred.uid};
    if (args->object_speced && !args->object)
        args->status = mr_epmapper_EPT_S_CANT_PERFORM_OP;
    else if (!mr_mapper_db_remove(call->user, &who, cred.uid == 0,
                                  args->object_speced ? args->object : NULL,
                                  slice_of(args->tower)))
        args->status = mr_epmapper_EPT_S_NOT_REGISTERED;
    return 0;
}
