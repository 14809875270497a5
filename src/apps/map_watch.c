/*
 * msrpc map --watch: the mapper's list again and again over one connection, and a line for each
 * registration that came or went in between. A mapper that cannot be reached is said once, so is
 * its return, with what changed since the last list that was read. Two lists are held, no more.
 */
#include "map.h"

#include <stdlib.h>

#include <msrpc/ifaces/epmapper.h>

#include "report.h"
#include "verdict.h"

#define ARENA_CAP ((size_t)64 << 20)
#define INTERVAL_DEFAULT (2 * MR_SEC)

/* One list that was read, sorted. */
struct list {
    mr_arena arena;
    mr_mapper_entry *items;
    size_t count;
};

struct watch {
    app a;                  /* a copy: its arena lives from one question to the next */
    app_session s;
    const app_target *target;
    const struct map_filter *filter;
    mr_nsec interval;
    mr_client *client;      /* NULL while there is no connection */
    struct list lists[2];   /* the last that was read is lists[now] */
    unsigned now;
    bool listed, away;      /* one was read; the mapper cannot be reached */
    mr_writer report;       /* --json: the one object, open all the time */
};

enum event { LISTED, ADDED, REMOVED, UNREACHABLE, BACK };

/* ---- telling ---- */

static const char *const event_names[] = {
    [LISTED] = "listed", [ADDED] = "added", [REMOVED] = "removed", [UNREACHABLE] = "unreachable",
    [BACK] = "back",
};

static const char *time_text(char out[MR_TIME_TEXT]) {
    int64_t sec;
    uint32_t nsec;

    mr_clock_get_wall(&sec, &nsec);
    return mr_time_text(sec, nsec, out);
}

static void json_event(struct watch *w, mr_writer *writer, enum event event,
                       const mr_mapper_entry *e, const char *why) {
    char time[MR_TIME_TEXT];

    mr_writer_str(writer, "time", time_text(time));
    mr_writer_str(writer, "event", event_names[event]);
    if (e)
        map_json_entry(&w->a, "endpoint", &(struct map_row){.entry = e}, writer);
    if (event == LISTED || event == BACK)
        mr_writer_uint(writer, "total", w->lists[w->now].count);
    if (why)
        mr_writer_str(writer, "error", why);
}

static void screen_event(struct watch *w, enum event event, const mr_mapper_entry *e,
                         const char *why) {
    static const enum app_style styles[] = {
        [LISTED] = APP_PLAIN, [ADDED] = APP_GREEN, [REMOVED] = APP_RED, [UNREACHABLE] = APP_RED,
        [BACK] = APP_GREEN,
    };
    app *a = &w->a;
    char time[MR_TIME_TEXT], name[64];
    size_t count = w->lists[w->now].count;

    fprintf(a->out, "%.8s %s", time_text(time) + 11, app_style(a, styles[event]));
    if (e)
        fprintf(a->out, "%c %s  %s", event == ADDED ? '+' : '-',
                e->tower_bad ? "(a tower that cannot be read)"
                             : app_iface_name(&e->interface, name),
                app_safe(a, mr_slice_str(map_binding(a, e))));
    else if (event == UNREACHABLE)
        fprintf(a->out, "%s", why);
    else
        fprintf(a->out, "%zu endpoint%s registered%s", count, count == 1 ? "" : "s",
                event == BACK ? ", the mapper is back" : "");
    fputs(app_style(a, APP_PLAIN), a->out);
    if (e && e->annotation.len)
        fprintf(a->out, "  %s", app_safe(a, e->annotation));
    fputc('\n', a->out);
}

static void tell(struct watch *w, enum event event, const mr_mapper_entry *e, const char *why) {
    app *a = &w->a;
    mr_writer line;

    if (a->set.jsonl) {
        app_report_open(a, &line);
        mr_writer_str(&line, "target", w->target->input);
        json_event(w, &line, event, e, why);
        mr_writer_close(&line);
        (void)mr_writer_flush(&line); /* what was lost is told when the output closes */
        mr_writer_deinit(&line);
    } else if (a->set.json) {
        mr_writer_open(&w->report, NULL, MR_SHAPE_OBJECT);
        json_event(w, &w->report, event, e, why);
        mr_writer_close(&w->report);
    } else {
        screen_event(w, event, e, why);
    }
    fflush(a->out);
}

/* ---- lists ---- */

static int compare_slice(mr_slice a, mr_slice b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entry(const void *pa, const void *pb) {
    const mr_mapper_entry *a = pa, *b = pb;
    int order = mr_uuid_cmp(&a->interface.uuid, &b->interface.uuid);

    if (!order)
        order = (a->interface.major > b->interface.major) -
                (a->interface.major < b->interface.major);
    if (!order)
        order = (a->interface.minor > b->interface.minor) -
                (a->interface.minor < b->interface.minor);
    if (!order)
        order = compare_slice(a->protseq_text, b->protseq_text);
    if (!order)
        order = compare_slice(a->endpoint, b->endpoint);
    if (!order)
        order = compare_slice(a->host, b->host);
    if (!order)
        order = mr_uuid_cmp(&a->object, &b->object);
    return order ? order : compare_slice(a->annotation, b->annotation);
}

static bool copy(mr_arena *arena, mr_slice *s) {
    char *text = mr_arena_get_raw(arena, s->len + 1, 1);

    if (text && s->len)
        memcpy(text, s->data, s->len);
    s->data = (const uint8_t *)text;
    return text != NULL;
}

static int keep_list(struct watch *w, const mr_mapper *mapper, struct list *list) {
    mr_arena *arena = &list->arena;

    mr_arena_reset(arena);
    list->count = 0;
    list->items = mr_arena_get(arena, mapper->count + 1, sizeof *list->items);
    bool good = list->items != NULL;
    for (size_t i = 0; good && i < mapper->count; i++) {
        mr_mapper_entry *e = &list->items[list->count];
        if (!map_passes(w->filter, &mapper->entries[i]))
            continue;
        *e = mapper->entries[i];
        list->count++;
        good = copy(arena, &e->protseq_text) && copy(arena, &e->host) &&
               copy(arena, &e->endpoint) && copy(arena, &e->annotation) && copy(arena, &e->tower);
    }
    if (!good)
        return app_refuse(&w->a, APP_BUG, "out of memory");
    qsort(list->items, list->count, sizeof *list->items, compare_entry);
    return 0;
}

/* Both lists are sorted: what only one has came or went. */
static void tell_changes(struct watch *w, const struct list *old, const struct list *new) {
    size_t i = 0, k = 0;

    while (i < old->count || k < new->count) {
        int order = i == old->count   ? 1
                    : k == new->count ? -1
                                      : compare_entry(&old->items[i], &new->items[k]);
        if (order < 0)
            tell(w, REMOVED, &old->items[i], NULL);
        if (order > 0)
            tell(w, ADDED, &new->items[k], NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

/* ---- one question ---- */

static int read_list(struct watch *w, mr_mapper *mapper) {
    app_session *s = &w->s;
    uint16_t port = w->target->port ? (uint16_t)w->target->port : MR_MAPPER_PORT;

    if (!w->client) {
        int code = app_session_connect(s, w->target, port, &mr_epmapper_iface.syntax,
                                       APP_DISCOVERY, &w->client);
        if (code)
            return code;
    }
    int r = mr_mapper_init(mapper, w->client, mr_slice_str(w->target->host), &s->error);
    if (!r)
        r = mr_mapper_lookup_run(mapper, &(mr_mapper_query){0}, &s->error);
    return app_session_after(s, w->client, NULL, r, APP_DISCOVERY);
}

/* The list was read: what is new? */
static int take_list(struct watch *w, const mr_mapper *mapper) {
    struct list *old = &w->lists[w->now], *new = &w->lists[!w->now];
    int code = keep_list(w, mapper, new);

    if (code)
        return code;
    w->now = !w->now;
    if (!w->listed || w->away)
        tell(w, w->listed ? BACK : LISTED, NULL, NULL);
    if (w->listed)
        tell_changes(w, old, new);
    w->listed = true;
    w->away = false;
    return 0;
}

/* A connection that broke, perhaps by the mapper's idle limit, is made anew once before that is
 * news. */
static int ask(struct watch *w) {
    mr_mapper mapper = {0};
    bool again = w->client != NULL;
    int code = read_list(w, &mapper);

    if (code && code < APP_USAGE) {
        mr_client_free(w->client);
        w->client = NULL;
        if (again) {
            mr_mapper_deinit(&mapper);
            mapper = (mr_mapper){0};
            code = read_list(w, &mapper);
        }
    }
    if (!code) {
        code = take_list(w, &mapper);
    } else if (code < APP_USAGE && !app_session_is_refused(&w->s) && !w->s.logon.code) {
        if (!w->away)
            tell(w, UNREACHABLE, NULL, app_error(&w->a, &w->s.error));
        w->away = true;
        mr_client_free(w->client);
        w->client = NULL;
        code = 0;
    }
    mr_mapper_deinit(&mapper);
    if (code == APP_COMMUNICATION && !w->s.logon.code) /* a refusal, which ends it */
        app_refuse(&w->a, code, "%s: %s", w->target->host, app_error(&w->a, &w->s.error));
    if (code)
        app_session_tell_findings(&w->s);
    app_session_forget(&w->s); /* it goes with the arena */
    mr_arena_reset(&w->a.arena);
    return code;
}

/* ---- the run ---- */

static void open_report(struct watch *w) {
    app *a = &w->a;
    char address[MR_ADDR_TEXT];

    if (a->set.json && !a->set.jsonl) {
        app_report_open(a, &w->report);
        app_report_target(&w->report, w->target, NULL);
        mr_writer_open(&w->report, "events", MR_SHAPE_ARRAY);
    } else if (!a->set.jsonl && !a->set.quiet) {
        fprintf(a->out, "msrpc map %s --watch   at %s, every %.3g s (UTC)\n", w->target->input,
                mr_addr_text(&w->s.addrs[0], address), (double)w->interval / MR_SEC);
    }
}

static int close_report(struct watch *w, int code) {
    if (!w->a.set.json || w->a.set.jsonl)
        return code;
    mr_writer_close(&w->report);
    mr_writer_real(&w->report, "ms", app_session_ms(&w->s));
    mr_writer_bool(&w->report, "partial", code >= APP_INCOMPLETE);
    return app_report_close(&w->a, &w->report, code);
}

int map_watch(app *a, const app_target *target, const struct map_filter *filter) {
    const struct map_options *o = a->own;
    struct watch w = {.a = *a, .target = target, .filter = filter,
                      .interval = o->interval ? o->interval : INTERVAL_DEFAULT};

    if (a->set.deadline == APP_DEADLINE_DEFAULT)
        w.a.deadline = MR_NSEC_NEVER; /* a watch lasts, unless somebody says how long */
    int code = app_session_open(&w.a, &w.s);
    if (code)
        return code;
    mr_arena_init(&w.a.arena, ARENA_CAP);
    mr_arena_init(&w.lists[0].arena, ARENA_CAP);
    mr_arena_init(&w.lists[1].arena, ARENA_CAP);
    code = app_session_resolve(&w.s, target);
    if (!code) {
        open_report(&w);
        w.s.quiet = true;
        while (!code && !ferror(a->out)) {
            code = ask(&w);
            if (!code)
                code = app_session_sleep(&w.s, w.interval);
        }
        code = close_report(&w, code);
    }
    mr_client_free(w.client);
    mr_arena_deinit(&w.lists[0].arena);
    mr_arena_deinit(&w.lists[1].arena);
    mr_arena_deinit(&w.a.arena);
    app_session_close(&w.s);
    return code;
}
