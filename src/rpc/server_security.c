/*
 * Security contexts of the server's connections (MS-RPCE 3.3.1.5.2, 3.3.3.4.2): an acceptor is made
 * for each that a client begins, its steps are taken in the loop or by threads beside it, and who
 * the client proved to be goes with every call.
 */
#include "server_private.h"

#include <stdlib.h>

#define SIDS_MAX 16384 /* of a caller: more than any PAC tells */
#define BADGE_CAP (SIDS_MAX * sizeof(mr_sid) + ((size_t)64 << 10)) /* octets, names included */
#define DOORMEN 4

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

/* In whatever thread is through with it last. */
static void free_guard(void *user, mr_security *security) {
    struct mr_server_guard *guard = user;
    const mr_server_acceptor *a = &guard->acceptor;

    if (security && a->give)
        a->give(a->user, guard->login);
    mr_server_badge_unref(guard->badge);
    free(guard);
}

static void end_guard(struct mr_server_guard *guard) {
    if (guard->offload)
        mr_offload_free(guard->offload, free_guard, guard);
    else
        free_guard(guard, guard->security);
}

/* Whether the connection has the context already: this is one of its further legs. */
static bool has_guard(const struct mr_server_conn *conn, uint32_t id) {
    for (unsigned i = 0; i < conn->guard_count; i++)
        if (conn->guards[i]->id == id)
            return true;
    return false;
}

/* CALL is for datagrams; over a connection a client goes up to PACKET (MS-RPCE 2.2.1.1.8). */
bool mr_server_guard_is_wrong(const struct mr_server_conn *conn, const mr_event_auth *auth) {
    return auth->present && auth->level == MR_AUTH_LEVEL_CALL &&
           find_acceptor(&conn->server->options, auth->type);
}

/* What cannot be had is left to the association, which refuses it. */
void mr_server_guard_begin(struct mr_server_conn *conn, const mr_event_auth *auth) {
    const mr_server_acceptor *acceptor = find_acceptor(&conn->server->options, auth->type);
    mr_error err = MR_ERROR_INIT;

    if (!acceptor || auth->level < MR_AUTH_LEVEL_CONNECT || auth->level > MR_AUTH_LEVEL_PRIVACY ||
        auth->level == MR_AUTH_LEVEL_CALL ||
        conn->guard_count == MR_COUNT(conn->guards) || has_guard(conn, auth->id))
        return;
    struct mr_server_guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return;
    *guard = (struct mr_server_guard){.conn = conn, .acceptor = *acceptor, .id = auth->id};
    int r = acceptor->make(acceptor->user, auth->level, &guard->login, &guard->security, &err);
    if (!r && acceptor->blocking)
        r = offload(guard);
    if (!r)
        r = mr_assoc_set_security(&conn->assoc,
                                  guard->offload ? mr_offload_get_security(guard->offload)
                                                 : guard->security,
                                  auth->id, auth->level, NULL);
    if (r) {
        if (*err.text)
            mr_server_notice_conn(conn, MR_NOTICE_LOGON, err.text);
        end_guard(guard);
    } else {
        conn->guards[conn->guard_count++] = guard;
    }
}

/* ---- who the client is ---- */

static bool keep_text(mr_arena *arena, const char **textp) {
    *textp = *textp && **textp ? mr_arena_add_str(arena, mr_slice_str(*textp)) : "";
    return *textp != NULL;
}

static int keep_caller(mr_arena *arena, mr_server_caller *caller, mr_error *err) {
    mr_sid *sids = NULL;

    if (caller->sid_count > SIDS_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "taken for nobody: %zu SIDs, %d are the most", caller->sid_count, SIDS_MAX);
    if (caller->sid_count) {
        sids = mr_arena_get_raw(arena, caller->sid_count, sizeof *sids);
        if (sids)
            memcpy(sids, caller->sids, caller->sid_count * sizeof *sids);
    }
    if ((caller->sid_count && !sids) || !keep_text(arena, &caller->user) ||
        !keep_text(arena, &caller->domain) || !keep_text(arena, &caller->principal) ||
        !keep_text(arena, &caller->realm))
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "taken for nobody: no memory for names and SIDs");
    caller->sids = sids;
    return 0;
}

/* Who cannot be kept is nobody: his requests are refused or anonymous. */
static void describe(struct mr_server_guard *guard, const mr_event_auth *auth) {
    const mr_server_acceptor *a = &guard->acceptor;
    struct mr_server_badge *badge = calloc(1, sizeof *badge);
    mr_error err = MR_ERROR_INIT;
    mr_assoc_info info;

    mr_server_badge_unref(guard->badge); /* of before it was renewed */
    guard->badge = NULL;
    if (!badge)
        return;
    badge->refs = 1;
    mr_arena_init(&badge->arena, BADGE_CAP);
    if (a->describe)
        a->describe(a->user, guard->login, &badge->caller);
    mr_assoc_get_info(&guard->conn->assoc, &info);
    badge->caller.mechanism = guard->security->class->name;
    badge->caller.type = auth->type;
    badge->caller.level = auth->level == MR_AUTH_LEVEL_CALL ? MR_AUTH_LEVEL_PACKET : auth->level;
    badge->caller.header_sign = info.header_sign;
    if (keep_caller(&badge->arena, &badge->caller, &err) == 0) {
        guard->badge = badge;
        return;
    }
    mr_server_notice_conn(guard->conn, MR_NOTICE_LOGON, err.text);
    mr_server_badge_unref(badge);
}

void mr_server_badge_ref(struct mr_server_badge *badge) {
    if (badge)
        __atomic_add_fetch(&badge->refs, 1, __ATOMIC_RELAXED);
}

void mr_server_badge_unref(struct mr_server_badge *badge) {
    if (!badge || __atomic_sub_fetch(&badge->refs, 1, __ATOMIC_ACQ_REL))
        return;
    mr_arena_deinit(&badge->arena);
    free(badge);
}

void mr_server_guard_ready(struct mr_server_conn *conn, const mr_event_auth *auth) {
    for (unsigned i = 0; i < conn->guard_count; i++)
        if (conn->guards[i]->id == auth->id)
            describe(conn->guards[i], auth);
}

bool mr_server_guard_tell(struct mr_server_conn *conn) {
    bool refused = false;

    for (unsigned i = 0; i < conn->guard_count; i++) {
        struct mr_server_guard *guard = conn->guards[i];
        const mr_server_acceptor *a = &guard->acceptor;
        if (guard->badge || conn->pending || !a->why)
            continue;
        const char *why = a->why(a->user, guard->login);
        if (!why || !*why)
            continue;
        if (!guard->told)
            mr_server_notice_conn(conn, MR_NOTICE_LOGON, why);
        guard->told = refused = true;
    }
    return refused;
}

void mr_server_guard_free_all(struct mr_server_conn *conn) {
    while (conn->guard_count)
        end_guard(conn->guards[--conn->guard_count]);
}

/* A request without a trailer belongs to the first context of level connect, whose calls need
 * none; where there is none it is nobody's. */
struct mr_server_badge *mr_server_badge_find(const struct mr_server_conn *conn,
                                             const mr_event_auth *auth) {
    for (unsigned i = 0; i < conn->guard_count; i++) {
        const struct mr_server_guard *guard = conn->guards[i];
        if (guard->badge && (auth->present ? guard->id == auth->id
                                           : guard->badge->caller.level == MR_AUTH_LEVEL_CONNECT)) {
            mr_server_badge_ref(guard->badge);
            return guard->badge;
        }
    }
    return NULL;
}
