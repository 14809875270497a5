/*
 * msrpc map: everything the endpoint mapper of a host has registered, grouped by interface. The
 * list is read whole and filtered here, because mappers disagree about their own filters.
 */
#include "map.h"

#include <stdlib.h>

#include <msrpc/ifaces.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/names.h>

#include "jobs.h"
#include "report.h"
#include "verdict.h"

static const app_option options[] = {
    {"interface", 'i', APP_TEXT, "NAME|UUID", offsetof(struct map_options, interface), 0, 0,
     "only this interface"},
    {"protseq", 0, APP_TEXT, "P", offsetof(struct map_options, protseq), 0, 0,
     "only this protocol sequence, such as ncacn_ip_tcp"},
    {"annotation", 0, APP_TEXT, "TEXT", offsetof(struct map_options, annotation), 0, 0,
     "only annotations that hold TEXT, in any case"},
    {"object", 0, APP_TEXT, "UUID", offsetof(struct map_options, object), 0, 0,
     "only this object UUID"},
    {"format", 0, APP_CHOICE, "table|rpcdump|portqry|csv|json",
     offsetof(struct map_options, format), 0, 0, "how to show it"},
    {"probe", 0, APP_FLAG, NULL, offsetof(struct map_options, probe), 0, 0,
     "also test every TCP endpoint, all at once"},
    {"lists", 0, APP_FLAG, NULL, offsetof(struct map_options, lists), 0, 0,
     "of two hosts show both lists, not what differs"},
    {"watch", 0, APP_FLAG, NULL, offsetof(struct map_options, watch), 0, 0,
     "list, then show what registers and what goes, until interrupted"},
    {"interval", 0, APP_SECONDS, "S", offsetof(struct map_options, interval), 0, 0,
     "--watch: ask every S seconds (2)"},
    {0},
};

/* ---- filters ---- */

static int read_filter(const app *a, const struct map_options *o, struct map_filter *f) {
    *f = (struct map_filter){.annotation = o->annotation};
    if (o->interface) {
        int code = app_iface_read(a, o->interface, &f->iface);
        if (code)
            return code;
        f->by_iface = true;
    }
    if (o->object) {
        if (mr_uuid_decode(mr_slice_str(o->object), &f->object) != 0)
            return app_refuse(a, APP_USAGE, "--object %s: a UUID is wanted", o->object);
        f->by_object = true;
    }
    if (o->protseq) {
        f->protseq = mr_protseq_find(mr_slice_str(o->protseq));
        if (f->protseq == MR_PROTSEQ_UNKNOWN)
            return app_refuse(a, APP_USAGE, "--protseq %s: no protocol sequence has that name",
                              o->protseq);
    }
    return 0;
}

static bool holds(mr_slice text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (mr_slice_eq_nocase(mr_slice_sub(text, i, len), mr_slice_of(part, len)))
            return true;
    return false;
}

bool map_passes(const struct map_filter *f, const mr_mapper_entry *e) {
    if (f->by_iface && (e->tower_bad || !mr_uuid_eq(&f->iface.uuid, &e->interface.uuid)))
        return false;
    if (f->by_object && !mr_uuid_eq(&f->object, &e->object))
        return false;
    if (f->protseq != MR_PROTSEQ_UNKNOWN && e->protseq != f->protseq)
        return false;
    return !f->annotation || holds(e->annotation, f->annotation);
}

/* Interfaces with names first, by name; then by UUID; within one by protocol and endpoint. */
static int compare(const void *pa, const void *pb) {
    const struct map_row *ra = pa, *rb = pb;
    const mr_mapper_entry *a = ra->entry, *b = rb->entry;
    const char *na = ra->name, *nb = rb->name;

    bool ua = strchr(na, ' ') != NULL, ub = strchr(nb, ' ') != NULL;
    if (ua != ub)
        return ua - ub;
    int order = strcasecmp(na, nb);
    if (!order)
        order = mr_uuid_cmp(&a->interface.uuid, &b->interface.uuid);
    if (!order)
        order = (a->interface.major > b->interface.major) -
                (a->interface.major < b->interface.major);
    if (!order)
        order = (a->protseq > b->protseq) - (a->protseq < b->protseq);
    if (!order)
        order = (a->port > b->port) - (a->port < b->port);
    /* entries lie in one array: their addresses keep the mapper's order */
    return order ? order : (a > b) - (a < b);
}

static int select_rows(struct map *map, const mr_mapper *mapper, const struct map_filter *f) {
    mr_arena *arena = &map->s->a->arena;
    char name[64];

    map->rows = mr_arena_get(arena, mapper->count + 1, sizeof *map->rows);
    if (!map->rows)
        return app_refuse(map->s->a, APP_BUG, "out of memory");
    for (size_t i = 0; i < mapper->count; i++) {
        const mr_mapper_entry *e = &mapper->entries[i];
        if (!map_passes(f, e))
            continue;
        struct map_row *row = &map->rows[map->count++];
        row->entry = e;
        row->name = mr_arena_add_str(arena, mr_slice_str(app_iface_name(&e->interface, name)));
        if (!row->name)
            return app_refuse(map->s->a, APP_BUG, "out of memory");
    }
    qsort(map->rows, map->count, sizeof *map->rows, compare);
    map->total = mapper->count;
    map->calls = mapper->calls;
    map->cut = mapper->cut;
    return 0;
}

/* ---- one target ---- */

static int probe_code(const struct map *map) {
    int code = APP_OK;
    for (size_t i = 0; i < map->count; i++) {
        switch (map->rows[i].probe) {
        case MAP_PROBE_NONE:
        case MAP_PROBE_BOUND:
            break;
        case MAP_PROBE_REFUSED:
        case MAP_PROBE_FILTERED:
        case MAP_PROBE_UNREACHABLE:
            return APP_TCP;
        case MAP_PROBE_REJECTED:
        case MAP_PROBE_MUTE:
        case MAP_PROBE_FAILED:
            code = APP_COMMUNICATION;
            break;
        }
    }
    return code;
}

static void write_json(struct map *map, int code) {
    app *a = map->s->a;
    mr_writer w;

    app_report_open(a, &w);
    app_report_target(&w, map->target, map->remote);
    app_report_vantage(map->s, &w, NULL);
    mr_writer_real(&w, "ms", app_session_ms(map->s));
    mr_writer_bool(&w, "partial", map->cut || code >= APP_INCOMPLETE);
    if (code && map->s->error.text[0])
        mr_writer_str(&w, "error", app_error(a, &map->s->error));
    map_json(map, &w);
    app_report_findings(map->s, &w);
    app_report_close(a, &w, code);
}

static int read_mapper(struct map *map, mr_client *client, mr_mapper *mapper) {
    const struct map_filter *filter = map->filter;
    app_session *s = map->s;
    int r = mr_mapper_init(mapper, client, mr_slice_str(map->target->host), &s->error);

    if (!r)
        r = mr_mapper_lookup_run(mapper, &(mr_mapper_query){0}, &s->error);
    int code = select_rows(map, mapper, filter);
    int failed = app_session_after(s, client, NULL, r, APP_DISCOVERY);
    if (failed >= APP_USAGE)
        return failed;
    if (failed == APP_DISCOVERY)
        app_session_blame_mapper(s);
    map->refused = failed != 0 && map->total == 0;
    if (failed)
        return app_refuse(s->a, failed, "%s: %s", map->target->host, app_error(s->a, &s->error));
    if (!code && filter->by_iface && map->count == 0 && !map->side)
        return app_refuse(s->a, APP_DISCOVERY, "%s: %s is not registered%s", map->target->host,
                          ((const struct map_options *)s->a->own)->interface,
                          map->total ? ", other interfaces are" : "");
    if (!code && map->cut)
        return app_refuse(s->a, APP_INCOMPLETE, "%s: the mapper's list has no end",
                          map->target->host);
    return code;
}

static int map_target(app *a, const app_target *target, void *user) {
    const struct map_options *o = a->own;
    const struct map_asked *asked = user;
    app_session s;
    struct map map = {.s = &s, .target = target, .filter = asked->filter};
    if (asked->sides[0])
        map.side = asked->sides[target - asked->targets];
    mr_mapper mapper = {0};
    mr_client *client = NULL;

    int code = app_session_open(a, &s);
    if (code)
        return code;
    uint16_t port = target->port ? (uint16_t)target->port : MR_MAPPER_PORT;
    s.subject = port == MR_MAPPER_PORT ? NULL : target->input;
    code = app_session_resolve(&s, target);
    if (!code)
        code = app_session_connect(&s, target, port, &mr_epmapper_iface.syntax, APP_DISCOVERY,
                                   &client);
    if (!code) {
        map.remote = &mr_client_get_report(client)->attempt.remote;
        code = read_mapper(&map, client, &mapper);
    }
    if (!code && o->probe)
        code = map_probe(&map);
    if (!code && o->probe)
        code = probe_code(&map);
    if (!code && map.side)
        code = map_side_keep(&map);
    if (a->set.json || a->set.jsonl)
        write_json(&map, code);
    else if (client && !map.side)
        map_show(&map, o);
    app_session_tell_findings(&s);
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    app_session_close(&s);
    return code;
}

static int check(const app *a, const struct map_options *o, size_t count) {
    if (o->watch && count > 1)
        return app_refuse(a, APP_USAGE, "--watch: one target is watched at a time");
    if (o->watch && (o->probe || (o->format != MAP_TABLE && o->format != MAP_JSON)))
        return app_refuse(a, APP_USAGE, "--watch goes neither with --probe nor with --format");
    if (o->interval && !o->watch)
        return app_refuse(a, APP_USAGE, "--interval goes with --watch");
    return 0;
}

static int run(app *a) {
    const struct map_options *o = a->own;
    struct map_filter filter;
    app_target *targets;
    size_t count;

    if (o->format == MAP_JSON)
        a->set.json = true;
    int code = read_filter(a, o, &filter);
    if (!code)
        code = app_targets_read(a, 0, &targets, &count);
    for (size_t i = 0; !code && i < count; i++)
        if (targets[i].binding && targets[i].binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
            code = app_refuse(a, APP_USAGE, "%s: the mapper is asked over ncacn_ip_tcp",
                              targets[i].input);
    if (!code)
        code = check(a, o, count);
    if (code)
        return code;
    if (o->watch)
        return map_watch(a, &targets[0], &filter);
    a->tight = o->format != MAP_TABLE && !a->set.json;
    bool two = count == 2 && a->arg_count == 2 && !targets[0].swept;
    if (two && !o->lists && !o->probe && !a->tight && !a->set.jsonl)
        return map_compare(a, targets, map_target, &filter);
    struct map_asked asked = {.filter = &filter, .targets = targets};
    return app_jobs_run(a, targets, count, map_target, &asked);
}

const app_command app_map = {
    .name = "map",
    .line = "list what the endpoint mapper of a host knows",
    .synopsis = "TARGET...",
    .about =
        "Asks the endpoint mapper (TCP 135, or TARGET:PORT) for everything that is registered and "
        "shows it grouped by interface, with the names of interfaces, services and protocol "
        "documents. Where the mapper says 0.0.0.0 the host that was asked is shown. --probe "
        "connects to every TCP endpoint and binds to its interfaces, all at once. Two hosts by "
        "name are compared: what only one of them registers, and what they register differently; "
        "--lists, --probe, --jsonl or a --format show both lists instead. --watch "
        "goes on asking and shows what registers and what goes.",
    .examples = {"msrpc map dc01 --interface drsuapi --probe",
                 "where replication listens, and whether it answers from here",
                 "msrpc map dc01 dc02", "what two domain controllers register differently",
                 "msrpc map dc01 -u 'CORP\\alice'",
                 "where the mapper takes no strangers; her password is asked for"},
    .exits = {"0", "listed; of two hosts: they register the same",
              "1", "two hosts register different things",
              "10 20 30 40", "the failing phase; with --probe the first of any endpoint"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct map_options),
    .run = run,
};
