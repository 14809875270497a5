/*
 * msrpc map A B: what two hosts register differently. Of each interface a host has features: its
 * versions, its annotations, and its endpoints without what changes at every start anyway (dynamic
 * ports, generated names of local endpoints) and without the host's own address. What the two sets
 * of features do not share is the difference.
 */
#include "map.h"

#include <stdlib.h>

#include <msrpc/ifaces/names.h>

#include "report.h"

#define ARENA_CAP ((size_t)64 << 20)

enum kind { VERSION, ANNOTATION, ENDPOINT };

struct feature {
    mr_syntax iface;
    enum kind kind;
    const char *value;
};

struct map_side {
    const app_target *target;
    mr_arena arena;
    struct feature *features; /* sorted, each once */
    size_t count, ifaces;
    bool known;
};

/* Both sides from one interface on, and how far their features of it go. */
struct pair {
    const struct map_side *sides;
    size_t from[2], to[2];
};

/* ---- features ---- */

/* The ranges Windows takes ports from that nobody asked for: today's and that before 2008. */
static bool is_dynamic_port(uint16_t port) {
    return mr_port_is_of_era(port, MR_PORT_ERA_2008) || mr_port_is_of_era(port, MR_PORT_ERA_2003);
}

/* "LRPC-0123456789abcdef01", "OLE6D2F...": made up by the runtime at every start. */
static bool is_generated(mr_slice name) {
    size_t i = mr_slice_eq_nocase(mr_slice_sub(name, 0, 5), MR_SLICE_LIT("LRPC-"))  ? 5
               : mr_slice_eq_nocase(mr_slice_sub(name, 0, 3), MR_SLICE_LIT("OLE")) ? 3
                                                                               : 0;
    if (!i || name.len < i + 8)
        return false;
    while (i < name.len && strchr("0123456789abcdefABCDEF", name.data[i]) && name.data[i])
        i++;
    return i == name.len;
}

/* Pipes are named in any case; what else a text is compared by is as it came. */
static char *endpoint_text(mr_arena *arena, const mr_mapper_entry *e) {
    mr_slice seq = e->protseq_text, at = e->endpoint;

    if (e->port && is_dynamic_port(e->port))
        return mr_arena_add_fmt(arena, "%.*s dynamic port", (int)seq.len, (const char *)seq.data);
    if (is_generated(at))
        return mr_arena_add_fmt(arena, "%.*s generated name", (int)seq.len,
                                (const char *)seq.data);
    char *text = mr_arena_add_fmt(arena, "%.*s %.*s", (int)seq.len, (const char *)seq.data,
                                  (int)at.len, (const char *)at.data);
    for (char *p = text; p && *p && e->protseq == MR_PROTSEQ_NCACN_NP; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    return text;
}

static int compare_feature(const void *pa, const void *pb) {
    const struct feature *a = pa, *b = pb;
    int order = mr_uuid_cmp(&a->iface.uuid, &b->iface.uuid);

    if (!order)
        order = (a->kind > b->kind) - (a->kind < b->kind);
    return order ? order : strcmp(a->value, b->value);
}

/* Adds a feature; false without memory. */
static bool add(struct map_side *side, const mr_mapper_entry *e, enum kind kind, char *value) {
    if (!value)
        return false;
    side->features[side->count++] = (struct feature){e->interface, kind, value};
    return true;
}

int map_side_keep(const struct map *map) {
    struct map_side *side = map->side;
    mr_arena *arena = &side->arena;
    size_t kept = 0;

    side->features = mr_arena_get(arena, map->count * 3 + 1, sizeof *side->features);
    bool good = side->features != NULL;
    for (size_t i = 0; good && i < map->count; i++) {
        const mr_mapper_entry *e = map->rows[i].entry;
        if (e->tower_bad)
            continue;
        good = add(side, e, VERSION, mr_arena_add_fmt(arena, "%u.%u", e->interface.major,
                                                      e->interface.minor)) &&
               add(side, e, ENDPOINT, endpoint_text(arena, e)) &&
               (!e->annotation.len ||
                add(side, e, ANNOTATION, mr_arena_add_str(arena, e->annotation)));
    }
    if (!good)
        return app_refuse(map->s->a, APP_BUG, "out of memory");
    qsort(side->features, side->count, sizeof *side->features, compare_feature);
    for (size_t i = 0; i < side->count; i++) {
        const struct feature *last = kept ? &side->features[kept - 1] : NULL;
        side->ifaces += !last || !mr_uuid_eq(&last->iface.uuid, &side->features[i].iface.uuid);
        if (!last || compare_feature(last, &side->features[i]) != 0)
            side->features[kept++] = side->features[i];
    }
    side->count = kept;
    side->known = true;
    return 0;
}

/* ---- pairs ---- */

static size_t iface_end(const struct map_side *side, size_t from, const mr_uuid *uuid) {
    while (from < side->count && mr_uuid_eq(&side->features[from].iface.uuid, uuid))
        from++;
    return from;
}

/* The next interface of either side; false past the last. Begins with a zeroed from and to. */
static bool next_pair(struct pair *p) {
    const struct feature *heads[2];

    for (int k = 0; k < 2; k++) {
        p->from[k] = p->to[k];
        heads[k] = p->from[k] < p->sides[k].count ? &p->sides[k].features[p->from[k]] : NULL;
    }
    if (!heads[0] && !heads[1])
        return false;
    int order = !heads[0] ? 1 : !heads[1] ? -1
                : mr_uuid_cmp(&heads[0]->iface.uuid, &heads[1]->iface.uuid);
    const mr_uuid *uuid = order <= 0 ? &heads[0]->iface.uuid : &heads[1]->iface.uuid;
    for (int k = 0; k < 2; k++)
        p->to[k] = iface_end(&p->sides[k], p->from[k], uuid);
    return true;
}

static bool is_on(const struct pair *p, int k) {
    return p->from[k] < p->to[k];
}

/* Whether the other side has the feature @i of side @k, too. */
static bool is_shared(const struct pair *p, int k, size_t i) {
    const struct map_side *other = &p->sides[!k];

    for (size_t n = p->from[!k]; n < p->to[!k]; n++)
        if (compare_feature(&other->features[n], &p->sides[k].features[i]) == 0)
            return true;
    return false;
}

static bool pair_differs(const struct pair *p) {
    for (int k = 0; k < 2; k++)
        for (size_t i = p->from[k]; i < p->to[k]; i++)
            if (!is_shared(p, k, i))
                return true;
    return false;
}

static const mr_syntax *pair_iface(const struct pair *p) {
    int k = !is_on(p, 0);
    return &p->sides[k].features[p->to[k] - 1].iface;
}

/* ---- the screen ---- */

static void show_head(app *a, const struct pair *p) {
    const mr_syntax *iface = pair_iface(p);
    const mr_iface_name *known = mr_name_find(&iface->uuid);
    char name[64], uuid[MR_UUID_TEXT], left[160];
    const char *service = known ? mr_name_service(known) : "";

    app_iface_name(iface, name);
    bool named = !strchr(name, ' ');
    snprintf(left, sizeof left, "%s%s%s", named ? name : "", *service ? "  " : "", service);
    fprintf(a->out, "   %s%-40.80s%s %s\n", app_style(a, APP_BOLD), left, app_style(a, APP_PLAIN),
            mr_uuid_text(&iface->uuid, uuid));
}

static void show_features(app *a, const struct pair *p, int k) {
    static const char *const kinds[] = {
        [VERSION] = "version ", [ANNOTATION] = "annotation ", [ENDPOINT] = ""};
    const struct map_side *side = &p->sides[k];

    for (size_t i = p->from[k]; i < p->to[k]; i++) {
        const struct feature *f = &side->features[i];
        if (!is_shared(p, k, i))
            fprintf(a->out, "     %s: %s%s\n", side->target->input, kinds[f->kind],
                    app_safe(a, mr_slice_str(f->value)));
    }
}

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static void show(app *a, const struct map_side sides[2], const size_t only[2], size_t differ,
                 size_t same) {
    struct pair p;

    for (int k = 0; k < 2; k++) {
        if (only[k] && !a->set.quiet)
            fprintf(a->out, "\n only on %s\n", sides[k].target->input);
        for (p = (struct pair){.sides = sides}; !a->set.quiet && next_pair(&p);)
            if (!is_on(&p, !k)) {
                show_head(a, &p);
                if (a->set.verbose)
                    show_features(a, &p, k);
            }
    }
    if (differ && !a->set.quiet)
        fprintf(a->out, "\n registered differently\n");
    for (p = (struct pair){.sides = sides}; !a->set.quiet && next_pair(&p);) {
        if (!is_on(&p, 0) || !is_on(&p, 1) || !pair_differs(&p))
            continue;
        show_head(a, &p);
        show_features(a, &p, 0);
        show_features(a, &p, 1);
    }
    fprintf(a->out, "%s %zu interface%s the same", a->set.quiet ? "" : "\n", same, plural(same));
    if (differ)
        fprintf(a->out, ", %zu different", differ);
    for (int k = 0; k < 2; k++)
        if (only[k])
            fprintf(a->out, ", %zu only on %s", only[k], sides[k].target->input);
    fprintf(a->out, "%s(dynamic ports aside)\n", only[0] && only[1] ? "\n " : " ");
}

/* ---- JSON ---- */

static void json_features(const struct pair *p, int k, mr_writer *w) {
    static const char *const kinds[] = {
        [VERSION] = "version", [ANNOTATION] = "annotation", [ENDPOINT] = "endpoint"};
    const struct map_side *side = &p->sides[k];

    mr_writer_open(w, k ? "second" : "first", MR_SHAPE_ARRAY);
    for (size_t i = p->from[k]; i < p->to[k]; i++) {
        if (is_shared(p, k, i))
            continue;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "kind", kinds[side->features[i].kind]);
        mr_writer_str(w, "value", side->features[i].value);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

/* The member "differences" of the whole report. */
static void write_json(app *a, const struct map_side sides[2], size_t same) {
    struct pair p = {.sides = sides};
    mr_writer w;

    fputs("\"differences\":\n", a->out);
    mr_writer_init_json(&w, app_sink_file, a->out, true);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    mr_writer_uint(&w, "same", same);
    mr_writer_open(&w, "interfaces", MR_SHAPE_ARRAY);
    while (next_pair(&p)) {
        if (!pair_differs(&p))
            continue;
        mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
        app_report_iface(&w, "interface", pair_iface(&p));
        mr_writer_str(&w, "on", !is_on(&p, 1) ? "first" : !is_on(&p, 0) ? "second" : "both");
        json_features(&p, 0, &w);
        json_features(&p, 1, &w);
        mr_writer_close(&w);
    }
    mr_writer_close(&w);
    mr_writer_close(&w);
    (void)mr_writer_flush(&w); /* what was lost is told when the output closes */
    mr_writer_deinit(&w);
    fputs(",\n", a->out);
}

/* ---- the run ---- */

static int judge(app *a, const struct map_side sides[2], const struct map_filter *filter) {
    struct pair p = {.sides = sides};
    size_t same = 0, differ = 0, only[2] = {0};

    while (next_pair(&p)) {
        if (!is_on(&p, 0) || !is_on(&p, 1))
            only[!is_on(&p, 0)]++;
        else if (pair_differs(&p))
            differ++;
        else
            same++;
    }
    if (app_reports_end(a))
        write_json(a, sides, same);
    else
        show(a, sides, only, differ, same);
    if (filter->by_iface && same + differ + only[0] + only[1] == 0)
        return app_refuse(a, APP_DISCOVERY, "%s is registered on neither",
                          ((const struct map_options *)a->own)->interface);
    return differ || only[0] || only[1] ? APP_WARNINGS : APP_OK;
}

int map_compare(app *a, const app_target targets[2], app_target_fn *fn,
                const struct map_filter *filter) {
    struct map_side sides[2] = {{.target = &targets[0]}, {.target = &targets[1]}};
    struct map_asked asked = {.filter = filter, .targets = targets,
                              .sides = {&sides[0], &sides[1]}};
    bool screen = !a->set.json;

    for (int k = 0; k < 2; k++)
        mr_arena_init(&sides[k].arena, ARENA_CAP);
    app_reports_open(a, 2);
    if (screen && !a->set.quiet)
        fprintf(a->out, "msrpc map %s %s\n", targets[0].input, targets[1].input);
    int code = app_jobs_each(a, targets, 2, fn, &asked);
    if (sides[0].known && sides[1].known)
        code = app_worse(code, judge(a, sides, filter));
    else if (screen)
        fprintf(a->out, "\n nothing to compare: %s\n",
                sides[0].known   ? "only the first has a list"
                : sides[1].known ? "only the second has a list" : "neither has a list");
    for (int k = 0; k < 2; k++)
        mr_arena_deinit(&sides[k].arena);
    return app_reports_close(a, code);
}
