/*
 * Association groups and context handles (C706 9.3.1, 6.1.6; MS-RPCE 3.3.3.4). A group lives while
 * a connection or a call is in it; what is left of its handles is run down when it dies, each
 * once. A handle names a slot, how often the slot was used, and eight octets of the group that
 * nobody can guess.
 */
#include "server_private.h"

#include <stdlib.h>

#define GROUPS_FIRST 16u
#define HANDLES_FIRST 8u

/* ---- groups ---- */

/* Group numbers are 20 bits of place + 1 and 12 bits that change with every use. */
static uint32_t place_of(uint32_t id) {
    return (id & MR_SERVER_GROUPS_MAX) - 1;
}

static bool grow_groups(mr_server *server) {
    uint32_t size = server->group_size ? server->group_size * 2 : GROUPS_FIRST;

    if (size > MR_SERVER_GROUPS_MAX)
        return false;
    struct mr_server_group **groups = realloc(server->groups, size * sizeof(*groups));
    if (!groups)
        return false;
    for (uint32_t i = server->group_size; i < size; i++)
        groups[i] = NULL;
    server->group_next = server->group_size;
    server->groups = groups;
    server->group_size = size;
    return true;
}

/* A free place; group_size when there is none. */
static uint32_t find_place(mr_server *server) {
    if (server->stats.groups_now < server->group_size)
        for (uint32_t i = 0; i < server->group_size; i++) {
            uint32_t place = (server->group_next + i) % server->group_size;
            if (!server->groups[place])
                return place;
        }
    return grow_groups(server) ? server->group_next : server->group_size;
}

static struct mr_server_group *add_group(mr_server *server) {
    uint32_t place = find_place(server);
    struct mr_server_group *group;

    if (server->stats.groups_now >= server->options.max_groups ||
        place == server->group_size || !(group = calloc(1, sizeof *group)))
        return NULL;
    if (mr_entropy_get(group->secret, sizeof group->secret) < 0) {
        free(group);
        return NULL;
    }
    group->secret[0] |= 0x80; /* a handle is never all zero */
    mr_lock_init(&group->lock);
    TAILQ_INIT(&group->calls);
    group->server = server;
    group->handle_most = server->options.max_handles;
    group->id = server->generation++ << 20 | (place + 1);
    server->groups[place] = group;
    server->group_next = place + 1;
    server->stats.groups_now++;
    return group;
}

/* What a local process keeps with its group must neither be reached nor held by strangers. */
static bool may_join(const struct mr_server_group *group, const mr_credentials *cred) {
    return group->cred.known == cred->known && group->cred.uid == cred->uid;
}

struct mr_server_group *mr_server_group_join(mr_server *server, uint32_t id,
                                             const mr_credentials *cred) {
    struct mr_server_group *group = NULL;

    if (id == 0)
        group = add_group(server);
    else if (place_of(id) < server->group_size)
        group = server->groups[place_of(id)];
    if (!group ||
        (id && (group->id != id || group->conns == 0 || !may_join(group, cred))))
        return NULL;
    if (!id)
        group->cred = *cred;
    group->conns++;
    mr_server_group_ref(group);
    return group;
}

static void run_down(struct mr_server_group *group) {
    for (uint32_t i = 0; i < group->handle_used; i++) {
        struct mr_server_handle *handle = &group->handles[i];
        const mr_server_handle_type *type = handle->type;
        handle->type = NULL;
        if (type && type->rundown)
            type->rundown(handle->object);
    }
}

void mr_server_group_ref(struct mr_server_group *group) {
    mr_lock_take(&group->lock);
    group->refs++;
    mr_lock_give(&group->lock);
}

void mr_server_group_let_go(struct mr_server_group *group) {
    mr_lock_take(&group->lock);
    group->server = NULL;
    mr_lock_give(&group->lock);
}

/* Whoever drops the last reference is alone with the group. */
void mr_server_group_unref(struct mr_server_group *group) {
    mr_lock_take(&group->lock);
    uint32_t refs = --group->refs;
    mr_lock_give(&group->lock);
    if (refs)
        return;
    run_down(group);
    if (group->server) {
        group->server->groups[place_of(group->id)] = NULL;
        group->server->stats.groups_now--;
    }
    mr_lock_deinit(&group->lock);
    free(group->handles);
    free(group);
}

void mr_server_group_leave(struct mr_server_group *group) {
    group->conns--;
    mr_server_group_unref(group);
}

/* ---- context handles ---- */

static struct mr_server_group *group_of(const mr_server_call *call) {
    return ((const struct mr_server_slot *)call)->group;
}

static bool grow_handles(struct mr_server_group *group) {
    uint32_t size = group->handle_size ? group->handle_size * 2 : HANDLES_FIRST;

    if (size > group->handle_most)
        size = group->handle_most;
    if (size <= group->handle_size)
        return false;
    struct mr_server_handle *handles = realloc(group->handles, size * sizeof *handles);
    if (!handles)
        return false;
    group->handles = handles;
    group->handle_size = size;
    return true;
}

/* This and what finds and takes handles: under the group's lock. */
static int add_handle(struct mr_server_group *group, const mr_server_handle_type *type,
                      void *object, mr_ndr_context *handlep) {
    struct mr_server_handle *handle;

    if (!group->server)
        return MR_ERR_STATE;
    if (group->handle_free) {
        handle = &group->handles[group->handle_free - 1];
        group->handle_free = handle->next_free;
    } else {
        if (group->handle_used == group->handle_size && !grow_handles(group))
            return group->handle_used >= group->handle_most ? MR_ERR_LIMIT : MR_ERR_MEMORY;
        handle = &group->handles[group->handle_used++];
        *handle = (struct mr_server_handle){0};
    }
    handle->type = type;
    handle->object = object;
    handle->generation++;
    handle->serial = ++group->handle_serial;
    *handlep = (mr_ndr_context){.uuid = {
        .time_low = (uint32_t)(handle - group->handles),
        .time_mid = (uint16_t)handle->generation,
        .time_hi = (uint16_t)(handle->generation >> 16),
    }};
    memcpy(handlep->uuid.clock, group->secret, sizeof group->secret);
    return 0;
}

int mr_server_add_handle(mr_server_call *call, const mr_server_handle_type *type, void *object,
                         mr_ndr_context *handlep) {
    struct mr_server_group *group = group_of(call);

    mr_lock_take(&group->lock);
    int r = add_handle(group, type, object, handlep);
    mr_lock_give(&group->lock);
    return r;
}

static struct mr_server_handle *find_handle(struct mr_server_group *group,
                                            const mr_server_handle_type *type,
                                            const mr_ndr_context *name) {
    if (name->attributes || name->uuid.time_low >= group->handle_used ||
        memcmp(name->uuid.clock, group->secret, sizeof group->secret) != 0)
        return NULL;
    struct mr_server_handle *handle = &group->handles[name->uuid.time_low];
    uint32_t generation = (uint32_t)name->uuid.time_hi << 16 | name->uuid.time_mid;
    return handle->type == type && handle->generation == generation ? handle : NULL;
}

/* Frees the handle's place; its object is the caller's. NULL gives NULL. */
static void *take_handle(struct mr_server_group *group, struct mr_server_handle *handle) {
    if (!handle)
        return NULL;
    handle->type = NULL;
    handle->next_free = group->handle_free;
    group->handle_free = (uint32_t)(handle - group->handles) + 1;
    return handle->object;
}

void *mr_server_find_handle(const mr_server_call *call, const mr_server_handle_type *type,
                            const mr_ndr_context *name) {
    struct mr_server_group *group = group_of(call);

    mr_lock_take(&group->lock);
    struct mr_server_handle *handle = find_handle(group, type, name);
    void *object = handle ? handle->object : NULL;
    mr_lock_give(&group->lock);
    return object;
}

void *mr_server_remove_handle(mr_server_call *call, const mr_server_handle_type *type,
                              mr_ndr_context *name) {
    struct mr_server_group *group = group_of(call);

    mr_lock_take(&group->lock);
    struct mr_server_handle *handle = find_handle(group, type, name);
    void *object = take_handle(group, handle);
    mr_lock_give(&group->lock);
    if (handle)
        *name = (mr_ndr_context){0};
    return object;
}

void *mr_server_remove_oldest_handle(mr_server_call *call, const mr_server_handle_type *type) {
    struct mr_server_group *group = group_of(call);
    struct mr_server_handle *oldest = NULL;

    mr_lock_take(&group->lock);
    for (uint32_t i = 0; i < group->handle_used; i++) {
        struct mr_server_handle *handle = &group->handles[i];
        if (handle->type == type && (!oldest || handle->serial < oldest->serial))
            oldest = handle;
    }
    void *object = take_handle(group, oldest);
    mr_lock_give(&group->lock);
    return object;
}

void *mr_server_find_object(const mr_server_call *call, const mr_server_handle_type *type) {
    struct mr_server_group *group = group_of(call);
    void *object = NULL;

    mr_lock_take(&group->lock);
    for (uint32_t i = 0; i < group->handle_used && !object; i++)
        if (group->handles[i].type == type)
            object = group->handles[i].object;
    mr_lock_give(&group->lock);
    return object;
}
