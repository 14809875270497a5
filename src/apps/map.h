/* msrpc map, inside: what was read from the mapper, and the forms it is shown in. */
#ifndef MSRPC_APP_MAP_H
#define MSRPC_APP_MAP_H

#include "jobs.h"
#include "session.h"

/* What a probe of an endpoint found (--probe). */
enum map_probe {
    MAP_PROBE_NONE,      /* not probed: no TCP endpoint */
    MAP_PROBE_BOUND,     /* answers, and serves the interface */
    MAP_PROBE_REJECTED,  /* answers, but not with this interface */
    MAP_PROBE_REFUSED,   /* NOT LISTENING */
    MAP_PROBE_FILTERED,  /* silence */
    MAP_PROBE_UNREACHABLE,
    MAP_PROBE_MUTE,      /* TCP answers, RPC does not */
    MAP_PROBE_FAILED,    /* anything else */
};

struct map_row {
    const mr_mapper_entry *entry;
    const char *name;     /* of its interface, see app_iface_name: what rows are sorted by */
    enum map_probe probe;
    const char *detail;   /* of the probe; NULL: nothing to add */
};

struct map_options {
    const char *interface, *protseq, *annotation, *object;
    unsigned format;
    bool probe, lists, watch;
    mr_nsec interval;
};

/* Which registrations are asked for. */
struct map_filter {
    bool by_iface, by_object;
    mr_syntax iface;
    mr_uuid object;
    enum mr_protseq protseq;
    const char *annotation;
};

enum map_format { MAP_TABLE, MAP_RPCDUMP, MAP_PORTQRY, MAP_CSV, MAP_JSON };

struct map {
    app_session *s;
    const app_target *target;
    const mr_addr *remote;    /* the mapper that answered */
    struct map_row *rows;     /* sorted by interface, then protocol sequence and endpoint */
    size_t count;
    size_t total;             /* registered, before filters */
    unsigned calls;
    bool refused;             /* nothing was told */
    bool cut;
    const struct map_filter *filter;
    struct map_side *side;    /* two hosts are compared, and this is one of them; else NULL */
};

/* map.c */
bool map_passes(const struct map_filter *f, const mr_mapper_entry *e);

/* Tests every TCP endpoint of the rows, all at once; sets row->probe. 0 or an exit code. */
int map_probe(struct map *map);
const char *map_probe_name(enum map_probe probe);

/* The string binding of an entry in the app's arena. */
const char *map_binding(app *a, const mr_mapper_entry *entry);
/* Prints the rows in the format asked for. */
void map_show(const struct map *map, const struct map_options *options);
/* The layout of portqry's list of endpoints: head, an entry, foot. */
void map_portqry_open(FILE *out);
void map_portqry_entry(app *a, FILE *out, const mr_mapper_entry *entry);
void map_portqry_close(FILE *out, size_t count);
/* The members "endpoints" and "total" of the JSON report. */
void map_json(const struct map *map, mr_writer *w);
/* One registration as an object; @key as in mr_writer_open. Memory from the app's arena. */
void map_json_entry(app *a, const char *key, const struct map_row *row, mr_writer *w);

/* What the target function is given as @user. */
struct map_asked {
    const struct map_filter *filter;
    const app_target *targets;
    struct map_side *sides[2]; /* of two targets that are compared; else NULL */
};

/* map_compare.c */
/* Keeps what @map has of its host for the comparison. 0 or an exit code. */
int map_side_keep(const struct map *map);
/* Asks both targets by @fn and shows what they register differently; the exit code of the run. */
int map_compare(app *a, const app_target targets[2], app_target_fn *fn,
                const struct map_filter *filter);

/* map_watch.c: lists, then shows what registers and what goes, until interrupted. */
int map_watch(app *a, const app_target *target, const struct map_filter *filter);

#endif
