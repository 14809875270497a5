/*
 * Security contexts of the server's connections (MS-RPCE 3.3.1.5.2, 3.3.3.4.2): an acceptor is made
 * for each that a client begins, its steps are taken in the loop or by threads beside it, and who
 * the client proved to be goes with every call.
 */
#include "server_private.h"

#include <stdlib.h>

#define NAMES_CAP ((size_t)64 << 10) /* octets of a caller's names */
#define DOORMEN 2

static const mr_server_acceptor *find_acceptor(const mr_server_options *o, uint8_t type) {
    for (size_t i = 0; i < o->acceptor_count; i++)
        if (o->acceptors[i].type == type)
            return &o->acceptors[i];
    return NULL;
}

static void on_resumed(void *user) {
    struct mr_server_guard *guard = user;

    mr_server_conn_resume(guard->conn);
}

static int offload(struct mr_server_guard *guard) {
    mr_server *server = guard->conn->server;
    int r = server->doormen ? 0 : mr_workers_new(DOORMEN, &server->doormen, NULL);

    return r ? r
             : mr_offload_new(server->loop, server->doormen, guard->security, on_resumed, guard,
                              &guard->offload, NULL);
}

static void free_guard(struct mr_server_guard *guard) {
    const mr_server_acceptor *a = &guard->acceptor;

    if (guard->offload)
        mr_offload_free(guard->offload, a->give, a->user);
    else if (guard->security && a->give)
        a->give(a->user, guard->security);
    mr_arena_deinit(&guard->arena);
    free(guard);
}

/* Whether the connection has the context already: this is one of its further legs. */
static bool has_guard(const struct mr_server_conn *conn, uint32_t id) {
    for (unsigned i = 0; i < conn->guard_count; i++)
        if (conn->guards[i]->id == id)
            return true;
    return false;
}

/* What cannot be had is left to the association, which refuses it. */
void mr_server_guard_begin(struct mr_server_conn *conn, const mr_event_auth *auth) {
    const mr_server_acceptor *acceptor = find_acceptor(&conn->server->options, auth->type);

    if (!acceptor || auth->level < MR_AUTH_LEVEL_CONNECT || auth->level > MR_AUTH_LEVEL_PRIVACY ||
        conn->guard_count == MR_COUNT(conn->guards) || has_guard(conn, auth->id))
        return;
    struct mr_server_guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return;
    *guard = (struct mr_server_guard){.conn = conn, .acceptor = *acceptor, .id = auth->id};
    mr_arena_init(&guard->arena, NAMES_CAP);
    int r = acceptor->make(acceptor->user, auth->level, &guard->security, NULL);
    if (!r && acceptor->blocking)
        r = offload(guard);
    if (!r)
        r = mr_assoc_set_security(&conn->assoc,
                                  guard->offload ? mr_offload_get_security(guard->offload)
                                                 : guard->security,
                                  auth->id, auth->level, NULL);
    if (r)
        free_guard(guard);
    else
        conn->guards[conn->guard_count++] = guard;
}

static const char *keep(mr_arena *arena, const char *text) {
    const char *kept = text && *text ? mr_arena_add_str(arena, mr_slice_str(text)) : "";
    return kept ? kept : "";
}

static void describe(struct mr_server_guard *guard, const mr_event_auth *auth) {
    const mr_server_acceptor *a = &guard->acceptor;
    mr_server_caller caller = {.user = "", .domain = ""};
    mr_assoc_info info;

    mr_assoc_get_info(&guard->conn->assoc, &info);
    if (a->describe)
        a->describe(a->user, guard->security, &caller);
    guard->stands = true;
    guard->caller = (mr_server_caller){
        .mechanism = guard->security->class->name,
        .type = auth->type,
        .level = auth->level == MR_AUTH_LEVEL_CALL ? MR_AUTH_LEVEL_PACKET : auth->level,
        .anonymous = caller.anonymous,
        .header_sign = info.header_sign,
        .user = keep(&guard->arena, caller.user),
        .domain = keep(&guard->arena, caller.domain),
    };
}

void mr_server_guard_ready(struct mr_server_conn *conn, const mr_event_auth *auth) {
    for (unsigned i = 0; i < conn->guard_count; i++)
        if (conn->guards[i]->id == auth->id)
            describe(conn->guards[i], auth);
}

void mr_server_guard_tell(struct mr_server_conn *conn) {
    for (unsigned i = 0; i < conn->guard_count; i++) {
        const struct mr_server_guard *guard = conn->guards[i];
        const mr_server_acceptor *a = &guard->acceptor;
        if (guard->stands || conn->pending || !a->why)
            continue;
        const char *why = a->why(a->user, guard->security);
        if (why && *why)
            mr_server_notice_conn(conn, MR_NOTICE_LOGON, why);
    }
}

void mr_server_guard_free_all(struct mr_server_conn *conn) {
    while (conn->guard_count)
        free_guard(conn->guards[--conn->guard_count]);
}

/* A request without a trailer belongs to the first context: only at level connect may it be. */
static const struct mr_server_guard *find_guard(const struct mr_server_conn *conn,
                                                const mr_event_auth *auth) {
    for (unsigned i = 0; i < conn->guard_count; i++) {
        const struct mr_server_guard *guard = conn->guards[i];
        if (guard->stands && (!auth->present || guard->id == auth->id))
            return guard;
    }
    return NULL;
}

int mr_server_guard_get_caller(const struct mr_server_conn *conn, const mr_event_auth *auth,
                               mr_arena *arena, mr_server_caller *callerp) {
    const struct mr_server_guard *guard = find_guard(conn, auth);

    if (!guard)
        return 0;
    mr_server_caller caller = guard->caller;
    if (*caller.user)
        caller.user = mr_arena_add_str(arena, mr_slice_str(caller.user));
    if (*caller.domain)
        caller.domain = mr_arena_add_str(arena, mr_slice_str(caller.domain));
    if (!caller.user || !caller.domain)
        return MR_ERR_MEMORY;
    *callerp = caller;
    return 0;
}
