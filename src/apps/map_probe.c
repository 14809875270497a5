/*
 * msrpc map --probe: one connection to each distinct TCP port, AT_ONCE of them together, with every
 * interface registered there in one bind: what answers, what is closed, what is filtered, and what
 * answers with something else. Some servers (Samba among them) hand a connection to the process
 * that serves the first interface asked for and know no other on it; so an interface rejected in
 * company is asked for once more alone.
 */
#include "map.h"

#include <stdlib.h>

#define AT_ONCE 64
#define IFACES_MAX 64 /* asked for in one bind */

const char *map_probe_name(enum map_probe probe) {
    switch (probe) {
    case MAP_PROBE_NONE: return "";
    case MAP_PROBE_BOUND: return "bound";
    case MAP_PROBE_REJECTED: return "rejected";
    case MAP_PROBE_REFUSED: return "not listening";
    case MAP_PROBE_FILTERED: return "filtered";
    case MAP_PROBE_UNREACHABLE: return "unreachable";
    case MAP_PROBE_MUTE: return "no answer to the bind";
    case MAP_PROBE_FAILED: return "failed";
    }
    return "";
}

struct probes;

struct probe {
    struct probes *all;
    uint16_t port;
    mr_client *client;
    mr_syntax ifaces[IFACES_MAX];
    size_t iface_count;
};

struct probes {
    struct map *map;
    struct probe *items;
    size_t count, size, next;
    size_t open;        /* connections */
    size_t left;        /* probes without an outcome */
    app_pace pace;
    int code;
};

static bool wants_probe(const mr_mapper_entry *e) {
    return e->protseq == MR_PROTSEQ_NCACN_IP_TCP && e->port;
}

static void add_iface(struct probe *probe, const mr_syntax *iface) {
    for (size_t i = 0; i < probe->iface_count; i++)
        if (mr_syntax_eq(&probe->ifaces[i], iface))
            return;
    if (probe->iface_count < IFACES_MAX)
        probe->ifaces[probe->iface_count++] = *iface;
}

static int collect(struct probes *all) {
    struct map *map = all->map;

    /* each row may need a second question of its own */
    all->size = map->count * 2 + 1;
    all->items = mr_arena_get(&map->s->a->arena, all->size, sizeof *all->items);
    if (!all->items)
        return app_refuse(map->s->a, APP_BUG, "out of memory");
    for (size_t i = 0; i < map->count; i++) {
        const mr_mapper_entry *e = map->rows[i].entry;
        size_t k = 0;
        if (!wants_probe(e))
            continue;
        while (k < all->count && all->items[k].port != e->port)
            k++;
        if (k == all->count)
            all->items[all->count++] = (struct probe){.all = all, .port = e->port};
        add_iface(&all->items[k], &e->interface);
    }
    return 0;
}

static enum map_probe outcome(const mr_client_report *report, int result) {
    if (!report->connected) {
        switch (report->attempt.reach) {
        case MR_REACH_REFUSED: return MAP_PROBE_REFUSED;
        case MR_REACH_SILENT: return MAP_PROBE_FILTERED;
        case MR_REACH_UNREACHABLE:
            return mr_icmp_is_port(&report->attempt.icmp) ? MAP_PROBE_REFUSED
                                                          : MAP_PROBE_UNREACHABLE;
        case MR_REACH_PENDING:
        case MR_REACH_OPEN:
        case MR_REACH_LOCAL: return MAP_PROBE_FAILED;
        }
    }
    if (result == MR_ERR_TIMEOUT)
        return MAP_PROBE_MUTE;
    return MAP_PROBE_FAILED;
}

static void set_rows(struct probe *probe, int result, const mr_error *err) {
    struct map *map = probe->all->map;
    const mr_client_report *report = mr_client_get_report(probe->client);
    bool answered = result == 0 || result == MR_ERR_CONTEXT_REJECTED;

    for (size_t i = 0; i < map->count; i++) {
        struct map_row *row = &map->rows[i];
        if (!wants_probe(row->entry) || row->entry->port != probe->port)
            continue;
        const mr_client_context *c;
        if (!answered) {
            bool mine = probe->iface_count > 1 ||
                        mr_syntax_eq(&probe->ifaces[0], &row->entry->interface);
            if (!mine)
                continue;
            row->probe = outcome(report, result);
            row->detail = app_error(map->s->a, err);
            continue;
        }
        for (size_t k = 0; (c = mr_client_get_context(probe->client, k)) != NULL; k++) {
            if (!mr_syntax_eq(&c->abstract, &row->entry->interface))
                continue;
            row->probe = c->accepted ? MAP_PROBE_BOUND : MAP_PROBE_REJECTED;
            row->detail = c->accepted ? NULL : "something else listens there";
        }
    }
}

/* Interfaces that were rejected in company are asked for alone. */
static void ask_again(struct probe *probe) {
    struct probes *all = probe->all;
    const mr_client_context *c;

    for (size_t k = 0; (c = mr_client_get_context(probe->client, k)) != NULL; k++) {
        if (c->accepted || !c->answered || all->count == all->size)
            continue;
        all->items[all->count++] = (struct probe){
            .all = all, .port = probe->port, .iface_count = 1, .ifaces = {c->abstract}};
        all->left++;
    }
}

static void start_more(struct probes *all);

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct probe *probe = user;
    struct probes *all = probe->all;

    set_rows(probe, result, err);
    if (probe->iface_count > 1)
        ask_again(probe);
    probe->client = NULL;
    mr_client_free(client);
    all->open--;
    all->left--;
    start_more(all);
    if (all->left == 0)
        mr_loop_stop(&all->map->s->loop);
}

static void on_turn(void *user) {
    struct probes *all = user;
    start_more(all);
    if (all->left == 0)
        mr_loop_stop(&all->map->s->loop);
}

/* Nobody is tried many times at once before he is known to be good. */
static uint8_t level_of(const app_session *s) {
    const app_account *account = s->target->account;
    bool good = app_account_logs_on(account) && app_account_is_good(account);

    return good ? account->level : MR_AUTH_LEVEL_NONE;
}

static void start_more(struct probes *all) {
    struct map *map = all->map;

    while (all->open < AT_ONCE && all->next < all->count && app_pace_take(&all->pace)) {
        struct probe *probe = &all->items[all->next++];
        mr_client_options options = app_client_options(map->s, level_of(map->s));
        mr_error err = MR_ERROR_INIT;
        options.connect.remote = *map->remote;
        options.connect.remote.port = probe->port;
        options.connect.source.port = 0; /* one source port cannot serve many connections */
        int r = mr_client_new(&map->s->loop, &options, &probe->client, &err);
        if (!r)
            r = mr_client_start_many(probe->client, probe->ifaces, probe->iface_count, on_bound,
                                     probe, &err);
        if (r) {
            mr_client_free(probe->client);
            probe->client = NULL;
            all->left--;
            all->code = app_refuse(map->s->a, APP_MISSING, "port %u: %s", probe->port, err.text);
            continue;
        }
        all->open++;
    }
}

int map_probe(struct map *map) {
    struct probes all = {.map = map};
    int code = collect(&all);

    if (!code) {
        app_pace_init(&all.pace, map->s, on_turn, &all);
        all.left = all.count;
        start_more(&all);
        code = app_session_wait(map->s, &all.left);
    }
    app_pace_deinit(&all.pace);
    for (size_t i = 0; i < all.count; i++)
        mr_client_free(all.items[i].client);
    return code ? code : all.code;
}
