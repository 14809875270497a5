/*
 * msrpc ping --matrix: every TCP endpoint the mapper names for an interface, bound to twice: with
 * the plain bind every server understands and with the bind Windows sends (NDR20, NDR64 and
 * bind-time features, MS-RPCE 3.3.1.5.3), over which some RPC-aware firewalls stumble. All at once.
 */
#include "ping.h"

#include <stdlib.h>

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>

#define AT_ONCE 64

const char *ping_bind_name(enum ping_bind bind) {
    switch (bind) {
    case PING_BIND_UNKNOWN: return "unknown";
    case PING_BIND_BOUND: return "bound";
    case PING_BIND_REJECTED: return "rejected";
    case PING_BIND_REFUSED: return "refused";
    case PING_BIND_FILTERED: return "filtered";
    case PING_BIND_UNREACHABLE: return "unreachable";
    case PING_BIND_MUTE: return "no answer";
    case PING_BIND_FAILED: return "failed";
    }
    return "";
}

/* The exit code that the cells deserve. */
static int judge(const struct ping *p) {
    int code = APP_OK;

    for (size_t i = 0; i < p->cell_count; i++) {
        switch (p->cells[i].bind) {
        case PING_BIND_UNKNOWN:
        case PING_BIND_BOUND:
            break;
        case PING_BIND_REFUSED:
        case PING_BIND_FILTERED:
        case PING_BIND_UNREACHABLE:
            return APP_TCP;
        case PING_BIND_REJECTED:
        case PING_BIND_MUTE:
        case PING_BIND_FAILED:
            code = APP_COMMUNICATION;
            break;
        }
    }
    return code;
}

/* ---- the endpoints ---- */

static int compare_port(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The distinct TCP ports of the interface among the entries, sorted, in the app's arena. */
static int ports_of(struct ping *p, const mr_mapper *mapper, uint16_t **portsp, size_t *countp) {
    uint16_t *ports = mr_arena_get(&p->s->a->arena, mapper->count + 1, sizeof *ports);
    size_t n = 0;

    if (!ports)
        return app_refuse(p->s->a, APP_BUG, "out of memory");
    for (size_t i = 0; i < mapper->count; i++) {
        const mr_mapper_entry *e = &mapper->entries[i];
        size_t k = 0;
        if (e->protseq != MR_PROTSEQ_NCACN_IP_TCP || !e->port || e->tower_bad ||
            !mr_uuid_eq(&e->interface.uuid, &p->interface.uuid) ||
            e->interface.major != p->interface.major)
            continue;
        while (k < n && ports[k] != e->port)
            k++;
        if (k == n)
            ports[n++] = e->port;
    }
    qsort(ports, n, sizeof *ports, compare_port);
    *portsp = ports;
    *countp = n;
    return 0;
}

static int ask_mapper(struct ping *p, uint16_t **portsp, size_t *countp) {
    app_session *s = p->s;
    mr_client *client = NULL;
    mr_mapper mapper = {0};

    int code = app_session_ask(s, p->target, (uint16_t)p->options->mapper_port, NULL, &client,
                               &mapper);
    if (client)
        p->remote = mr_client_get_report(client)->attempt.remote;
    if (!code)
        code = ports_of(p, &mapper, portsp, countp);
    if (!code && *countp == 0) {
        char name[64];
        mr_fail(&s->error, MR_ERR_NOT_REGISTERED, MR_FLOOR_APP, MR_ERROR_NO_OFFSET,
                "the endpoint mapper names no TCP endpoint of %s",
                app_iface_name(&p->interface, name));
        code = app_refuse(s->a, APP_DISCOVERY, "%s: %s", p->target->host,
                          app_error(s->a, &s->error));
    }
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    return code;
}

static int find_cells(struct ping *p) {
    bool own = mr_syntax_eq(&p->interface, &mr_epmapper_iface.syntax) ||
               mr_syntax_eq(&p->interface, &mr_mgmt_iface.syntax);
    uint16_t one, *ports = &one;
    size_t count = 1;
    int code = 0;

    p->remote = p->s->addrs[0];
    if (p->target->port || own)
        code = app_session_port(p->s, p->target, (uint16_t)p->options->mapper_port, &p->interface,
                                &one);
    else
        code = ask_mapper(p, &ports, &count);
    if (code)
        return code;
    p->cells = mr_arena_get(&p->s->a->arena, count * PING_STYLES, sizeof *p->cells);
    if (!p->cells)
        return app_refuse(p->s->a, APP_BUG, "out of memory");
    p->cell_count = count * PING_STYLES;
    for (size_t i = 0; i < p->cell_count; i++) {
        struct ping_cell *cell = &p->cells[i];
        *cell = (struct ping_cell){.ping = p, .remote = p->remote,
                                   .style = i % PING_STYLES ? MR_BIND_WINDOWS : MR_BIND_PLAIN};
        cell->remote.port = ports[i / PING_STYLES];
    }
    return 0;
}

/* ---- the binds ---- */

static enum ping_bind unconnected(const mr_attempt *attempt) {
    switch (attempt->reach) {
    case MR_REACH_REFUSED: return PING_BIND_REFUSED;
    case MR_REACH_SILENT: return PING_BIND_FILTERED;
    case MR_REACH_UNREACHABLE:
        return mr_icmp_is_port(&attempt->icmp) ? PING_BIND_REFUSED : PING_BIND_UNREACHABLE;
    case MR_REACH_PENDING:
    case MR_REACH_OPEN:
    case MR_REACH_LOCAL: return PING_BIND_FAILED;
    }
    return PING_BIND_FAILED;
}

static void set_cell(struct ping_cell *cell, int result, const mr_error *err) {
    const mr_client_report *report = mr_client_get_report(cell->client);
    const mr_client_context *context = mr_client_get_context(cell->client, 0);
    mr_arena *arena = &cell->ping->s->a->arena;

    if (!result) {
        cell->bind = PING_BIND_BOUND;
        cell->ndr64 = context && context->syntax == MR_NDR64;
        cell->features = report->features;
        return;
    }
    if (!report->connected)
        cell->bind = unconnected(&report->attempt);
    else if (result == MR_ERR_CONTEXT_REJECTED || result == MR_ERR_BIND_REJECTED)
        cell->bind = PING_BIND_REJECTED;
    else
        cell->bind = result == MR_ERR_TIMEOUT ? PING_BIND_MUTE : PING_BIND_FAILED;
    if (report->has_nak)
        cell->reason = mr_bind_nak_reason_name(report->nak_reason);
    else if (result == MR_ERR_CONTEXT_REJECTED && context && context->answered)
        cell->reason = mr_context_reason_name(context->reason);
    else
        cell->reason = mr_arena_add_str(arena, mr_slice_str(err->text));
}

struct binds {
    struct ping *ping;
    size_t next, open;
    size_t left;        /* binds without an outcome */
    app_pace pace;
    int code;
};

struct bind {
    struct binds *all;
    struct ping_cell *cell;
};

static void start_more(struct binds *all);

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct bind *bind = user;
    struct binds *all = bind->all;

    set_cell(bind->cell, result, err);
    bind->cell->client = NULL;
    mr_client_free(client);
    all->open--;
    all->left--;
    start_more(all);
}

static int start_one(struct binds *all, struct ping_cell *cell) {
    app_session *s = all->ping->s;
    mr_client_options options = app_client_options(s, MR_AUTH_LEVEL_NONE);
    struct bind *bind = MR_ARENA_NEW(&s->a->arena, struct bind);
    mr_error err = MR_ERROR_INIT;

    if (!bind)
        return app_refuse(s->a, APP_BUG, "out of memory");
    *bind = (struct bind){all, cell};
    options.connect.remote = cell->remote;
    options.connect.source.port = 0; /* one source port cannot serve many connections */
    options.bind = cell->style;
    options.ndr64 = cell->style == MR_BIND_WINDOWS;
    int r = mr_client_new(&s->loop, &options, &cell->client, &err);
    if (!r)
        r = mr_client_start(cell->client, &all->ping->interface, on_bound, bind, &err);
    if (r) {
        mr_client_free(cell->client);
        cell->client = NULL;
        return app_refuse(s->a, APP_MISSING, "port %u: %s", cell->remote.port, err.text);
    }
    all->open++;
    return 0;
}

static void on_turn(void *user) {
    start_more(user);
}

static void start_more(struct binds *all) {
    while (all->open < AT_ONCE && all->next < all->ping->cell_count && app_pace_take(&all->pace)) {
        int code = start_one(all, &all->ping->cells[all->next++]);
        all->code = app_worse(all->code, code);
        all->left -= code != 0;
    }
    if (all->left == 0)
        mr_loop_stop(&all->ping->s->loop);
}

int ping_matrix(struct ping *p) {
    struct binds all = {.ping = p};
    int code = find_cells(p);

    if (code)
        return code;
    all.left = p->cell_count;
    app_pace_init(&all.pace, p->s, on_turn, &all);
    start_more(&all);
    code = app_session_wait(p->s, &all.left);
    app_pace_deinit(&all.pace);
    for (size_t i = 0; i < p->cell_count; i++)
        mr_client_free(p->cells[i].client);
    code = app_worse(code, all.code);
    if (!code)
        code = ping_security(p);
    return code < APP_USAGE ? app_worse(code, judge(p)) : code;
}
